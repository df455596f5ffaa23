"""Reads of points, over the store of one service: raw, as buckets, as aggregates, at steps.

Each takes series of many subjects and answers them one after another, so that what is held at once is some columns of
one series, or the buckets of one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.bucket_reads import BucketsWanted, bucketings
from trackway_server.metrics.domain.aggregates import (
    MOST_STEPS,
    Aggregate,
    StepAggregate,
    group_context,
    of_buckets,
    too_many_steps,
)
from trackway_server.metrics.domain.buckets import Bucketing, Buckets
from trackway_server.metrics.domain.chunks import Axis
from trackway_server.metrics.domain.points import Column, join_columns
from trackway_server.metrics.domain.ports import Series
from trackway_server.metrics.domain.reading import Chunk
from trackway_server.metrics.domain.selecting import EVERYTHING, FIRST_INT64, Bounds, Selection, chosen_series
from trackway_server.metrics.domain.values_at import StepValues, ValuesAt
from trackway_server.metrics.query import MetricQueries
from trackway_server.metrics.value_reads import values_at
from trackway_server.metrics.windows import range_of

T = TypeVar("T")

_ROWS_A_MESSAGE = 65_536
_POINTS_INLINE = 4096
"""Computing over fewer points costs less than handing them to a thread."""
_MEMBER_POINTS = 8 * MOST_STEPS


@dataclass(frozen=True, slots=True)
class Bucketed:
    """The buckets of a series, of one writer where `writer_id` is given."""

    series: Series
    writer_id: str
    level: int
    buckets: Buckets


@dataclass(frozen=True, slots=True)
class Membership:
    """What comes together in one aggregate: the series of a subject and key whose contexts differ only in `across`,
    each of which is one member, or each of whose writers is."""

    across: frozenset[str]
    across_writers: bool


@dataclass(frozen=True, slots=True)
class Aggregated:
    """Some rows of an aggregate. `context` is what the members share, canonical."""

    subject_id: str
    key: str
    context: str
    member_count: int
    rows: Aggregate


@dataclass(frozen=True, slots=True)
class ValuedSeries:
    """What a series had at some steps."""

    series: Series
    values: StepValues


@dataclass(frozen=True, slots=True)
class SeriesReads:
    """Reads over the store of one service."""

    queries: MetricQueries

    async def chosen(self, subject_ids: Collection[str], selection: Selection) -> list[Series]:
        """The series that are meant, by subject, key and context. Raises SERIES_NOT_FOUND where there is none."""
        found = await self.queries.transactions.read(lambda unit: chosen_series(unit.metrics, subject_ids, selection))
        if not found:
            named = ", ".join(repr(key) for key in selection.keys[:3]) or "of any key"
            message = f"There is no series {named} with this context; list the series of the run."
            raise DomainError(Reason.SERIES_NOT_FOUND, message, key=selection.keys[0] if selection.keys else "")
        return found

    async def points(
        self, subject_ids: Collection[str], selection: Selection, bounds: Bounds = EVERYTHING
    ) -> AsyncGenerator[Chunk, None]:
        """The points within `bounds`, series after series, writer after writer."""
        for series in await self.chosen(subject_ids, selection):
            async with aclosing(self._within(series, bounds)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def buckets(
        self, subject_ids: Collection[str], selection: Selection, wanted: BucketsWanted
    ) -> AsyncGenerator[Bucketed, None]:
        """Each series, or each writer of it, as buckets; those without a point are left out."""
        for series in await self.chosen(subject_ids, selection):
            found = await bucketings(self.queries.transactions, series, wanted)
            for writer_id in sorted(found):
                buckets = found[writer_id].result()
                yield Bucketed(series, writer_id, found[writer_id].level, buckets)

    async def aggregates(
        self,
        subject_ids: Collection[str],
        selection: Selection,
        bounds: Bounds,
        membership: Membership,
        most: int,
    ) -> AsyncGenerator[Aggregated, None]:
        """Series that belong together: step by step, or (`most` not 0) as that many buckets of steps or fewer. An
        aggregate comes in parts of at most 65,536 rows."""
        across, across_writers = membership.across, membership.across_writers
        for group in _groups(await self.chosen(subject_ids, selection), across):
            first = group[0]
            if most:
                count, rows = await self._bucketed(group, bounds, across_writers, most)
            else:
                count, rows = await self._stepwise(group, bounds, across_writers)
            for start in range(0, len(rows), _ROWS_A_MESSAGE):
                part = rows.part(start, start + _ROWS_A_MESSAGE)
                yield Aggregated(first.subject_id, first.key, group_context(first.context, across), count, part)

    async def values(
        self, subject_ids: Collection[str], selection: Selection, steps: Sequence[int], *, exact: bool
    ) -> AsyncGenerator[ValuedSeries, None]:
        """The values of each series at `steps`, or (not `exact`) the last before; series without any are left out."""
        for series in await self.chosen(subject_ids, selection):
            found = await values_at(self.queries.transactions, series, steps, exact=exact)
            found = found or await self._streamed_values(series, steps, exact=exact)
            if len(found.asked):
                yield ValuedSeries(series, found)

    async def _streamed_values(self, series: Series, steps: Sequence[int], *, exact: bool) -> StepValues:
        bounds = Bounds(min_step=min(steps) if exact else FIRST_INT64, max_step=max(steps))
        found = ValuesAt(steps, exact=exact)
        async with aclosing(self._within(series, bounds)) as chunks:
            async for chunk in chunks:
                await _computed(len(chunk.column), found.add, chunk.column)
        return found.result()

    async def _within(self, series: Series, bounds: Bounds) -> AsyncGenerator[Chunk, None]:
        async with aclosing(self.queries.points_of(series, range_of(bounds))) as chunks:
            async for chunk in chunks:
                column = bounds.of(chunk.column)
                if len(column):
                    yield Chunk(series, chunk.writer_id, column)

    async def _bucketed(
        self, group: Sequence[Series], bounds: Bounds, across_writers: bool, most: int
    ) -> tuple[int, Aggregate]:
        wanted = BucketsWanted(bounds, Axis.STEP, most, by_writer=across_writers)
        whole, members = Bucketing(Axis.STEP, most), 0
        for series in group:
            for one in (await bucketings(self.queries.transactions, series, wanted)).values():
                members += 1
                whole.join(one)
        return members, of_buckets(whole.result())

    async def _stepwise(self, group: Sequence[Series], bounds: Bounds, across_writers: bool) -> tuple[int, Aggregate]:
        aggregate, count = StepAggregate(), 0
        for series in group:
            async with (
                aclosing(self._within(series, bounds)) as chunks,
                aclosing(_members(chunks, across_writers)) as members,
            ):
                async for member in members:
                    count += 1
                    await _computed(len(member), aggregate.add, member)
        return count, aggregate.result()


async def _members(chunks: AsyncIterator[Chunk], across_writers: bool) -> AsyncGenerator[Column, None]:
    """The points of each member whole: of each writer where they count apart (theirs come one after another)."""
    parts: list[Column] = []
    writer_id, held = "", 0
    async for chunk in chunks:
        if across_writers and parts and chunk.writer_id != writer_id:
            yield join_columns(parts)
            parts, held = [], 0
        writer_id = chunk.writer_id
        parts.append(chunk.column)
        held += len(chunk.column)
        if held > _MEMBER_POINTS:
            raise too_many_steps()
    if parts:
        yield join_columns(parts)


def _groups(found: Sequence[Series], across: Collection[str]) -> Iterator[list[Series]]:
    """Series that come together; groups by subject, key and what their contexts share."""

    def group(series: Series) -> tuple[str, str, str]:
        return series.subject_id, series.key, group_context(series.context, across)

    for _, members in groupby(sorted(found, key=group), key=group):
        yield list(members)


async def _computed(points: int, work: Callable[[T], None], argument: T) -> None:
    if points <= _POINTS_INLINE:
        work(argument)
    else:
        await asyncio.to_thread(work, argument)
