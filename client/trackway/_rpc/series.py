"""Reads of metrics: what is asked, as messages, and what is answered, as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from trackway import errors, series, types
from trackway._rpc.arguments import names
from trackway._rpc.columns import column, joined
from trackway.api.metrics.v1 import series_pb2
from trackway.api.tracking.v1 import tracking_service_pb2 as pb

T = TypeVar("T")

_AXES: Mapping[str, series_pb2.Axis] = {"step": series_pb2.AXIS_STEP, "time": series_pb2.AXIS_TIME}
_MATCHES: Mapping[str, pb.StepMatch] = {
    "exact": pb.STEP_MATCH_EXACT,
    "at_or_before": pb.STEP_MATCH_AT_OR_BEFORE,
}


def several(value: str | Iterable[str] | None) -> list[str]:
    """One name, several, or none."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else names(value)


def selection(key: str | Iterable[str] | None, context: Mapping[str, str] | None) -> series_pb2.SeriesSelection:
    """Which series: of one context (`{}`: without one), or of any (None)."""
    return series_pb2.SeriesSelection(keys=several(key), context=context or {}, any_context=context is None)


def points_range(steps: types.Range | None, times_us: types.Range | None) -> series_pb2.PointRange:
    """Which points. A range is (least, greatest), both included; None in it: no bound."""
    (low, high), (early, late) = steps or (None, None), times_us or (None, None)
    return series_pb2.PointRange(min_step=low, max_step=high, min_time_us=early, max_time_us=late)


def axis_number(axis: str) -> series_pb2.Axis:
    return _known(axis, _AXES, "axis")


def match_number(match: str) -> pb.StepMatch:
    return _known(match, _MATCHES, "match")


def _known(name: str, known: Mapping[str, T], what: str) -> T:
    if name not in known:
        raise errors.InvalidArgument(f"{name!r} is no {what}: write {' or '.join(map(repr, known))}")
    return known[name]


def points(parts: Iterable[series_pb2.PointColumns]) -> list[series.MetricSeries]:
    """The parts of a stream, joined by run, key, context and writer, and sorted by those."""
    grouped: dict[tuple[Any, ...], list[series_pb2.PointColumns]] = {}
    for part in parts:
        group = (part.subject_id, part.key, tuple(sorted(part.context.items())), part.writer_id)
        grouped.setdefault(group, []).append(part)
    return [_series(grouped[group]) for group in sorted(grouped)]


def _series(parts: list[series_pb2.PointColumns]) -> series.MetricSeries:
    import numpy as np

    return series.MetricSeries(
        key=parts[0].key,
        context=dict(parts[0].context),
        writer_id=parts[0].writer_id,
        steps=joined([column(part.steps, np.int64) for part in parts]),
        times_us=joined([column(part.times_us, np.int64) for part in parts]),
        values=joined([column(part.values, np.float64) for part in parts]),
        sequences=joined([column(part.sequences, np.uint64) for part in parts]),
        run_id=parts[0].subject_id,
    )


def buckets(message: series_pb2.BucketColumns) -> series.MetricBuckets:
    return series.MetricBuckets(
        run_id=message.subject_id,
        key=message.key,
        context=dict(message.context),
        writer_id=message.writer_id,
        level=message.level,
        **_integers(
            message,
            "counts",
            "nan_counts",
            "first_steps",
            "first_times_us",
            "last_steps",
            "last_times_us",
            "min_steps",
            "max_steps",
        ),
        **_doubles(message, "first_values", "last_values", "min_values", "max_values", "sums"),
    )


def aggregates(parts: Iterable[series_pb2.AggregateColumns]) -> list[series.MetricAggregate]:
    """The aggregates of a stream, whose parts follow one another."""
    grouped: dict[tuple[Any, ...], list[series_pb2.AggregateColumns]] = {}
    for part in parts:
        grouped.setdefault((part.subject_id, part.key, tuple(sorted(part.context.items()))), []).append(part)
    return [_aggregate(grouped[group]) for group in sorted(grouped)]


def _aggregate(parts: list[series_pb2.AggregateColumns]) -> series.MetricAggregate:
    integers = [_integers(part, "first_steps", "last_steps", "counts", "nan_counts") for part in parts]
    doubles = [_doubles(part, "min_values", "mean_values", "max_values") for part in parts]
    return series.MetricAggregate(
        run_id=parts[0].subject_id,
        key=parts[0].key,
        context=dict(parts[0].context),
        member_count=parts[0].member_count,
        first_steps=joined([each["first_steps"] for each in integers]),
        last_steps=joined([each["last_steps"] for each in integers]),
        counts=joined([each["counts"] for each in integers]),
        nan_counts=joined([each["nan_counts"] for each in integers]),
        min_values=joined([each["min_values"] for each in doubles]),
        mean_values=joined([each["mean_values"] for each in doubles]),
        max_values=joined([each["max_values"] for each in doubles]),
    )


def values(message: series_pb2.ValueColumns) -> series.MetricValues:
    return series.MetricValues(
        run_id=message.subject_id,
        key=message.key,
        context=dict(message.context),
        **_integers(message, "asked_steps", "steps", "times_us"),
        **_doubles(message, "values"),
    )


def update(message: pb.FollowResponse) -> series.MetricUpdate:
    return series.MetricUpdate(tuple(_series([part]) for part in message.points), message.position, message.caught_up)


def _integers(message: Any, *fields: str) -> dict[str, Any]:
    import numpy as np

    return {name: column(getattr(message, name), np.int64) for name in fields}


def _doubles(message: Any, *fields: str) -> dict[str, Any]:
    import numpy as np

    return {name: column(getattr(message, name), np.float64) for name in fields}
