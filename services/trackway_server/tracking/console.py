"""Reading console output: what is there, then what is still written, from a position of each writer on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.domain.records import WriterCursor
from trackway_server.tracking.domain.console import ConsoleBlock, last_lines, without_first_lines
from trackway_server.tracking.domain.ports import TrackingUnit

POLL_SECONDS = 0.5
"""How often a follower looks for more."""
BEAT_SECONDS = 10.0
MAX_FOLLOWERS = 1_000
_WRITERS = 1_000
_GROUP = 64
"""Writers whose pages are held in memory together."""


@dataclass(frozen=True, slots=True)
class ConsoleItem:
    """A block of a writer; `labels` are the writer's, with its first block."""

    writer_id: str
    block: ConsoleBlock
    labels: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class ConsoleQuery:
    """What to read. `after` has the position of each writer that was read before."""

    run_id: str
    labels: Mapping[str, str]
    last_lines: int
    follow: bool
    after: Mapping[str, int]


@dataclass(slots=True)
class _Place:
    """How far one writer has been read."""

    sequence: int
    skip: int = 0
    """Lines of the next block that were not asked for."""
    durable: int = -1
    told: bool = False


@dataclass(slots=True)
class _Reading:
    query: ConsoleQuery
    places: dict[str, _Place] = field(default_factory=dict)


class ConsoleReader:
    """Reads console output from a store, for many at once."""

    def __init__(self, store: Transactions[TrackingUnit], poll_seconds: float = POLL_SECONDS) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._followers = 0

    async def read(
        self, query: ConsoleQuery, check: Callable[[TrackingUnit], object]
    ) -> AsyncGenerator[ConsoleItem | None, None]:
        """The blocks, those of several writers mixed by time page by page; None is a sign of life.

        `check` raises where the caller may not read the run. Raises LIMIT_EXCEEDED where too many follow.
        """
        await self._store.read(check)
        if not query.follow:
            async for item in self._news(_Reading(query)):
                yield item
            return
        self._enter()
        try:
            async for followed in self._follow(_Reading(query), check):
                yield followed
        finally:
            self._followers -= 1

    async def _follow(
        self, reading: _Reading, check: Callable[[TrackingUnit], object]
    ) -> AsyncGenerator[ConsoleItem | None, None]:
        clock = asyncio.get_running_loop().time
        beat = 0.0
        while True:
            async for item in self._news(reading):
                yield item
                beat = clock() + BEAT_SECONDS
            if clock() >= beat:
                yield None
                await self._store.read(check)
                beat = clock() + BEAT_SECONDS
            await asyncio.sleep(self._poll_seconds)

    async def _news(self, reading: _Reading) -> AsyncGenerator[ConsoleItem, None]:
        """Everything beyond the places that have been reached."""
        after = ""
        while writers := await self._store.read(self._page_of_writers(reading, after)):
            after = writers[-1].writer_id
            changed = [writer for writer in writers if self._is_news(reading, writer)]
            for start in range(0, len(changed), _GROUP):
                async for item in self._of_group(reading, changed[start : start + _GROUP]):
                    yield item
            if len(writers) < _WRITERS:
                return

    def _page_of_writers(self, reading: _Reading, after: str) -> Callable[[TrackingUnit], list[WriterCursor]]:
        return lambda unit: unit.metrics.writers(reading.query.run_id, after, _WRITERS)

    def _is_news(self, reading: _Reading, writer: WriterCursor) -> bool:
        if not reading.query.labels.items() <= writer.labels.items():
            return False
        place = reading.places.get(writer.writer_id)
        return place is None or place.durable < writer.durable_sequence

    async def _of_group(self, reading: _Reading, writers: Sequence[WriterCursor]) -> AsyncGenerator[ConsoleItem, None]:
        left = list(writers)
        while left:
            found = await self._store.read(lambda unit: [(writer, _next(unit, reading, writer)) for writer in left])  # noqa: B023
            items = [
                (block.time_us, index, writer, block)
                for index, (writer, blocks) in enumerate(found)
                for block in blocks
            ]
            for _, _, writer, block in sorted(items, key=lambda item: item[:2]):
                place = reading.places[writer.writer_id]
                labels, place.told = (None if place.told else writer.labels), True
                yield ConsoleItem(writer.writer_id, block, labels)
            for writer, blocks in found:
                place = reading.places[writer.writer_id]
                if blocks:
                    place.sequence = blocks[-1].sequence
                else:
                    place.durable = writer.durable_sequence
            left = [writer for writer, blocks in found if blocks]

    def _enter(self) -> None:
        if self._followers >= MAX_FOLLOWERS:
            raise DomainError(
                Reason.LIMIT_EXCEEDED,
                f"{MAX_FOLLOWERS} callers follow consoles, as many as this server takes; try again later.",
                limit="console_followers",
                maximum=str(MAX_FOLLOWERS),
            )
        self._followers += 1


def _next(unit: TrackingUnit, reading: _Reading, writer: WriterCursor) -> list[ConsoleBlock]:
    """The writer's blocks of the next page that has any beyond its place."""
    place = reading.places.get(writer.writer_id)
    if place is None:
        place = reading.places[writer.writer_id] = _start(unit, reading.query, writer.writer_id)
    pages = unit.console.pages_after(writer.writer_id, place.sequence, 1)
    blocks = [block for page in pages for block in page.blocks if block.sequence > place.sequence]
    if blocks and place.skip:
        blocks[0], place.skip = without_first_lines(blocks[0], min(place.skip, blocks[0].line_count)), 0
    return blocks


def _start(unit: TrackingUnit, query: ConsoleQuery, writer_id: str) -> _Place:
    if writer_id in query.after:
        return _Place(query.after[writer_id])
    return _Place(*last_lines(unit.console, writer_id, query.last_lines)) if query.last_lines else _Place(-1)
