"""MetricUnit over plain dictionaries: the reference adapter, for tests and for reading."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar

import numpy as np

from trackway_server.metrics.domain.chunks import ChunkEntry, Move, NewChunk, NewRows, Range, WaitingSegment
from trackway_server.metrics.domain.points import Int64s, UInt32s
from trackway_server.metrics.domain.ports import SUMMARY_FIELDS, SegmentEntry, Series, SummaryRow, Unfolded
from trackway_server.metrics.domain.records import Segment, SeriesDefinition, WriterCursor, context_digest
from trackway_server.metrics.domain.summaries import SUMMARY, Summaries

StateT = TypeVar("StateT")
T = TypeVar("T")


@dataclass(slots=True)
class MetricState:
    """All that is stored."""

    writers: dict[str, WriterCursor] = field(default_factory=dict)
    series: dict[int, Series] = field(default_factory=dict)
    columns: dict[str, dict[int, int]] = field(default_factory=dict)
    segments: dict[str, list[Segment]] = field(default_factory=dict)
    unfolded: dict[str, dict[int, Summaries]] = field(default_factory=dict)
    summaries: dict[int, Summaries] = field(default_factory=dict)
    rows: dict[int, NewRows] = field(default_factory=dict)
    chunks: dict[int, tuple[ChunkEntry, NewChunk]] = field(default_factory=dict)
    leases: dict[str, tuple[str, int]] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def __deepcopy__(self, memo: object) -> MetricState:
        """A copy that shares what never changes."""
        return MetricState(
            dict(self.writers),
            dict(self.series),
            {writer: dict(columns) for writer, columns in self.columns.items()},
            {writer: list(segments) for writer, segments in self.segments.items()},
            {subject: dict(parts) for subject, parts in self.unfolded.items()},
            dict(self.summaries),
            dict(self.rows),
            dict(self.chunks),
            dict(self.leases),
            self.numbers,
        )


class MemoryTransactions(Generic[StateT]):
    """Transactions over a state in memory: a write works on a copy, which replaces the state when it succeeds."""

    def __init__(self, state: StateT) -> None:
        self._state = state
        self._lock = asyncio.Lock()

    async def read(self, work: Callable[[StateT], T]) -> T:
        """See Transactions."""
        return work(self._state)

    async def write(self, work: Callable[[StateT], T]) -> T:
        """See Transactions."""
        async with self._lock:
            draft = copy.deepcopy(self._state)
            result = work(draft)
            self._state = draft
            return result


class MemoryMetricUnit:
    """The metrics of one service, over a state."""

    def __init__(self, state: MetricState) -> None:
        self._state = state

    def writer(self, writer_id: str) -> WriterCursor | None:
        """See MetricUnit."""
        return self._state.writers.get(writer_id)

    def put_writer(self, cursor: WriterCursor) -> None:
        """See MetricUnit."""
        self._state.writers[cursor.writer_id] = cursor

    def writers(self, subject_id: str, after: str, limit: int) -> list[WriterCursor]:
        """See MetricUnit."""
        ids = sorted(w.writer_id for w in self._state.writers.values() if w.subject_id == subject_id)
        return [self._state.writers[one] for one in ids if one > after][:limit]

    def drop_unused_writers(self, before_us: int, limit: int) -> int:
        """See MetricUnit."""
        writers = self._state.writers.values()
        unused = [w.writer_id for w in writers if not w.durable_sequence and w.last_heard_us < before_us][:limit]
        for writer_id in unused:
            del self._state.writers[writer_id]
        return len(unused)

    def defined_series(self, writer_id: str) -> tuple[UInt32s, Int64s]:
        """See MetricUnit."""
        columns = self._state.columns.get(writer_id, {})
        return np.array(list(columns), dtype=np.uint32), np.array(list(columns.values()), dtype=np.int64)

    def define_series(self, cursor: WriterCursor, definitions: Sequence[SeriesDefinition]) -> Int64s:
        """See MetricUnit."""
        columns = self._state.columns.setdefault(cursor.writer_id, {})
        for definition in definitions:
            columns[definition.series_id] = self._series_number(cursor.subject_id, definition)
        return np.array([columns[definition.series_id] for definition in definitions], dtype=np.int64)

    def _series_number(self, subject_id: str, definition: SeriesDefinition) -> int:
        for series in self.series(subject_id, definition.key, definition.context):
            return series.number
        number = len(self._state.series) + 1
        self._state.series[number] = Series(number, subject_id, definition.key, definition.context)
        return number

    def series(self, subject_id: str, key: str, context: str | None) -> list[Series]:
        """See MetricUnit."""
        return [s for s in self._sorted_series(subject_id, context) if s.key == key]

    def series_page(self, subject_id: str, key: str, after: int, limit: int) -> list[Series]:
        """See MetricUnit."""
        found = [s for s in self._sorted_series(subject_id, None) if key in ("", s.key)]
        if after:
            if after not in self._state.series:
                return []
            found = [s for s in found if _order(s) > _order(self._state.series[after])]
        return found[:limit]

    def series_of_subjects(self, subject_ids: Sequence[str], context: str | None, limit: int) -> list[Series]:
        """See MetricUnit."""
        found = [series for subject_id in sorted(subject_ids) for series in self._sorted_series(subject_id, context)]
        return found[:limit]

    def summary_rows(self, subject_ids: Sequence[str], context: str | None, limit: int) -> Sequence[SummaryRow]:
        """See MetricUnit."""
        rows: list[SummaryRow] = []
        for one in self.series_of_subjects(subject_ids, context, limit):
            for summary in self.summaries([one.number]):
                rows.append((one.subject_id, one.key, one.context, *(int(summary[name]) for name in SUMMARY_FIELDS)))
        return rows

    def _sorted_series(self, subject_id: str, context: str | None) -> list[Series]:
        mine = (s for s in self._state.series.values() if s.subject_id == subject_id)
        return sorted((s for s in mine if context in (None, s.context)), key=_order)

    def columns(self, number: int) -> list[tuple[str, int]]:
        """See MetricUnit."""
        return sorted(
            (writer_id, series_id)
            for writer_id, columns in self._state.columns.items()
            for series_id, series in columns.items()
            if series == number
        )

    def add_segment(self, writer_id: str, segment: Segment) -> None:
        """See MetricUnit."""
        self._state.segments.setdefault(writer_id, []).append(segment)

    def segment_index(self, writer_id: str, after: int, limit: int) -> list[SegmentEntry]:
        """See MetricUnit."""
        segments = self._state.segments.get(writer_id, [])
        found = [s for s in segments if s.end_sequence > after + 1][:limit]
        return [SegmentEntry(s.first_sequence, s.end_sequence, s.point_count, s.series) for s in found]

    def segment_data(self, writer_id: str, first_sequences: Sequence[int]) -> list[bytes]:
        """See MetricUnit."""
        return [s.data for s in self._state.segments.get(writer_id, []) if s.first_sequence in first_sequences]

    def chunks(self, series: Sequence[int], within: Range | None) -> list[ChunkEntry]:
        """See MetricUnit."""
        found = [entry for entry, _ in self._state.chunks.values() if entry.series in set(series)]
        chosen = [entry for entry in found if within is None or entry.within(within)]
        return sorted(chosen, key=lambda entry: (entry.series, entry.number))

    def chunk_rows(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """See MetricUnit."""
        return {number: self._state.rows[number].data for number in numbers if number in self._state.rows}

    def chunk_values(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """See MetricUnit."""
        return {number: self._state.chunks[number][1].values for number in numbers if number in self._state.chunks}

    def chunk_rollups(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """See MetricUnit."""
        return {number: self._state.chunks[number][1].rollup for number in numbers if number in self._state.chunks}

    def waiting_subjects(self, after: str, limit: int) -> list[str]:
        """See MetricUnit."""
        subjects = {self._state.writers[writer].subject_id for writer, some in self._state.segments.items() if some}
        return sorted(subject for subject in subjects if subject > after)[:limit]

    def waiting_segments(self, subject_id: str, limit: int) -> list[WaitingSegment]:
        """See MetricUnit."""
        writers = sorted(w.writer_id for w in self._state.writers.values() if w.subject_id == subject_id)
        found = [
            WaitingSegment(writer_id, segment.first_sequence, segment.point_count, len(segment.series) // 4)
            for writer_id in writers
            for segment in self._state.segments.get(writer_id, [])
        ]
        return found[:limit]

    def count_segments(self) -> int:
        """See MetricUnit."""
        return sum(len(segments) for segments in self._state.segments.values())

    def lease_compaction(self, subject_id: str, holder: str, now_us: int, until_us: int) -> bool:
        """See MetricUnit."""
        held_by, held_until = self._state.leases.get(subject_id, (holder, 0))
        if held_by != holder and held_until > now_us:
            return False
        self._state.leases[subject_id] = (holder, until_us)
        return True

    def move(self, subject_id: str, move: Move) -> bool:
        """See MetricUnit."""
        state, taken = self._state, set(move.segments)
        waiting = {(one.writer_id, one.first_sequence) for one in self.waiting_segments(subject_id, 2**62)}
        if not taken <= waiting or not set(move.chunks) <= set(state.chunks):
            return False
        for writer_id, segments in state.segments.items():
            state.segments[writer_id] = [s for s in segments if (writer_id, s.first_sequence) not in taken]
        for number in move.chunks:
            del state.chunks[number]
        for added in move.added:
            self._add(added)
        used = {entry.rows for entry, _ in state.chunks.values()}
        state.rows = {number: rows for number, rows in state.rows.items() if number in used}
        return True

    def point_bytes(self, subject_id: str) -> int:
        """See MetricUnit."""
        state = self._state
        series = {number for number, one in state.series.items() if one.subject_id == subject_id}
        entries = [(entry, chunk) for entry, chunk in state.chunks.values() if entry.series in series]
        rows = sum(len(state.rows[number].data) for number in {entry.rows for entry, _ in entries})
        writers = [w.writer_id for w in state.writers.values() if w.subject_id == subject_id]
        segments = sum(len(segment.data) for writer in writers for segment in state.segments.get(writer, []))
        return segments + rows + sum(len(chunk.values) + len(chunk.rollup) for _, chunk in entries)

    def purge(self, subject_id: str, limit: int) -> bool:
        """See MetricUnit."""
        state = self._state
        series = {number for number, one in state.series.items() if one.subject_id == subject_id}
        state.chunks = {number: one for number, one in state.chunks.items() if one[0].series not in series}
        used = {entry.rows for entry, _ in state.chunks.values()}
        state.rows = {number: rows for number, rows in state.rows.items() if number in used}
        for writer_id in [w.writer_id for w in state.writers.values() if w.subject_id == subject_id]:
            for table in (state.segments, state.columns, state.writers):
                table.pop(writer_id, None)
        for number in series:
            del state.series[number]
            state.summaries.pop(number, None)
        state.unfolded.pop(subject_id, None)
        state.leases.pop(subject_id, None)
        return False

    def reclaim(self, most_bytes: int) -> int:
        """See MetricUnit."""
        return 0

    def _add(self, added: NewRows) -> None:
        rows = next(self._state.numbers)
        self._state.rows[rows] = added
        span = (added.min_step, added.max_step, added.min_time, added.max_time)
        for chunk in added.chunks:
            number = next(self._state.numbers)
            entry = ChunkEntry(number, chunk.series, rows, added.point_count, *span, added.writers)
            self._state.chunks[number] = (entry, chunk)

    def add_unfolded(self, subject_id: str, summaries: Summaries) -> None:
        """See MetricUnit."""
        self._state.unfolded.setdefault(subject_id, {})[next(self._state.numbers)] = summaries

    def unfolded_subjects(self, among: Collection[str] | None) -> list[str]:
        """See MetricUnit."""
        return [subject for subject in self._state.unfolded if among is None or subject in among]

    def take_unfolded(self, subject_id: str, limit: int, number: int | None = None) -> Unfolded:
        """See MetricUnit."""
        parts = self._state.unfolded.get(subject_id, {})
        taken = sorted(each for each in parts if number in (None, each))[:limit]
        found = [parts.pop(each) for each in taken]
        if not parts:
            self._state.unfolded.pop(subject_id, None)
        return Unfolded(taken[0] if taken else 0, found)

    def put_back(self, subject_id: str, number: int, summaries: Summaries) -> None:
        """See MetricUnit."""
        self._state.unfolded.setdefault(subject_id, {})[number] = summaries

    def summaries(self, numbers: Sequence[int]) -> Summaries:
        """See MetricUnit."""
        found = [self._state.summaries[number] for number in sorted(numbers) if number in self._state.summaries]
        return np.concatenate([np.empty(0, dtype=SUMMARY), *found])

    def put_summaries(self, summaries: Summaries) -> None:
        """See MetricUnit."""
        for place, number in enumerate(summaries["series"].tolist()):
            self._state.summaries[number] = summaries[place : place + 1].copy()

    def unplaced_subjects(self, limit: int) -> list[str]:
        """See MetricUnit."""
        return []

    def place(self, subject_id: str) -> None:
        """See MetricUnit."""


def _order(series: Series) -> tuple[str, str]:
    return series.key, context_digest(series.context)
