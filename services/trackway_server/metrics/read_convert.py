"""Between the messages of reads (metrics/v1/series.proto) and this package's values."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
from google.protobuf.message import Message

from trackway.api.metrics.v1 import series_pb2 as pb
from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.convert import packed_fields
from trackway_server.metrics.domain.buckets import extremes_of
from trackway_server.metrics.domain.chunks import Axis
from trackway_server.metrics.domain.reading import parse_context
from trackway_server.metrics.domain.selecting import FIRST_INT64, LAST_INT64, Bounds, Selection
from trackway_server.metrics.domain.summaries import values_of
from trackway_server.metrics.series_reads import Aggregated, Bucketed, ValuedSeries

MessageT = TypeVar("MessageT", bound=Message)

DEFAULT_BUCKETS = 1000


def selection_from_proto(message: pb.SeriesSelection) -> Selection:
    """Which series are meant."""
    return Selection(tuple(message.keys), dict(message.context), message.any_context)


def bounds_from_proto(message: pb.PointRange) -> Bounds:
    """Which points are meant."""
    return Bounds(
        message.min_step if message.HasField("min_step") else FIRST_INT64,
        message.max_step if message.HasField("max_step") else LAST_INT64,
        message.min_time_us if message.HasField("min_time_us") else FIRST_INT64,
        message.max_time_us if message.HasField("max_time_us") else LAST_INT64,
    )


def axis_from_proto(axis: pb.Axis) -> Axis:
    """Along what buckets lie. Raises INVALID_FIELD for one that this server does not know."""
    if axis not in (pb.AXIS_UNSPECIFIED, pb.AXIS_STEP, pb.AXIS_TIME):
        raise DomainError(Reason.INVALID_FIELD, "axis must be one that this server knows; update it.", field="axis")
    return Axis.TIME if axis == pb.AXIS_TIME else Axis.STEP


def buckets_to_proto(bucketed: Bucketed) -> pb.BucketColumns:
    """The buckets of a series."""
    message = pb.BucketColumns(
        subject_id=bucketed.series.subject_id,
        key=bucketed.series.key,
        context=parse_context(bucketed.series.context),
        writer_id=bucketed.writer_id,
        level=bucketed.level,
    )
    rows = bucketed.buckets
    low, high = extremes_of(rows)
    return _with_columns(
        message,
        counts=rows["count"],
        nan_counts=rows["nan_count"],
        first_steps=rows["first_step"],
        first_times_us=rows["first_time"],
        first_values=values_of(rows["first_key"]),
        last_steps=rows["last_step"],
        last_times_us=rows["last_time"],
        last_values=values_of(rows["last_key"]),
        min_values=low,
        min_steps=rows["min_step"],
        max_values=high,
        max_steps=rows["max_step"],
        sums=rows["sum"],
    )


def aggregate_to_proto(aggregated: Aggregated) -> pb.AggregateColumns:
    """Some rows of an aggregate."""
    message = pb.AggregateColumns(
        subject_id=aggregated.subject_id,
        key=aggregated.key,
        context=parse_context(aggregated.context),
        member_count=aggregated.member_count,
    )
    rows = aggregated.rows
    return _with_columns(
        message,
        first_steps=rows.first_steps,
        last_steps=rows.last_steps,
        counts=rows.counts,
        nan_counts=rows.nan_counts,
        min_values=rows.minima,
        mean_values=rows.means,
        max_values=rows.maxima,
    )


def values_to_proto(valued: ValuedSeries) -> pb.ValueColumns:
    """What a series had at some steps."""
    message = pb.ValueColumns(
        subject_id=valued.series.subject_id, key=valued.series.key, context=parse_context(valued.series.context)
    )
    points = valued.values.points
    return _with_columns(
        message, asked_steps=valued.values.asked, steps=points.steps, times_us=points.times, values=points.values
    )


def _with_columns(message: MessageT, **columns: npt.NDArray[np.generic]) -> MessageT:
    message.MergeFromString(packed_fields(message, columns))
    return message
