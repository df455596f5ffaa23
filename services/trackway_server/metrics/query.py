"""Reading metrics: summaries brought up to date first, points as columns segment by segment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter

import numpy as np

from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.codec import decode_segment
from trackway_server.metrics.domain.points import Column, join_columns
from trackway_server.metrics.domain.ports import IngestUnit, MetricUnit, SegmentEntry, Series, Transactions
from trackway_server.metrics.domain.reading import Chunk, SummarisedSeries, fold, summarised

_SEGMENTS_AT_ONCE = 256
_POINTS_A_CHUNK = 65_536
_DECODED_AT_ONCE = 8
_SUBJECTS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """Some series of a subject; `following` continues after them, None on the last page."""

    series: Sequence[SummarisedSeries]
    following: int | None


@dataclass(frozen=True, slots=True)
class MetricQueries:
    """Reads over the store of one service."""

    transactions: Transactions[IngestUnit]

    async def fold(self, subject_ids: Collection[str] | None) -> None:
        """Bring the summaries of subjects (None: of all) up to date."""
        unfolded = await self.transactions.read(lambda unit: unit.metrics.unfolded_subjects(subject_ids))
        for start in range(0, len(unfolded), _SUBJECTS_AT_ONCE):
            await self._fold_some(unfolded[start : start + _SUBJECTS_AT_ONCE])

    async def _fold_some(self, subject_ids: Sequence[str]) -> None:
        rest = subject_ids
        while rest:
            rest = await self.transactions.write(partial(_fold, rest))

    async def page(self, subject_id: str, key: str, after: int, limit: int) -> SeriesPage:
        """Up to `limit` series by (key, context), of one key where it is given, after the series numbered `after`."""
        await self.fold([subject_id])
        return await self.transactions.read(lambda unit: _page(unit.metrics, subject_id, key, after, limit))

    async def of_subjects(
        self, subject_ids: Sequence[str], *, context: str | None, limit: int
    ) -> dict[str, list[SummarisedSeries]]:
        """Up to `limit` summarised series of some subjects, by subject; of one context where it is given."""
        await self.fold(subject_ids)
        found = await self.transactions.read(
            lambda unit: summarised(unit.metrics, unit.metrics.series_of_subjects(subject_ids, context, limit))
        )
        grouped: dict[str, list[SummarisedSeries]] = {subject_id: [] for subject_id in subject_ids}
        for one in found:
            grouped[one.subject_id].append(one)
        return grouped

    async def points(self, subject_id: str, key: str, context: str | None) -> AsyncGenerator[Chunk, None]:
        """All points of a key, of one context where it is given: series after series, writer after writer.

        Raises SERIES_NOT_FOUND where the subject has no such series.
        """
        found = await self.transactions.read(lambda unit: unit.metrics.series(subject_id, key, context))
        if not found:
            raise DomainError(
                Reason.SERIES_NOT_FOUND, f"There is no series {key!r} with this context; list the series.", key=key
            )
        for series in found:
            async for chunk in self._points_of(series):
                yield chunk

    async def _points_of(self, series: Series) -> AsyncIterator[Chunk]:
        number = series.number
        columns = await self.transactions.read(lambda unit: unit.metrics.columns(number))
        for writer_id, of_writer in groupby(columns, key=itemgetter(0)):
            own = [series_id for _, series_id in of_writer]
            async for entries in self._entries(writer_id, own):
                async for column in self._columns(writer_id, own, entries):
                    yield Chunk(series, writer_id, column)

    async def _entries(self, writer_id: str, own: Sequence[int]) -> AsyncIterator[list[int]]:
        """The first sequences of the segments that hold any of the writer's series `own`, some at a time."""
        after = -1
        while True:
            entries = await self.transactions.read(partial(_index, writer_id, after))
            holding = [entry.first_sequence for entry in entries if _holds(entry, own)]
            for start in range(0, len(holding), _DECODED_AT_ONCE):
                yield holding[start : start + _DECODED_AT_ONCE]
            if len(entries) < _SEGMENTS_AT_ONCE:
                return
            after = entries[-1].first_sequence

    async def _columns(self, writer_id: str, own: Sequence[int], first_sequences: list[int]) -> AsyncIterator[Column]:
        segments = await self.transactions.read(lambda unit: unit.metrics.segment_data(writer_id, first_sequences))
        for column in await asyncio.to_thread(_decode, segments, own):
            yield column


def _fold(subject_ids: Sequence[str], unit: IngestUnit) -> list[str]:
    """Fold some subjects; those that have more."""
    return [subject_id for subject_id in subject_ids if fold(unit.metrics, subject_id)]


def _index(writer_id: str, after: int, unit: IngestUnit) -> list[SegmentEntry]:
    return unit.metrics.segment_index(writer_id, after, _SEGMENTS_AT_ONCE)


def _holds(entry: SegmentEntry, own: Sequence[int]) -> bool:
    return bool(np.isin(own, np.frombuffer(entry.series, dtype="<u4")).any())


def _decode(segments: Sequence[bytes], own: Sequence[int]) -> list[Column]:
    """The points of a series in some segments of a writer, in order, in columns of at most 65,536 rows."""
    parts = [
        join_columns([b.column(n) for b in decode_segment(data, own) for n in range(len(b.series))])
        for data in segments
    ]
    if not parts:
        return []
    joined = join_columns(parts)
    return [_cut(joined, start) for start in range(0, len(joined), _POINTS_A_CHUNK)]


def _cut(column: Column, start: int) -> Column:
    span = slice(start, start + _POINTS_A_CHUNK)
    return Column(column.sequences[span], column.times[span], column.steps[span], column.values[span])


def _page(metrics: MetricUnit, subject_id: str, key: str, after: int, limit: int) -> SeriesPage:
    series = metrics.series_page(subject_id, key, after, limit + 1)
    following = series[limit - 1].number if len(series) > limit else None
    return SeriesPage(summarised(metrics, series[:limit]), following)
