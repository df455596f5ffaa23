"""Values of a stored series at some steps, from the chunks alone that can hold the points that count."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from trackway_server.metrics.domain.chunks import ChunkEntry
from trackway_server.metrics.domain.points import Bools, Int64s
from trackway_server.metrics.domain.ports import IngestUnit, MetricUnit, Series, Transactions
from trackway_server.metrics.domain.selecting import FIRST_INT64, Bounds
from trackway_server.metrics.domain.values_at import StepValues, ValuesAt
from trackway_server.metrics.windows import (
    Fetched,
    column_of,
    decode_points,
    everything,
    fetch,
    layout_of,
    range_of,
    segments_in,
)

_MOST_WAITING = 4_194_304
"""Points in segments up to which a series is read in one transaction."""


async def values_at(
    transactions: Transactions[IngestUnit], series: Series, steps: Sequence[int], *, exact: bool
) -> StepValues | None:
    """What a series had at `steps`, see ValuesAt; None where too much of it waits in segments to be read at once."""
    bounds = Bounds(min_step=min(steps) if exact else FIRST_INT64, max_step=max(steps))
    asked = np.unique(np.array(steps, dtype=np.int64))
    fetched = await transactions.read(lambda unit: _fetch(unit.metrics, series.number, bounds, asked, exact=exact))
    return None if fetched is None else await asyncio.to_thread(_found, fetched, steps, exact)


def _fetch(metrics: MetricUnit, number: int, bounds: Bounds, asked: Int64s, *, exact: bool) -> Fetched | None:
    layout = layout_of(metrics, number)
    spans = everything(layout)
    waiting = segments_in(metrics, layout, spans)
    if sum(entry.point_count for entries in waiting.values() for entry in entries) > _MOST_WAITING:
        return None
    entries = metrics.chunks(layout.series, range_of(bounds))
    return fetch(metrics, layout, spans, bounds, index=_needed(entries, asked, exact=exact))


def _needed(entries: Sequence[ChunkEntry], asked: Int64s, *, exact: bool) -> list[ChunkEntry]:
    """The chunks that may hold a point that counts: a chunk has points at its least and its greatest step, so one that
    ends before the latest of those that are not beyond a step has nothing to say of it."""
    if not entries:
        return []
    ends = np.sort(np.array([(entry.min_step, entry.max_step) for entry in entries], dtype=np.int64).reshape(-1))
    places = np.searchsorted(ends, asked, side="right") - 1
    known = np.where(places >= 0, ends[np.maximum(places, 0)], FIRST_INT64)
    return [entry for entry in entries if bool(_counts(entry, asked, asked if exact else known).any())]


def _counts(
    entry: ChunkEntry,
    asked: Int64s,
    least: Int64s,
) -> Bools:
    counts: Bools = (entry.min_step <= asked) & (entry.max_step >= least)
    return counts


def _found(fetched: Fetched, steps: Sequence[int], exact: bool) -> StepValues:
    values = ValuesAt(steps, exact=exact)
    for _, points in decode_points(fetched):
        values.add(column_of(points))
    return values.result()
