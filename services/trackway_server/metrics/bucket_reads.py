"""Series as buckets: from the roll-ups of chunks where a bucket is much coarser than they are, from points elsewhere.

A chunk is told by its roll-up where it lies wholly within what was asked for and its groups of 256 points are, on
average, at most a quarter of a bucket long; a group goes whole into the bucket in which it begins. So a chart of 10^7
points decodes some 40,000 groups and the chunks at its edges.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from trackway_server.metrics.domain.buckets import BUCKET, Bucketing, Buckets, level_of
from trackway_server.metrics.domain.chunks import BUCKET_POINTS, ROLLED_UP_POINTS, Axis, ChunkEntry, Points
from trackway_server.metrics.domain.points import Column
from trackway_server.metrics.domain.ports import IngestUnit, MetricUnit, Series, Transactions
from trackway_server.metrics.domain.selecting import Bounds
from trackway_server.metrics.domain.summaries import NO_MAXIMUM, NO_MINIMUM, keys_of
from trackway_server.metrics.windows import (
    Fetched,
    Layout,
    RollupColumns,
    Spans,
    decode_points,
    decode_rollups,
    everything,
    fetch,
    layout_of,
    range_of,
    segments_in,
    windows,
)

_GROUPS_A_BUCKET = 4
_ENDS = {Axis.STEP: ("first", "last"), Axis.TIME: ("min", "max")}
"""Which fields of a group say where it begins and ends."""
_TOLD = ("count", "nan_count", "first_step", "first_time", "last_step", "last_time", "sum")
_VALUES = ("first", "last", "low", "low_step", "high", "high_step")
_FIELDS = {Axis.STEP: (*_TOLD, *_VALUES), Axis.TIME: (*_TOLD, *_VALUES, "min_time", "max_time")}
"""What is decoded of a roll-up."""


@dataclass(frozen=True, slots=True)
class BucketsWanted:
    """How a series is to be seen."""

    bounds: Bounds
    axis: Axis
    most: int
    by_writer: bool = False


@dataclass(frozen=True, slots=True)
class _Plan:
    layout: Layout
    windows: list[Spans]
    rolled: frozenset[int]
    first: Fetched


async def bucketings(
    transactions: Transactions[IngestUnit], series: Series, wanted: BucketsWanted
) -> Mapping[str, Bucketing]:
    """The buckets of a series, by writer (all in one under the empty name unless `by_writer`)."""
    plan = await transactions.read(lambda unit: _plan(unit.metrics, series.number, wanted))
    taken: dict[str, Bucketing] = {}
    for number, spans in enumerate(plan.windows):
        fetched = await transactions.read(partial(_fetch, plan, spans, wanted)) if number else plan.first
        await asyncio.to_thread(_take, fetched, wanted, taken)
    return taken


def _plan(metrics: MetricUnit, number: int, wanted: BucketsWanted) -> _Plan:
    layout = layout_of(metrics, number)
    entries = metrics.chunks(layout.series, range_of(wanted.bounds))
    rolled = _told_by_rollups(entries, wanted)
    spans = everything(layout)
    costs = [(entry, 1 / BUCKET_POINTS if entry.number in rolled else 1.0) for entry in entries]
    parts = windows(spans, costs, segments_in(metrics, layout, spans))
    return _Plan(layout, parts, rolled, fetch(metrics, layout, parts[0], wanted.bounds, rolled, entries))


def _fetch(plan: _Plan, spans: Spans, wanted: BucketsWanted, unit: IngestUnit) -> Fetched:
    return fetch(unit.metrics, plan.layout, spans, wanted.bounds, plan.rolled)


def _told_by_rollups(entries: list[ChunkEntry], wanted: BucketsWanted) -> frozenset[int]:
    """The chunks whose roll-ups are fine enough."""
    if not entries:
        return frozenset()
    low = min(_span(entry, wanted)[0] for entry in entries)
    high = max(_span(entry, wanted)[1] for entry in entries)
    bucket = 1 << level_of(low, max(low, high), wanted.most)
    return frozenset(
        entry.number
        for entry in entries
        if entry.point_count >= ROLLED_UP_POINTS
        and wanted.bounds.hold(entry)
        and not (wanted.by_writer and len(entry.writers) > 1)
        and _group_span(entry, wanted.axis) * _GROUPS_A_BUCKET <= bucket
    )


def _span(entry: ChunkEntry, wanted: BucketsWanted) -> tuple[int, int]:
    bounds = wanted.bounds
    if wanted.axis is Axis.STEP:
        return max(entry.min_step, bounds.min_step), min(entry.max_step, bounds.max_step)
    return max(entry.min_time, bounds.min_time), min(entry.max_time, bounds.max_time)


def _group_span(entry: ChunkEntry, axis: Axis) -> float:
    """How much of the axis a group of a chunk's roll-up covers, on average."""
    low, high = (entry.min_step, entry.max_step) if axis is Axis.STEP else (entry.min_time, entry.max_time)
    return (high - low + 1) * BUCKET_POINTS / entry.point_count


def _take(fetched: Fetched, wanted: BucketsWanted, taken: dict[str, Bucketing]) -> None:
    def bucketing(writer_id: str) -> Bucketing:
        return taken.setdefault(writer_id if wanted.by_writer else "", Bucketing(wanted.axis, wanted.most))

    rolled: dict[str, list[RollupColumns]] = {}
    for entry, rollup in decode_rollups(fetched, _FIELDS[wanted.axis]):
        rolled.setdefault(entry.writers[0]["writer_id"].decode() if wanted.by_writer else "", []).append(rollup)
    low, high = (f"{end}_{wanted.axis.value}" for end in _ENDS[wanted.axis])
    for writer_id, rollups in rolled.items():
        groups = {name: np.concatenate([columns[name] for columns in rollups]) for name in rollups[0]}
        bucketing(writer_id).add_groups(of_rollup(groups), groups[low], groups[high])
    for _, points in decode_points(fetched):
        for writer_id, column in _columns(points, apart=wanted.by_writer):
            bucketing(writer_id).add(column)


def _columns(points: Points, *, apart: bool) -> list[tuple[str, Column]]:
    """The points as columns, of each writer apart or all in one."""
    rows = points.rows
    if not apart or len(rows.writer_ids) == 1:
        return [(rows.writer_ids[0], Column(rows.sequences, rows.times, rows.steps, points.values))]
    found = []
    for position in np.unique(rows.writers).tolist():
        mine = rows.writers == position
        column = Column(rows.sequences[mine], rows.times[mine], rows.steps[mine], points.values[mine])
        found.append((rows.writer_ids[position], column))
    return found


def of_rollup(rollup: RollupColumns) -> Buckets:
    """The groups of a roll-up as buckets without a place. First and last point are those by step."""
    buckets = np.zeros(len(rollup["count"]), dtype=BUCKET)
    empty = rollup["count"] == rollup["nan_count"]
    for name in _TOLD:
        buckets[name] = rollup[name]
    buckets["first_key"] = keys_of(rollup["first"])
    buckets["last_key"] = keys_of(rollup["last"])
    buckets["min_key"] = np.where(empty, NO_MINIMUM, keys_of(rollup["low"]))
    buckets["max_key"] = np.where(empty, NO_MAXIMUM, keys_of(rollup["high"]))
    buckets["min_step"] = np.where(empty, 0, rollup["low_step"])
    buckets["max_step"] = np.where(empty, 0, rollup["high_step"])
    return buckets
