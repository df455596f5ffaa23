"""What is read of metrics: series with their summaries, and points as columns."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from trackway_server.metrics.domain.points import Column
from trackway_server.metrics.domain.ports import SUMMARY_FIELDS, MetricUnit, Series, SummaryRow
from trackway_server.metrics.domain.summaries import Summaries, merge_summaries, values_of

_PARTS_AT_ONCE = 128
_GATHERED = 8
"""Times what a transaction may put: so many summaries are gathered of many parts before the first of them are put."""


class SummarisedSeries(NamedTuple):
    """A series and the summary of its points. Fields as in metrics/v1/series.proto; `context` is canonical JSON.

    A tuple, because there are thousands on a page of runs: frozen dataclasses take several times as long to make.
    """

    subject_id: str
    key: str
    context: str
    count: int  # type: ignore[assignment]
    nan_count: int
    last_value: float
    last_step: int
    last_time_us: int
    min_value: float
    min_step: int
    max_value: float
    max_step: int
    first_value: float | None = None
    """None, as the three below, where points were summarised before this was."""
    first_step: int | None = None
    first_time_us: int | None = None
    first_nan_step: int | None = None
    """None also where no point is NaN."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Points of one series and one writer, in the order in which they were logged."""

    series: Series
    writer_id: str
    column: Column


def parse_context(context: str) -> dict[str, str]:
    """The map of a canonical context."""
    return dict(json.loads(context)) if context else {}


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A subject to fold; `number` is of what is left of summaries that were taken, None where nothing is left."""

    subject_id: str
    number: int | None = None
    more: bool = False
    """Whether there may be summaries beside those that were taken."""


class Taken(NamedTuple):
    """Of a subject's unfolded summaries: those to fold now, how many were looked at, and what is left to do."""

    summaries: Summaries
    looked_at: int
    rest: Unfinished | None


def take(metrics: MetricUnit, some: Unfinished, most: int) -> Taken:
    """Take at most so many summaries of a subject, to be folded in the same transaction.

    What is left stays under the number of the first that was taken, so that whoever folds the subject beside this one
    goes on with it: once that number is gone, everything that was there at the beginning is folded.
    """
    taken = metrics.take_unfolded(some.subject_id, _PARTS_AT_ONCE, some.number)
    fresh = merge_summaries(taken.parts)
    if not taken.parts:
        return Taken(fresh, 0, Unfinished(some.subject_id) if some.more else None)
    is_full = len(taken.parts) == _PARTS_AT_ONCE
    if is_full and len(fresh) <= _GATHERED * most:
        metrics.put_back(some.subject_id, taken.number, fresh)
        return Taken(fresh[:0], len(fresh), Unfinished(some.subject_id))
    now, later, more = fresh[:most], fresh[most:], some.more or is_full
    if len(later):
        metrics.put_back(some.subject_id, taken.number, later)
        return Taken(now, len(now), Unfinished(some.subject_id, taken.number, more))
    return Taken(now, len(now), Unfinished(some.subject_id) if more else None)


def fold(metrics: MetricUnit, taken: Sequence[Summaries]) -> None:
    """Bring the stored summaries up to date by what was taken, of several subjects at once: a statement costs more than
    the rows of a small subject."""
    fresh = merge_summaries(taken)
    if len(fresh):
        metrics.put_summaries(merge_summaries([metrics.summaries(fresh["series"].tolist()), fresh]))


def summarised(metrics: MetricUnit, series: list[Series]) -> list[SummarisedSeries]:
    """The folded summaries of `series`, in their order; those without points are left out."""
    summaries = metrics.summaries(sorted(one.number for one in series))
    columns = [summaries[name].tolist() for name in SUMMARY_FIELDS]
    stored = {number: row for number, *row in zip(summaries["series"].tolist(), *columns, strict=True)}
    return summarised_rows(
        [(one.subject_id, one.key, one.context, *stored[one.number]) for one in series if one.number in stored]
    )


def summarised_rows(rows: Sequence[SummaryRow]) -> list[SummarisedSeries]:
    """The summaries that are stored so, by column, not one by one: page after page of runs goes through here."""
    if not rows:
        return []
    columns: dict[str, Sequence[Any]] = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))
    for name in ("last_key", "min_key", "max_key", "first_key"):
        columns[name] = values_of(np.array(columns[name], dtype=np.int64)).tolist()
    nan_counts, known = columns["nan_count"], columns.pop("firsts_known")
    if any(nan_counts):
        are_numbers = [count > nans for count, nans in zip(columns["count"], nan_counts, strict=True)]
        for name in ("min_key", "max_key"):
            columns[name] = _where(are_numbers, columns[name], math.nan)
    columns["first_nan_step"] = _where(nan_counts, columns["first_nan_step"], None)
    if not all(known):
        for name in ("first_key", "first_step", "first_time", "first_nan_step"):
            columns[name] = _where(known, columns[name], None)
    return list(map(SummarisedSeries._make, zip(*columns.values(), strict=True)))


_COLUMNS = ("subject_id", "key", "context", *SUMMARY_FIELDS)


def _where(there: Sequence[object], values: Sequence[Any], otherwise: float | None) -> list[Any]:
    return [value if is_there else otherwise for value, is_there in zip(values, there, strict=True)]
