"""Buckets of a series for a chart: many points as few records, none of whose extremes are lost.

A bucket covers 2^level consecutive steps (or microseconds), beginning at a multiple of that. The level is the smallest
at which all points fall into at most as many buckets as were asked for, so it depends on the least and the greatest
place alone: not on the order of the points, nor on how they are stored. Buckets of one level unite exactly to those of
the next, and a growing series keeps its buckets' edges until the level rises.

A bucket keeps the first and the last point (by place, then the other axis, then sequence), the smallest and the
greatest value that is not NaN with the least step at which each stands, and count, NaN count and sum. NaN is counted
and left out of the extremes and the sum; ±Inf are values like any other, -0.0 is below 0.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from trackway_server.metrics.domain.chunks import Axis
from trackway_server.metrics.domain.points import Column, Int64s
from trackway_server.metrics.domain.summaries import NO_MAXIMUM, NO_MINIMUM, keys_of, values_of

BUCKET = np.dtype(
    [
        ("bucket", "<i8"),
        ("count", "<i8"),
        ("nan_count", "<i8"),
        ("first_step", "<i8"),
        ("first_time", "<i8"),
        ("first_sequence", "<u8"),
        ("first_key", "<i8"),
        ("last_step", "<i8"),
        ("last_time", "<i8"),
        ("last_sequence", "<u8"),
        ("last_key", "<i8"),
        ("min_key", "<i8"),
        ("min_step", "<i8"),
        ("max_key", "<i8"),
        ("max_step", "<i8"),
        ("sum", "<f8"),
    ]
)
"""One bucket: its place divided by 2^level, and what its points were. Values stand as keys (domain/summaries.py).
Where every point is NaN, the columns of minimum and maximum are NO_MINIMUM, 0, NO_MAXIMUM, 0."""

Buckets: TypeAlias = npt.NDArray[np.void]

_PLACES = {Axis.STEP: ("step", "time"), Axis.TIME: ("time", "step")}
_LAST = np.int64(np.iinfo(np.int64).max)
_COMPACTED_AT = 8
"""Parts are united when they have so many times the buckets asked for."""


class Bucketing:
    """Takes points, or buckets of finer levels, in any order and any number of parts; holds few buckets at any time."""

    def __init__(self, axis: Axis, most: int) -> None:
        """`most` buckets, at least 2, along `axis`."""
        self._axis = axis
        self._most = most
        self._level = 0
        self._parts: list[Buckets] = []
        self._held = 0
        self._low, self._high = int(_LAST), -int(_LAST) - 1

    @property
    def level(self) -> int:
        """Each bucket covers 2^level steps or microseconds."""
        return self._level

    def cover(self, low: int, high: int) -> None:
        """Choose the level for points from place `low` to place `high` too, whether or not any come."""
        self._low, self._high = min(self._low, low), max(self._high, high)
        self._rise(level_of(self._low, self._high, self._most))

    def add(self, column: Column) -> None:
        """Take points."""
        if not len(column):
            return
        places = column.steps if self._axis is Axis.STEP else column.times
        self.cover(int(places.min()), int(places.max()))
        self._take(bucketed(column, self._level, self._axis))

    def add_groups(self, groups: Buckets, begins: Int64s, ends: Int64s) -> None:
        """Take groups of neighbouring points, as buckets without a place: each goes whole to where it begins."""
        if not len(groups):
            return
        self.cover(int(begins.min()), int(ends.max()))
        placed = groups.copy()
        placed["bucket"] = begins >> self._level
        self._take(placed)

    def join(self, other: Bucketing) -> None:
        """Take all that `other`, of the same axis, has taken."""
        if other._low <= other._high:
            self.cover(other._low, other._high)
            self._rise(other.level)
            self._take(coarser(other.result(), self._level - other.level))

    def result(self) -> Buckets:
        """The buckets, rising; at most as many as were asked for."""
        self._parts = [united(self._parts, self._axis)]
        self._held = len(self._parts[0])
        return self._parts[0]

    def _rise(self, level: int) -> None:
        if level > self._level:
            self._parts = [coarser(part, level - self._level) for part in self._parts]
            self._level = level

    def _take(self, part: Buckets) -> None:
        self._parts.append(part)
        self._held += len(part)
        if self._held > _COMPACTED_AT * self._most + 65_536:
            self.result()


def level_of(low: int, high: int, most: int) -> int:
    """The smallest level at which the places from `low` to `high` lie in at most `most` buckets."""
    level = max(0, ((high - low) // most).bit_length() - 1)
    while (high >> level) - (low >> level) >= most and level < 63:
        level += 1
    return level


def coarser(buckets: Buckets, levels: int) -> Buckets:
    """The same buckets so many levels up; not united yet."""
    moved = buckets.copy()
    moved["bucket"] >>= levels
    return moved


def bucketed(column: Column, level: int, axis: Axis = Axis.STEP) -> Buckets:
    """The buckets of a level that the points of a column fall into, rising."""
    column = _ordered(column, axis)
    places = (column.steps if axis is Axis.STEP else column.times) >> level
    return reduced(column, places, np.flatnonzero(np.append(True, places[1:] != places[:-1])))


def reduced(column: Column, places: Int64s, firsts: Int64s) -> Buckets:
    """One bucket for each run of the points of a column that begins at one of `firsts`, its place from `places`."""
    lasts = np.append(firsts[1:], len(column)) - 1
    sizes = lasts - firsts + 1
    keys, nans = keys_of(column.values), np.isnan(column.values)
    buckets = np.empty(len(firsts), dtype=BUCKET)
    buckets["bucket"] = places[firsts]
    buckets["count"] = sizes
    for end, rows in (("first", firsts), ("last", lasts)):
        buckets[f"{end}_step"] = column.steps[rows]
        buckets[f"{end}_time"] = column.times[rows]
        buckets[f"{end}_sequence"] = column.sequences[rows]
        buckets[f"{end}_key"] = keys[rows]
    any_nan = bool(nans.any())
    buckets["nan_count"] = np.add.reduceat(nans.astype(np.int64), firsts) if any_nan else 0
    low = np.where(nans, NO_MINIMUM, keys) if any_nan else keys
    high = np.where(nans, NO_MAXIMUM, keys) if any_nan else keys
    with np.errstate(invalid="ignore", over="ignore"):
        buckets["sum"] = np.add.reduceat(np.where(nans, 0.0, column.values) if any_nan else column.values, firsts)
    _extremes(buckets, low, high, column.steps, column.steps, firsts, sizes)
    return buckets


def united(parts: Sequence[Buckets], axis: Axis) -> Buckets:
    """One bucket for each place that any of `parts` has, rising. The order of parts is of no consequence."""
    rows = stacked(parts, BUCKET)
    if bool((rows["bucket"][1:] > rows["bucket"][:-1]).all()):
        return rows
    own, other = _PLACES[axis]
    by_first = _order(rows, "first", own, other)
    rows = rows if by_first is None else rows[by_first]
    firsts = np.flatnonzero(np.append(True, rows["bucket"][1:] != rows["bucket"][:-1]))
    sizes = np.append(firsts[1:], len(rows)) - firsts
    whole: Buckets = rows[firsts].copy()
    by_last = _order(rows, "last", own, other)
    ends = firsts + sizes - 1
    lasts = rows[ends if by_last is None else by_last[ends]]
    for name in ("last_step", "last_time", "last_sequence", "last_key"):
        whole[name] = lasts[name]
    for name in ("count", "nan_count"):
        whole[name] = np.add.reduceat(rows[name], firsts)
    with np.errstate(invalid="ignore", over="ignore"):
        whole["sum"] = np.add.reduceat(rows["sum"], firsts)
    _extremes(whole, rows["min_key"], rows["max_key"], rows["min_step"], rows["max_step"], firsts, sizes)
    return whole


def stacked(parts: Sequence[npt.NDArray[np.void]], dtype: np.dtype[np.void]) -> npt.NDArray[np.void]:
    """All records of `parts`: numpy's own concatenation of records takes a hundred times as long for small parts."""
    return parts[0] if len(parts) == 1 else np.frombuffer(b"".join(part.tobytes() for part in parts), dtype=dtype)


def means(count: Int64s, nan_count: Int64s, total: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The means of the values that are not NaN; NaN where there is none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: npt.NDArray[np.float64] = total / (count - nan_count)
    return mean


def extremes_of(buckets: Buckets) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The smallest and the greatest values; NaN where every point is."""
    empty = buckets["count"] == buckets["nan_count"]
    low, high = values_of(buckets["min_key"]), values_of(buckets["max_key"])
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def _extremes(
    buckets: Buckets, low: Int64s, high: Int64s, low_steps: Int64s, high_steps: Int64s, firsts: Int64s, sizes: Int64s
) -> None:
    empty = buckets["count"] == buckets["nan_count"]
    for name, keys, steps, best in (
        ("min", low, low_steps, np.minimum.reduceat(low, firsts)),
        ("max", high, high_steps, np.maximum.reduceat(high, firsts)),
    ):
        buckets[f"{name}_key"] = best
        at_best = np.minimum.reduceat(np.where(keys == np.repeat(best, sizes), steps, _LAST), firsts)
        buckets[f"{name}_step"] = np.where(empty, 0, at_best)


def _order(rows: Buckets, end: str, own: str, other: str) -> Int64s | None:
    """The rows by bucket and by their first or last points; None where they stand in that order."""
    places, buckets = rows[f"{end}_{own}"], rows["bucket"]
    if bool((places[1:] > places[:-1]).all()) and bool((buckets[1:] >= buckets[:-1]).all()):
        return None
    names = (f"{end}_key", f"{end}_sequence", f"{end}_{other}", f"{end}_{own}", "bucket")
    return np.lexsort([rows[name] for name in names])


def _ordered(column: Column, axis: Axis) -> Column:
    """The points by place, the other axis and sequence; rows of one record keep their order."""
    own, other = (column.steps, column.times) if axis is Axis.STEP else (column.times, column.steps)
    if bool((own[1:] > own[:-1]).all()):
        return column
    order = np.lexsort((column.sequences, other, own))
    return Column(column.sequences[order], column.times[order], column.steps[order], column.values[order])
