"""Aggregates of series that belong together (one metric of many ranks): minimum, mean and maximum step by step.

Each member counts once a step, with the last of its points there (by time, then sequence). NaN is counted and left out;
±Inf are values like any other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.buckets import Buckets, extremes_of, means
from trackway_server.metrics.domain.points import Column, Float64s, Int64s
from trackway_server.metrics.domain.reading import parse_context
from trackway_server.metrics.domain.records import canonical_context
from trackway_server.metrics.domain.selecting import taken

MOST_STEPS = 2_000_000
"""Of one aggregate step by step: what it holds in memory. Beyond it there are buckets."""


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate:
    """Rows of members together, by step: of one step each, or of the steps of a bucket."""

    first_steps: Int64s
    last_steps: Int64s
    counts: Int64s
    """Points, NaN included."""
    nan_counts: Int64s
    minima: Float64s
    """NaN where every value is; so are `means` and `maxima`."""
    means: Float64s
    maxima: Float64s

    def __len__(self) -> int:
        return len(self.first_steps)

    def part(self, start: int, end: int) -> Aggregate:
        """The rows from `start` to `end - 1`."""
        span = slice(start, end)
        return Aggregate(
            self.first_steps[span],
            self.last_steps[span],
            self.counts[span],
            self.nan_counts[span],
            self.minima[span],
            self.means[span],
            self.maxima[span],
        )


def group_context(context: str, across: Collection[str]) -> str:
    """The canonical context without the keys in `across`: what members of one aggregate share."""
    if not across or not context:
        return context
    return canonical_context({name: value for name, value in parse_context(context).items() if name not in across})


def last_of_steps(column: Column) -> Column:
    """One point for each step, rising: the last by time, sequence and order in its record."""
    if bool((column.steps[1:] > column.steps[:-1]).all()):
        return column
    order = np.lexsort((column.sequences, column.times, column.steps))
    steps = column.steps[order]
    return taken(column, order[np.append(steps[1:] != steps[:-1], True)])


class StepAggregate:
    """Takes members one after another; holds as many rows as there are different steps."""

    def __init__(self) -> None:
        self._steps = np.empty(0, dtype=np.int64)
        self._counts = np.empty(0, dtype=np.int64)
        self._nan_counts = np.empty(0, dtype=np.int64)
        self._sums = np.empty(0, dtype=np.float64)
        self._minima = np.empty(0, dtype=np.float64)
        self._maxima = np.empty(0, dtype=np.float64)

    def add(self, member: Column) -> None:
        """Take all points of a member. Raises LIMIT_EXCEEDED beyond MOST_STEPS different steps."""
        if not len(member):
            return
        points = last_of_steps(member)
        rows = self._rows_of(points.steps)
        values, nans = points.values, np.isnan(points.values)
        self._counts[rows] += 1
        self._nan_counts[rows] += nans
        with np.errstate(invalid="ignore", over="ignore"):
            self._sums[rows] += np.where(nans, 0.0, values)
        self._minima[rows] = np.fmin(self._minima[rows], values)
        self._maxima[rows] = np.fmax(self._maxima[rows], values)

    def result(self) -> Aggregate:
        """The rows, by step."""
        mean = means(self._counts, self._nan_counts, self._sums)
        return Aggregate(self._steps, self._steps, self._counts, self._nan_counts, self._minima, mean, self._maxima)

    def _rows_of(self, steps: Int64s) -> Int64s | slice:
        """The rows of rising `steps`, which are made where they are not there."""
        if len(steps) == len(self._steps) and bool((steps == self._steps).all()):
            return slice(None)
        every = steps if not len(self._steps) else np.union1d(self._steps, steps)
        if len(every) > MOST_STEPS:
            raise too_many_steps()
        if len(every) > len(self._steps):
            self._spread(np.searchsorted(every, self._steps), every)
        return np.searchsorted(self._steps, steps)

    def _spread(self, rows: Int64s, steps: Int64s) -> None:
        """Make room: what stands in row i shall stand in `rows[i]` of as many as there are `steps`."""
        for name, empty in (
            ("_counts", 0),
            ("_nan_counts", 0),
            ("_sums", 0.0),
            ("_minima", np.nan),
            ("_maxima", np.nan),
        ):
            old = getattr(self, name)
            wider = np.full(len(steps), empty, dtype=old.dtype)
            wider[rows] = old
            setattr(self, name, wider)
        self._steps = steps


def of_buckets(buckets: Buckets) -> Aggregate:
    """The aggregate that united buckets of all members amount to."""
    low, high = extremes_of(buckets)
    return Aggregate(
        buckets["first_step"],
        buckets["last_step"],
        buckets["count"],
        buckets["nan_count"],
        low,
        means(buckets["count"], buckets["nan_count"], buckets["sum"]),
        high,
    )


def too_many_steps() -> DomainError:
    """The refusal of an aggregate that would be too large."""
    message = f"The series have more than {MOST_STEPS:,} steps here; set max_buckets, or ask for a range of steps."
    return DomainError(Reason.LIMIT_EXCEEDED, message, limit="aggregate_steps", maximum=str(MOST_STEPS))
