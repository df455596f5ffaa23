"""The feed of events: every watcher gets every event once, in order, soon after its commit.

One reader follows the log for all watchers. It is woken by the commits of this process and looks by itself from time to
time, for those of other replicas. Watchers that keep up are served from its tail; one that resumes, or falls behind
because its client reads slowly, reads the store page by page. No watcher has a buffer of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain import histories
from trackway_server.registry.domain.events import START, Event, EventFilter, Position, parse_token
from trackway_server.registry.domain.ports import RegistryStore, RegistryTransaction
from trackway_server.registry.domain.tail import Tail

LOG = logging.getLogger(__name__)

BATCH_EVENTS = 256
BATCH_WEIGHT = 1 << 20


@dataclass(frozen=True, slots=True)
class FeedLimits:
    """How often to look and to speak, in seconds, and how many may watch at once."""

    poll_seconds: float = 1.0
    bookmark_seconds: float = 10.0
    max_watchers: int = 1_000


class EventFeed:
    """Follows the log of a store and serves watchers."""

    def __init__(
        self,
        store: RegistryStore,
        limits: FeedLimits | None = None,
        on_events: Callable[[Sequence[Event]], None] | None = None,
    ) -> None:
        """`on_events` is told of all events that the feed comes to see, in order, each once."""
        self._store = store
        self._on_events = on_events
        self._limits = limits or FeedLimits()
        self._tail = Tail()
        self._committed = asyncio.Event()
        self._watchers = 0
        self._closed = False

    @property
    def watchers(self) -> int:
        """How many watch now."""
        return self._watchers

    def notify(self) -> None:
        """Say that events may have been committed."""
        self._committed.set()

    def close(self) -> None:
        """End every watch with SHUTTING_DOWN, and refuse new ones, so that a draining server need not wait for them."""
        self._closed = True
        self._tail.wake()

    async def run(self) -> None:
        """Follow the log until cancelled. Whatever goes wrong with one look, the next one tries again."""
        begun = False
        while True:
            self._committed.clear()
            try:
                begun = begun or await self._begin()
                await self._follow()
            except DomainError as refused:
                LOG.warning("registry_feed_waits: %s", refused.reason.name)
            except Exception:
                LOG.exception("registry_feed_read_failed")
            await self._until_committed()

    async def watch(
        self, chosen: EventFilter, resume_token: str, from_start: bool
    ) -> AsyncGenerator[Event | Position, None]:
        """Stream a bookmark, then every event that the filter admits, and bookmarks in between.

        Begins after `resume_token` where given; else before the first event with `from_start`, else now. A bookmark is
        the position up to which everything was streamed. Raises DomainError: LIMIT_EXCEEDED, RESUME_TOKEN_INVALID,
        SHUTTING_DOWN.
        """
        clock = asyncio.get_running_loop().time
        with self._slot():
            position = await self._store.read(_find_start, resume_token, from_start)
            chosen = await self._store.read(histories.of_models, chosen)
            bookmark_due = clock()
            while True:
                self._check_open()
                if clock() >= bookmark_due:
                    yield position
                    bookmark_due = clock() + self._limits.bookmark_seconds
                events, seen = await self._next(chosen, position)
                for event in events:
                    yield event
                if seen == position:
                    await self._tail.grown(position.sequence, max(bookmark_due - clock(), 0))
                position = seen

    async def _next(self, chosen: EventFilter, position: Position) -> tuple[Sequence[Event], Position]:
        """Events after the position, and the position up to which there are no others."""
        if position.sequence >= self._tail.head.sequence:
            return (), position
        events, head = self._tail.after(position.sequence), self._tail.head
        if events is None:
            return await self._store.read(_read_batch, chosen, position)
        return [event for event in events if chosen.admits(event)], head

    @contextmanager
    def _slot(self) -> Iterator[None]:
        maximum = self._limits.max_watchers
        if self._watchers >= maximum:
            raise DomainError(
                Reason.LIMIT_EXCEEDED,
                f"{maximum} watchers are connected, as many as this server takes; end one or try again later.",
                limit="watchers",
                maximum=str(maximum),
            )
        self._watchers += 1
        try:
            yield
        finally:
            self._watchers -= 1

    def _check_open(self) -> None:
        if self._closed:
            raise DomainError(
                Reason.SHUTTING_DOWN, "The server is shutting down; resume the watch with its last token."
            )

    async def _begin(self) -> bool:
        self._tail.begin(await self._store.read(lambda tx: tx.events.head()))
        return True

    async def _follow(self) -> None:
        while events := await self._store.read(_read_all, self._tail.head.sequence):
            self._tail.extend(events)
            if self._on_events is not None:
                self._on_events(events)

    async def _until_committed(self) -> None:
        try:
            async with asyncio.timeout(self._limits.poll_seconds):
                await self._committed.wait()
        except TimeoutError:
            return


def _find_start(tx: RegistryTransaction, resume_token: str, from_start: bool) -> Position:
    if not resume_token:
        return START if from_start else tx.events.head()
    position = parse_token(resume_token)
    if position is None or not tx.events.has(position):
        raise DomainError(
            Reason.RESUME_TOKEN_INVALID,
            "The resume token is none of this server's history; list what there is, then watch without a token.",
        )
    return position


def _read_all(tx: RegistryTransaction, after: int) -> Sequence[Event]:
    return tx.events.page(None, after, BATCH_EVENTS, BATCH_WEIGHT)


def _read_batch(tx: RegistryTransaction, chosen: EventFilter, position: Position) -> tuple[Sequence[Event], Position]:
    events = tx.events.page(chosen, position.sequence, BATCH_EVENTS, BATCH_WEIGHT)
    return events, events[-1].position if events else tx.events.head()
