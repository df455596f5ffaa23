"""What is read of metrics: series with their summaries, and points as columns."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trackway_server.metrics.domain.points import Column
from trackway_server.metrics.domain.ports import MetricUnit, Series
from trackway_server.metrics.domain.summaries import Summaries, merge_summaries, values_of

_PARTS_AT_ONCE = 128
_GATHERED = 8
"""Times what a transaction may put: so many summaries are gathered of many parts before the first of them are put."""


@dataclass(frozen=True, slots=True)
class SummarisedSeries:
    """A series and the summary of its points. Fields as in metrics/v1/series.proto; `context` is canonical JSON."""

    subject_id: str
    key: str
    context: str
    count: int
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


def fold(metrics: MetricUnit, some: Unfinished, most: int) -> tuple[int, Unfinished | None]:
    """Bring at most so many summaries of a subject up to date: how many, and what is to do in further transactions.

    What is left stays under the number of the first that was taken, so that whoever folds the subject beside this one
    goes on with it: once that number is gone, everything that was there at the beginning is folded.
    """
    taken = metrics.take_unfolded(some.subject_id, _PARTS_AT_ONCE, some.number)
    if not taken.parts:
        return 0, Unfinished(some.subject_id) if some.more else None
    fresh = merge_summaries(taken.parts)
    is_full = len(taken.parts) == _PARTS_AT_ONCE
    if is_full and len(fresh) <= _GATHERED * most:
        metrics.put_back(some.subject_id, taken.number, fresh)
        return len(fresh), Unfinished(some.subject_id)
    now, later, more = fresh[:most], fresh[most:], some.more or is_full
    metrics.put_summaries(merge_summaries([metrics.summaries(now["series"].tolist()), now]))
    if len(later):
        metrics.put_back(some.subject_id, taken.number, later)
        return len(now), Unfinished(some.subject_id, taken.number, more)
    return len(now), Unfinished(some.subject_id) if more else None


def summarised(metrics: MetricUnit, series: list[Series]) -> list[SummarisedSeries]:
    """The folded summaries of `series`, in their order; those without points are left out."""
    summaries = metrics.summaries(sorted(one.number for one in series))
    columns = [_values(summaries, name) for name in _FIELDS]
    values = {number: row for number, *row in zip(summaries["series"].tolist(), *columns, strict=True)}
    return [
        SummarisedSeries(one.subject_id, one.key, one.context, *values[one.number])
        for one in series
        if one.number in values
    ]


_FIELDS = tuple(SummarisedSeries.__dataclass_fields__)[3:]
_KEYS = {"last_value": "last_key", "min_value": "min_key", "max_value": "max_key", "first_value": "first_key"}
_TIMES = {"last_time_us": "last_time", "first_time_us": "first_time"}
_FIRSTS = ("first_value", "first_step", "first_time_us", "first_nan_step")


def _values(summaries: Summaries, field: str) -> list[Any]:
    """One field of SummarisedSeries for all of `summaries`; page after page of runs goes through here."""
    stored = summaries[_KEYS.get(field) or _TIMES.get(field, field)]
    values: list[Any] = (values_of(stored) if field in _KEYS else stored).tolist()
    if field in ("min_value", "max_value"):
        return _where(summaries["count"] > summaries["nan_count"], values, math.nan)
    if field in _FIRSTS:
        known = summaries["firsts_known"] != 0
        return _where(known & (summaries["nan_count"] > 0) if field == "first_nan_step" else known, values, None)
    return values


def _where(there: npt.NDArray[np.bool_], values: list[Any], otherwise: float | None) -> list[Any]:
    if there.all():
        return values
    return [value if is_there else otherwise for value, is_there in zip(values, there.tolist(), strict=True)]
