"""What a read asks for: which series of a subject, and which of their points."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.chunks import ChunkEntry
from trackway_server.metrics.domain.points import Bools, Column, Int64s
from trackway_server.metrics.domain.ports import MetricUnit, Series
from trackway_server.metrics.domain.reading import parse_context
from trackway_server.metrics.domain.records import canonical_context

MOST_SERIES = 10_000
"""What one read may ask for; each costs some look-ups."""
FIRST_INT64 = -(2**63)
LAST_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Selection:
    """Series of any subject, by key and context."""

    keys: tuple[str, ...] = ()
    """Empty: every key."""
    context: Mapping[str, str] = field(default_factory=dict)
    any_context: bool = False
    """Whether series that have more than `context` in their context are meant too."""

    def chooses(self, series: Series) -> bool:
        """Whether a series is meant."""
        if self.keys and series.key not in self.keys:
            return False
        if not self.any_context:
            return series.context == canonical_context(self.context)
        return not self.context or self.context.items() <= parse_context(series.context).items()


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which points of a series: those whose step and whose time lie between these, both ends included."""

    min_step: int = FIRST_INT64
    max_step: int = LAST_INT64
    min_time: int = FIRST_INT64
    max_time: int = LAST_INT64

    @property
    def any_time(self) -> bool:
        """Whether times do not matter."""
        return self.min_time == FIRST_INT64 and self.max_time == LAST_INT64

    def of(self, column: Column) -> Column:
        """The points of `column` within the bounds, in its order."""
        inside = self.mask(column.steps, column.times)
        return column if inside is None else taken(column, inside)

    def mask(self, steps: Int64s, times: Int64s) -> Bools | None:
        """Which points with these steps and times are within the bounds; None: all."""
        inside = _inside(steps, self.min_step, self.max_step)
        if self.any_time:
            return inside
        within = _inside(times, self.min_time, self.max_time)
        if inside is None or within is None:
            return within if inside is None else inside
        return inside & within

    def hold(self, entry: ChunkEntry) -> bool:
        """Whether every point of a chunk is within the bounds."""
        steps = self.min_step <= entry.min_step and entry.max_step <= self.max_step
        return steps and self.min_time <= entry.min_time and entry.max_time <= self.max_time


EVERYTHING = Bounds()


def taken(column: Column, chosen: Bools | Int64s | slice) -> Column:
    """Some points of a column: a mask, places, or a slice."""
    return Column(column.sequences[chosen], column.times[chosen], column.steps[chosen], column.values[chosen])


def chosen_series(metrics: MetricUnit, subject_ids: Collection[str], selection: Selection) -> list[Series]:
    """The series of the subjects that are meant, by subject, then key, then context.

    Raises LIMIT_EXCEEDED where more than MOST_SERIES would have to be looked at.
    """
    subjects, keys = sorted(set(subject_ids)), sorted(set(selection.keys))
    exact = None if selection.any_context else canonical_context(selection.context)
    found: list[Series] = []
    if keys:
        if len(keys) * len(subjects) > MOST_SERIES:
            raise _too_many()
        for subject_id in subjects:
            for key in keys:
                found += metrics.series(subject_id, key, exact)
    else:
        found = metrics.series_of_subjects(subjects, exact, MOST_SERIES + 1)
    if len(found) > MOST_SERIES:
        raise _too_many()
    return [series for series in found if selection.chooses(series)]


def _too_many() -> DomainError:
    message = f"One read may ask for {MOST_SERIES:,} series; name fewer runs, keys or a context."
    return DomainError(Reason.LIMIT_EXCEEDED, message, limit="series", maximum=str(MOST_SERIES))


def _inside(numbers: Int64s, low: int, high: int) -> Bools | None:
    """Which numbers lie between; None: all."""
    if not len(numbers) or (low == FIRST_INT64 and high == LAST_INT64):
        return None
    if int(numbers.min()) >= low and int(numbers.max()) <= high:
        return None
    inside: Bools = (numbers >= np.int64(low)) & (numbers <= np.int64(high))
    return inside
