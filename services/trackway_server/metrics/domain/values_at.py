"""The values of a series at some steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trackway_server.metrics.domain.aggregates import last_of_steps
from trackway_server.metrics.domain.points import Bools, Column, Int64s
from trackway_server.metrics.domain.selecting import taken


@dataclass(frozen=True, slots=True, eq=False)
class StepValues:
    """The points that a series had at some of the steps asked for."""

    asked: Int64s
    """The steps asked for at which it had one, rising."""
    points: Column


class ValuesAt:
    """Takes the points of a series in any parts, and finds the one that counts at each step asked for."""

    def __init__(self, steps: Sequence[int], *, exact: bool) -> None:
        """`exact`: the last point at that very step; otherwise the last at that step or before."""
        self._asked = np.unique(np.array(steps, dtype=np.int64))
        self._exact = exact
        self._best: Column | None = None
        self._found = np.zeros(len(self._asked), dtype=np.bool_)

    def add(self, column: Column) -> None:
        """Take points."""
        points = last_of_steps(column)
        if not len(points):
            return
        places = np.searchsorted(points.steps, self._asked, side="right") - 1
        hits = places >= 0
        candidates = taken(points, np.maximum(places, 0))
        if self._exact:
            hits = hits & (candidates.steps == self._asked)
        if self._best is None:
            self._best, self._found = candidates, hits
            return
        better = hits & (~self._found | _later(candidates, self._best))
        self._best = _chosen(better, candidates, self._best)
        self._found = self._found | hits

    def result(self) -> StepValues:
        """What was found."""
        best = self._best
        if best is None:
            empty = np.empty(0, dtype=np.int64)
            best = Column(empty.view(np.uint64), empty, empty, empty.astype(np.float64))
            return StepValues(empty, best)
        return StepValues(self._asked[self._found], taken(best, self._found))


def _later(one: Column, other: Column) -> Bools:
    """Where `one` is greater than `other` by (step, time, sequence)."""
    same_step, same_time = one.steps == other.steps, one.times == other.times
    in_step = (one.times > other.times) | (same_time & (one.sequences >= other.sequences))
    later: Bools = (one.steps > other.steps) | (same_step & in_step)
    return later


def _chosen(where: Bools, one: Column, other: Column) -> Column:
    return Column(
        np.where(where, one.sequences, other.sequences),
        np.where(where, one.times, other.times),
        np.where(where, one.steps, other.steps),
        np.where(where, one.values, other.values),
    )
