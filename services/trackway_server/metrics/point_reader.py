"""All points of one series in the order in which each writer logged them, from segments and chunks together.

While a series is read its points move from segments to chunks and from chunks to others. So a read never goes from
place to place: it partitions the *keys* (writer, sequence), which never change, and reads one range of keys after the
other, each whole, index and bytes, in one transaction. In every state of the store a key stands in exactly one place,
so each is found exactly once, however long the read takes and whatever moves meanwhile. What is decoded of a chunk
and belongs to a later range is kept under the chunk's number, which no other chunk ever has; where the chunk has been
replaced meanwhile, it is dropped and the new one read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

import numpy as np

from trackway_server.metrics.chunk_codec import decode_rows, decode_values
from trackway_server.metrics.codec import decode_segment
from trackway_server.metrics.domain.chunks import ChunkEntry, Points, Range
from trackway_server.metrics.domain.points import Bools, Column, join_columns
from trackway_server.metrics.domain.ports import IngestUnit, SegmentEntry, Series, Transactions
from trackway_server.metrics.domain.reading import Chunk

_POINTS_A_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What one transaction reads, about; beyond it only what shares sequences with what it must read."""

    points: int = 4 * 65_536
    segments: int = 256


@dataclass(frozen=True, slots=True)
class _Writer:
    """A writer of the series, with its own numbers of it."""

    writer_id: str
    own: tuple[int, ...]


_Place: TypeAlias = ChunkEntry | tuple[_Writer, int]
"""A chunk, or a segment by its writer and first sequence."""
_Holding: TypeAlias = tuple[int, int, _Place]
"""The first unread sequence of a place, and how many points it has of the series, about."""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """The bytes that hold a range of keys: those up to `end`; None: all there are."""

    end: int | None
    segments: list[tuple[_Writer, bytes]]
    current: set[int]
    """The numbers of all chunks of the series that there are."""
    fresh: list[tuple[ChunkEntry, bytes]]
    rows: dict[int, bytes]


@dataclass(slots=True)
class _Pass:
    """Where the read of some writers stands."""

    writers: Sequence[_Writer]
    done: int
    """All sequences up to this one are read."""
    whole: bool
    """Whether it is all read in one transaction."""
    decoded: dict[int, Points] = field(default_factory=dict)
    """What is left of chunks, by their numbers."""


@dataclass(frozen=True, slots=True)
class PointReader:
    """Reads series over the store of one service."""

    transactions: Transactions[IngestUnit]
    limits: ReadLimits = ReadLimits()

    async def read(
        self, series: Series, within: Range | None = None, after: Mapping[str, int] | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """The points of a series, those `within` a range where it is given, writer after writer, in order.

        Of a writer (its id) that is named in `after`, only points of later ordinals. A column has 65,536 rows at most.
        """
        for one in await self.transactions.read(partial(_passes, series.number, after or {}, self.limits)):
            while True:
                found = await self.transactions.read(partial(_find, series.number, within, one, self.limits))
                for writer_id, column in await asyncio.to_thread(_read, one, found, within):
                    for start in range(0, len(column), _POINTS_A_CHUNK):
                        yield Chunk(series, writer_id, _cut(column, start))
                if found.end is None:
                    break
                one.done = found.end


def _passes(number: int, after: Mapping[str, int], limits: ReadLimits, unit: IngestUnit) -> list[_Pass]:
    """The writers of a series, by id: those with few points together, so that what they share is decoded once."""
    metrics = unit.metrics
    writers = [
        _Writer(writer_id, tuple(series_id for _, series_id in of_writer))
        for writer_id, of_writer in groupby(metrics.columns(number), key=itemgetter(0))
    ]
    counts: dict[bytes, int] = {}
    for entry in metrics.chunks([number], None):
        for name, count in zip(entry.writers["writer_id"].tolist(), entry.writers["count"].tolist(), strict=True):
            counts[name] = counts.get(name, 0) + count
    passes: list[_Pass] = []
    points, room = 0, 0
    for writer in writers:
        done = after.get(writer.writer_id, -1)
        index = metrics.segment_index(writer.writer_id, done, limits.segments)
        waiting = [_share(entry) for entry in index if _holds(entry, writer.own)]
        count = counts.get(writer.writer_id.encode(), 0) + sum(waiting)
        if not count and len(index) < limits.segments:
            continue
        few = done < 0 and count <= limits.points and len(index) < limits.segments
        if few and passes and passes[-1].whole and points + count <= limits.points and len(index) <= room:
            passes[-1].writers = [*passes[-1].writers, writer]
        else:
            passes.append(_Pass([writer], done, few))
            points, room = 0, limits.segments
        points, room = points + count, room - len(index)
    return passes


def _holds(entry: SegmentEntry, own: Sequence[int]) -> bool:
    return bool(np.isin(own, np.frombuffer(entry.series, dtype="<u4")).any())


def _share(entry: SegmentEntry) -> int:
    """How many points a segment has of one series, about."""
    return max(1, entry.point_count * 4 // len(entry.series))


def _find(number: int, within: Range | None, one: _Pass, limits: ReadLimits, unit: IngestUnit) -> _Found:
    """The next range of keys that is not too much to read, and the bytes that hold it."""
    metrics, names = unit.metrics, [writer.writer_id.encode() for writer in one.writers]
    entries = metrics.chunks([number], within)
    holding: list[_Holding] = []
    stops = []
    for entry in entries:
        of_writers = entry.writers[np.isin(entry.writers["writer_id"], names)]
        if len(of_writers) and int(of_writers["last_sequence"].max()) > one.done:
            first = max(int(of_writers["first_sequence"].min()), one.done + 1)
            holding.append((first, int(of_writers["count"].sum()), entry))
    for writer in one.writers:
        index = metrics.segment_index(writer.writer_id, one.done, limits.segments)
        for segment in index:
            if _holds(segment, writer.own):
                first = max(segment.first_sequence, one.done + 1)
                holding.append((first, _share(segment), (writer, segment.first_sequence)))
        if len(index) == limits.segments:
            stops.append(index[-1].end_sequence)
    end, taken = _until(sorted(holding, key=itemgetter(0)), stops, one, limits)
    segments: list[tuple[_Writer, bytes]] = []
    for writer in one.writers:
        firsts = [place[1] for place in taken if isinstance(place, tuple) and place[0] is writer]
        segments += [(writer, data) for data in metrics.segment_data(writer.writer_id, firsts)]
    fresh = [place for place in taken if isinstance(place, ChunkEntry) and place.number not in one.decoded]
    values = metrics.chunk_values([entry.number for entry in fresh])
    rows = metrics.chunk_rows(list({entry.rows for entry in fresh}))
    current = {entry.number for entry in entries}
    return _Found(end, segments, current, [(entry, values[entry.number]) for entry in fresh], rows)


def _until(
    holding: Sequence[tuple[int, int, ChunkEntry | tuple[_Writer, int]]],
    stops: Sequence[int],
    one: _Pass,
    limits: ReadLimits,
) -> tuple[int | None, list[ChunkEntry | tuple[_Writer, int]]]:
    """How far to read, and what holds it. A range ends where a chunk or a segment begins, never within a segment."""
    stop = min(stops) if stops and not one.whole else None
    taken: list[_Place] = []
    points = 0
    for first, count, place in holding:
        if stop is not None and first >= stop:
            return stop - 1, taken
        if not one.whole and points >= limits.points and first > one.done + 1:
            return first - 1, taken
        taken.append(place)
        points += count
    return (None if stop is None else stop - 1), taken


def _read(one: _Pass, found: _Found, within: Range | None) -> list[tuple[str, Column]]:
    """The points of the range, writer after writer; those of later ranges are kept in `one`."""
    one.decoded = {number: points for number, points in one.decoded.items() if number in found.current}
    rows = {number: decode_rows(data) for number, data in found.rows.items()}
    for entry, data in found.fresh:
        points = Points(rows[entry.rows], decode_values(data))
        one.decoded[entry.number] = points if within is None else points.within(within)
    columns: list[tuple[str, Column]] = []
    for writer in one.writers:
        chunks = list(_of_chunks(one, found.end, writer.writer_id))
        parts = [_as_logged(chunks)] if chunks else []
        for owner, segment in found.segments:
            if owner is writer:
                parts += _of_segment(segment, writer.own, within, one.done)
        if parts:
            columns.append((writer.writer_id, join_columns(parts)))
    for number, points in one.decoded.items():
        one.decoded[number] = (
            points if found.end is None else points.taken(points.rows.sequences > np.uint64(found.end))
        )
    return columns


def _of_chunks(one: _Pass, end: int | None, writer_id: str) -> Iterator[Points]:
    """The points of a writer up to the end of the range, chunk by chunk."""
    for points in one.decoded.values():
        rows = points.rows
        if writer_id not in rows.writer_ids:
            continue
        chosen: Bools = rows.sequences.view(np.int64) > one.done
        if end is not None:
            chosen &= rows.sequences.view(np.int64) <= end
        if len(rows.writer_ids) > 1:
            chosen &= rows.writers == rows.writer_ids.index(writer_id)
        if chosen.any():
            yield points if chosen.all() else points.taken(chosen)


def _as_logged(parts: Sequence[Points]) -> Column:
    """The points of one writer in the order in which they were logged: by sequence, and by place within a record."""
    sequences = np.concatenate([part.rows.sequences for part in parts])
    times = np.concatenate([part.rows.times for part in parts])
    steps = np.concatenate([part.rows.steps for part in parts])
    values = np.concatenate([part.values for part in parts])
    if bool((sequences[1:] > sequences[:-1]).all()):
        return Column(sequences, times, steps, values)
    order = np.lexsort((np.concatenate([part.rows.places for part in parts]), sequences))
    return Column(sequences[order], times[order], steps[order], values[order])


def _of_segment(data: bytes, own: Sequence[int], within: Range | None, done: int) -> Iterator[Column]:
    for block in decode_segment(data, own):
        for position in range(len(block.series)):
            column = block.column(position)
            keep = column.sequences.view(np.int64) > done
            if within is not None:
                keep &= within.chooses(column.steps, column.times)
            if keep.all():
                yield column
            elif keep.any():
                yield Column(column.sequences[keep], column.times[keep], column.steps[keep], column.values[keep])


def _cut(column: Column, start: int) -> Column:
    span = slice(start, start + _POINTS_A_CHUNK)
    return Column(column.sequences[span], column.times[span], column.steps[span], column.values[span])
