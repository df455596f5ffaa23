"""Tells followers inside this process that a subject has new points."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from trackway_server.core.errors import DomainError, Reason


class Bell:
    """Rung after commits. A follower that is not told (the commit was of another replica) looks by itself, later."""

    def __init__(self, most: int = 1_000) -> None:
        """`most` followers at once."""
        self._most = most
        self._listening: dict[str, set[asyncio.Event]] = {}
        self._count = 0

    @property
    def followers(self) -> int:
        """How many listen."""
        return self._count

    def ring(self, subject_id: str) -> None:
        """A subject has changed."""
        for event in self._listening.get(subject_id, ()):
            event.set()

    @contextmanager
    def listening(self, subject_ids: Collection[str]) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of the subjects changes. Raises LIMIT_EXCEEDED where too many listen."""
        if self._count >= self._most:
            message = f"{self._most} followers are open at this server, its limit; close some, or read at intervals."
            raise DomainError(Reason.LIMIT_EXCEEDED, message, limit="followers", maximum=str(self._most))
        event = asyncio.Event()
        self._count += 1
        try:
            for subject_id in subject_ids:
                self._listening.setdefault(subject_id, set()).add(event)
            yield event
        finally:
            self._count -= 1
            for subject_id in subject_ids:
                others = self._listening[subject_id]
                others.discard(event)
                if not others:
                    del self._listening[subject_id]
