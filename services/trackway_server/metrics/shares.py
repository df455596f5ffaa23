"""The memory that one principal's streams share, so that no principal takes what all others need."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Share:
    """Bytes held by the streams of one principal together. Who comes first is served first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.users = 0
        """How many streams have it."""

    @property
    def held(self) -> int:
        """Bytes taken and not yet given back."""
        return self._held

    async def take(self, size: int) -> None:
        """Take so many bytes, as soon as fewer than the limit are held; one taking may go beyond."""
        if self._held >= self._limit or self._waiting:
            await self._turn()
        self._held += size
        self._next()

    def give(self, size: int) -> None:
        """Give back so many bytes."""
        self._held -= size
        self._next()

    async def _turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            self._next()
            raise

    def _next(self) -> None:
        while self._waiting and self._held < self._limit:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return


class Shares:
    """One share for each principal that has a stream."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._shares: dict[str, Share] = {}

    def __len__(self) -> int:
        return len(self._shares)

    @contextmanager
    def of(self, principal: str) -> Iterator[Share]:
        """The principal's share, for one stream inside the block."""
        share = self._shares.setdefault(principal, Share(self._limit))
        share.users += 1
        try:
            yield share
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[principal]
