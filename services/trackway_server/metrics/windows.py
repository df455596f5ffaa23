"""Points of many series in windows: ranges of sequences of writers, each read whole in one transaction.

While series are read their points move from segments to chunks and from chunks to others; sequences never change. So
a read that is parted by sequences finds every point exactly once, whatever moves meanwhile (point_reader.py reads one
series so; here are many at once, and roll-ups in place of points).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from trackway_server.metrics.chunk_codec import decode_rows, decode_values, rollup_columns
from trackway_server.metrics.codec import decode_segment
from trackway_server.metrics.domain.chunks import Axis, ChunkEntry, Points, Range, Rows, rows_of_column
from trackway_server.metrics.domain.points import Bools, Column, join_columns
from trackway_server.metrics.domain.ports import MetricUnit, SegmentEntry
from trackway_server.metrics.domain.selecting import FIRST_INT64, LAST_INT64, Bounds

END = 2**63
"""Beyond every sequence."""
WINDOW_POINTS = 1_048_576
"""Points to decode of a window, about."""
_SEGMENTS_AT_ONCE = 256
_NOTHING = (0, 0)

Spans = Mapping[str, tuple[int, int]]
"""A window: of each writer, the sequences from the first to before the second."""


RollupColumns = dict[str, npt.NDArray[Any]]
"""Fields of domain/chunks.py, BUCKET, each a column."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Under which numbers of their writers the points of some series stand."""

    own: Mapping[str, Mapping[int, int]]
    """By writer: its number of a series → the store's."""

    @property
    def series(self) -> list[int]:
        """The store's numbers of the series."""
        return sorted({number for numbers in self.own.values() for number in numbers.values()})


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """The bytes of a window, as they are stored."""

    layout: Layout
    spans: Spans
    bounds: Bounds
    decoded: Sequence[ChunkEntry]
    rows: Mapping[int, bytes]
    values: Mapping[int, bytes]
    rolled: Sequence[ChunkEntry]
    """Chunks that are told by their roll-ups."""
    rollups: Mapping[int, bytes] = field(default_factory=dict)
    segments: Mapping[str, Sequence[bytes]] = field(default_factory=dict)


def layout_of(metrics: MetricUnit, number: int) -> Layout:
    """Where the points of one series stand."""
    own: dict[str, dict[int, int]] = {}
    for writer_id, series_id in metrics.columns(number):
        own.setdefault(writer_id, {})[series_id] = number
    return Layout(own)


def range_of(bounds: Bounds) -> Range | None:
    """What the index of chunks can tell of the bounds."""
    if bounds.min_step != FIRST_INT64 or bounds.max_step != LAST_INT64:
        return Range(Axis.STEP, bounds.min_step, bounds.max_step)
    return None if bounds.any_time else Range(Axis.TIME, bounds.min_time, bounds.max_time)


def everything(layout: Layout) -> Spans:
    """The window of every sequence."""
    return dict.fromkeys(layout.own, (0, END))


def segments_in(metrics: MetricUnit, layout: Layout, spans: Spans) -> dict[str, list[SegmentEntry]]:
    """The segments that hold points of the series and any of the sequences, by writer, in order."""
    found: dict[str, list[SegmentEntry]] = {}
    for writer_id, (first, end) in spans.items():
        own = np.array(list(layout.own.get(writer_id, ())), dtype=np.uint32)
        holding = [
            entry
            for entry in _indexed(metrics, writer_id, first, end)
            if np.isin(np.frombuffer(entry.series, dtype="<u4"), own).any()
        ]
        if holding:
            found[writer_id] = holding
    return found


def _indexed(metrics: MetricUnit, writer_id: str, first: int, end: int) -> Iterator[SegmentEntry]:
    after = first - 1
    while True:
        page = metrics.segment_index(writer_id, after, _SEGMENTS_AT_ONCE)
        yield from (entry for entry in page if entry.first_sequence < end)
        if len(page) < _SEGMENTS_AT_ONCE or page[-1].first_sequence >= end:
            return
        after = page[-1].end_sequence - 1


def windows(
    spans: Spans,
    chunks: Iterable[tuple[ChunkEntry, float]],
    segments: Mapping[str, Sequence[SegmentEntry]],
    points: int = WINDOW_POINTS,
) -> list[Spans]:
    """`spans` in parts of about so many points; `chunks` with what a point of each counts for.

    A part is cut where a chunk or a segment begins, so that little is decoded twice.
    """
    begins: dict[str, list[tuple[int, float]]] = {writer_id: [] for writer_id in spans}
    for entry, cost in chunks:
        for writer_id, count, first, _ in _writers(entry):
            if writer_id in begins:
                begins[writer_id].append((first, count * cost))
    for writer_id, entries in segments.items():
        begins[writer_id] += [(entry.first_sequence, float(entry.point_count)) for entry in entries]
    parts: list[dict[str, tuple[int, int]]] = [{}]
    held = 0.0
    for writer_id in sorted(spans):
        begun, end = spans[writer_id]
        for first, cost in sorted(begins[writer_id]):
            if held >= points:
                if first > begun:
                    parts[-1][writer_id] = (begun, first)
                parts.append({})
                held, begun = 0.0, max(begun, first)
            held += cost
        parts[-1][writer_id] = (begun, end)
    return list(parts)


def fetch(
    metrics: MetricUnit,
    layout: Layout,
    spans: Spans,
    bounds: Bounds,
    rolled: frozenset[int] = frozenset(),
    index: Sequence[ChunkEntry] | None = None,
) -> Fetched:
    """The bytes of a window; of the chunks in `rolled` (their numbers) that lie wholly in it the roll-ups alone.

    `index` are the chunks of the series, where the same transaction has asked for them already.
    """
    every = metrics.chunks(layout.series, range_of(bounds)) if index is None else index
    entries = [entry for entry in every if _meets(entry, spans)]
    told = [entry for entry in entries if entry.number in rolled and _inside(entry, spans)]
    numbers = [entry.number for entry in told]
    decoded = [entry for entry in entries if entry.number not in set(numbers)]
    segments = {
        writer_id: metrics.segment_data(writer_id, [entry.first_sequence for entry in holding])
        for writer_id, holding in segments_in(metrics, layout, spans).items()
    }
    rows = metrics.chunk_rows(sorted({entry.rows for entry in decoded}))
    values = metrics.chunk_values([entry.number for entry in decoded])
    return Fetched(layout, spans, bounds, decoded, rows, values, told, metrics.chunk_rollups(numbers), segments)


def _writers(entry: ChunkEntry) -> Iterator[tuple[str, int, int, int]]:
    """Of each writer of a chunk: id, points, first and last sequence."""
    for name, count, first, last in entry.writers.tolist():
        yield name.decode(), count, first, last


def _meets(entry: ChunkEntry, spans: Spans) -> bool:
    """Whether a chunk may have a point of the window."""
    for writer_id, _, first, last in _writers(entry):
        begun, end = spans.get(writer_id, _NOTHING)
        if begun <= last and first < end:
            return True
    return False


def _inside(entry: ChunkEntry, spans: Spans) -> bool:
    """Whether every point of a chunk is in the window."""
    for writer_id, _, first, last in _writers(entry):
        begun, end = spans.get(writer_id, _NOTHING)
        if first < begun or last >= end:
            return False
    return True


def decode_points(fetched: Fetched) -> Iterator[tuple[int, Points]]:
    """The points of a window that are within its bounds, by the store's number of their series: those of chunks in the
    order of their steps, those of segments in the order of logging, writer by writer."""
    rows_of = cache(lambda number: decode_rows(fetched.rows[number]))
    for entry in fetched.decoded:
        points = _chosen(Points(rows_of(entry.rows), decode_values(fetched.values[entry.number])), fetched)
        if len(points):
            yield entry.series, points
    for writer_id, segments in fetched.segments.items():
        numbers = fetched.layout.own[writer_id]
        parts: dict[int, list[Column]] = {}
        for data in segments:
            for block in decode_segment(data, list(numbers)):
                for position, own in enumerate(block.series.tolist()):
                    parts.setdefault(numbers[own], []).append(block.column(position))
        for number, columns in parts.items():
            joined = join_columns(columns)
            points = _chosen(Points(rows_of_column(joined, writer_id), joined.values), fetched)
            if len(points):
                yield number, points


def column_of(points: Points) -> Column:
    """The same points, whoever wrote them."""
    return Column(points.rows.sequences, points.rows.times, points.rows.steps, points.values)


def decode_rollups(fetched: Fetched, fields: Collection[str]) -> Iterator[tuple[ChunkEntry, RollupColumns]]:
    """Some fields of the roll-ups of a window."""
    for entry in fetched.rolled:
        yield entry, rollup_columns(fetched.rollups[entry.number], fields)


def _chosen(points: Points, fetched: Fetched) -> Points:
    rows = points.rows
    within, bounded = _in_spans(rows, fetched.spans), fetched.bounds.mask(rows.steps, rows.times)
    if within is None or bounded is None:
        mask = within if bounded is None else bounded
        return points if mask is None else points.taken(mask)
    return points.taken(within & bounded)


def _in_spans(rows: Rows, spans: Spans) -> Bools | None:
    """Which rows are in the window; None: all."""
    edges = [spans.get(writer_id, _NOTHING) for writer_id in rows.writer_ids]
    if all(edge == (0, END) for edge in edges):
        return None
    low = np.array([first for first, _ in edges], dtype=np.uint64)
    high = np.array([end for _, end in edges], dtype=np.uint64)
    if len(edges) > 1:
        low, high = low[rows.writers], high[rows.writers]
    inside: Bools = (rows.sequences >= low) & (rows.sequences < high)
    return inside
