"""Summaries of series: count, first, last, minimum and maximum, and the first NaN, computed and merged as numpy
records, never point by point.

A value is held as its *key*: the int64 that orders as IEEE 754's totalOrder does (-NaN < -inf < … < -0.0 < 0.0 < … <
inf < NaN), a bijection of its 64 bits, so that a key in an SQL column is both exact and comparable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from trackway_server.metrics.domain.points import Block, Float64s, Int64s

SUMMARY = np.dtype(
    [
        ("series", "<i8"),
        ("count", "<i8"),
        ("nan_count", "<i8"),
        ("last_step", "<i8"),
        ("last_time", "<i8"),
        ("last_sequence", "<i8"),
        ("last_key", "<i8"),
        ("min_key", "<i8"),
        ("min_step", "<i8"),
        ("max_key", "<i8"),
        ("max_step", "<i8"),
        ("first_step", "<i8"),
        ("first_time", "<i8"),
        ("first_sequence", "<i8"),
        ("first_key", "<i8"),
        ("first_nan_step", "<i8"),
        ("firsts_known", "<i8"),
    ]
)
"""One series. Where every point is NaN (`count == nan_count`), the four columns of minimum and maximum are
NO_MINIMUM, 0, NO_MAXIMUM, 0. `first_nan_step` is the least step of a NaN, NO_STEP where there is none. `firsts_known`
is 1, or 0 with points that were summarised before the `first_…` columns were: these then are of no meaning."""

SUMMARY_1 = np.dtype([(name, "<i8") for name in (SUMMARY.names or ())[:11]])
"""A summary as it was before the `first_…` columns were."""

Summaries: TypeAlias = npt.NDArray[np.void]

_INT64 = np.iinfo(np.int64)
_MAGNITUDE = np.int64(_INT64.max)
NO_MINIMUM = int(_INT64.max)
NO_MAXIMUM = int(_INT64.min)
NO_STEP = int(_INT64.max)
_LAST = ("last_key", "last_sequence", "last_time", "last_step", "series")
_FIRST = ("first_key", "first_sequence", "first_time", "first_step", "series")


def keys_of(values: Float64s) -> Int64s:
    """The keys of `values`, see above."""
    bits = np.ascontiguousarray(values).view(np.int64)
    return bits ^ ((bits >> 63) & _MAGNITUDE)


def values_of(keys: Int64s) -> Float64s:
    """The values whose keys these are, bit for bit."""
    keys = np.ascontiguousarray(keys)
    return (keys ^ ((keys >> 63) & _MAGNITUDE)).view(np.float64)


def of_format_1(old: npt.NDArray[np.void]) -> Summaries:
    """Summaries out of records of SUMMARY_1."""
    summaries = np.zeros(len(old), dtype=SUMMARY)
    for name in SUMMARY_1.names or ():
        summaries[name] = old[name]
    return summaries


def summarise(blocks: Sequence[Block]) -> Summaries:
    """The summaries of all series of `blocks`, by their numbers there, rising.

    The last point is the greatest by (step, time, sequence, order in its record), the first one the least; minimum
    and maximum are of the values that are not NaN, -0.0 below 0.0, with the smallest step among the points of that
    value.
    """
    return merge_summaries([_summarise_block(block) for block in blocks])


def merge_summaries(parts: Iterable[Summaries]) -> Summaries:
    """The summaries of all points summarised in `parts`: one record a series, by series. The order of parts is of no
    consequence: points equal in (step, time, sequence), as two writers may have, are ordered by their keys."""
    rows: Summaries = np.concatenate([np.empty(0, dtype=SUMMARY), *parts])
    if bool((rows["series"][1:] > rows["series"][:-1]).all()):
        return rows
    ordered = rows[np.lexsort([rows[name] for name in _LAST])]
    firsts = np.flatnonzero(np.append(True, ordered["series"][1:] != ordered["series"][:-1]))
    ends = np.append(firsts[1:], len(ordered))
    merged: Summaries = ordered[ends - 1].copy()
    merged["count"] = np.add.reduceat(ordered["count"], firsts)
    merged["nan_count"] = np.add.reduceat(ordered["nan_count"], firsts)
    sizes = ends - firsts
    for key, step, smallest in (("min_key", "min_step", True), ("max_key", "max_step", False)):
        best = (np.minimum if smallest else np.maximum).reduceat(ordered[key], firsts)
        candidates = np.where(ordered[key] == np.repeat(best, sizes), ordered[step], _INT64.max)
        empty = merged["count"] == merged["nan_count"]
        merged[key] = best
        merged[step] = np.where(empty, 0, np.minimum.reduceat(candidates, firsts))
    merged["first_nan_step"] = np.minimum.reduceat(ordered["first_nan_step"], firsts)
    merged["firsts_known"] = np.minimum.reduceat(ordered["firsts_known"], firsts)
    earliest = rows[np.lexsort([rows[name] for name in _FIRST])][firsts]
    for name in _FIRST[:-1]:
        merged[name] = earliest[name]
    for name in (*_FIRST[:-1], "first_nan_step"):
        merged[name][merged["firsts_known"] == 0] = 0
    return merged


def _summarise_block(block: Block) -> Summaries:
    summary = np.empty(len(block.series), dtype=SUMMARY)
    summary["series"] = block.series
    summary["count"] = block.row_count
    last = _last_row(block)
    summary["last_step"] = block.steps[last]
    summary["last_time"] = block.times[last]
    summary["last_sequence"] = block.sequences[last]
    summary["last_key"] = keys_of(block.values[last])
    first = _first_row(block)
    summary["first_step"] = block.steps[first]
    summary["first_time"] = block.times[first]
    summary["first_sequence"] = block.sequences[first]
    summary["first_key"] = keys_of(block.values[first])
    summary["firsts_known"] = 1
    keys = keys_of(block.values)
    nans = np.isnan(block.values)
    summary["nan_count"] = np.count_nonzero(nans, axis=0)
    empty = summary["nan_count"] == block.row_count
    any_nan = bool(nans.any())
    steps = block.steps[:, np.newaxis]
    summary["first_nan_step"] = np.where(nans, steps, NO_STEP).min(axis=0) if any_nan else NO_STEP
    low = np.where(nans, NO_MINIMUM, keys) if any_nan else keys
    high = np.where(nans, NO_MAXIMUM, keys) if any_nan else keys
    for bound, key, step in ((low.min(axis=0), "min_key", "min_step"), (high.max(axis=0), "max_key", "max_step")):
        summary[key] = bound
        at_bound = np.where(keys == bound, steps, _INT64.max).min(axis=0)
        summary[step] = np.where(empty, 0, at_bound)
    return summary


def _last_row(block: Block) -> int:
    """The row that is greatest by (step, time, sequence, order)."""
    rows = np.flatnonzero(block.steps == block.steps.max())
    if len(rows) > 1:
        times = block.times[rows]
        rows = rows[times == times.max()]
    return int(rows[-1])


def _first_row(block: Block) -> int:
    """The row that is least by (step, time, sequence, order)."""
    rows = np.flatnonzero(block.steps == block.steps.min())
    if len(rows) > 1:
        times = block.times[rows]
        rows = rows[times == times.min()]
    return int(rows[0])
