"""Points of a request as records of a writer. A request has up to a thousand, so they are handled as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from trackway.api.metrics.v1 import ingest_pb2 as ingest
from trackway_server.gateway.mlflow.entities import DATASET_DIGEST, DATASET_NAME, MODEL_ID
from trackway_server.gateway.mlflow.errors import invalid
from trackway_server.gateway.mlflow.keys import metric_key, plain_key
from trackway_server.gateway.mlflow.parameters import Parameters

_CONTEXT = (MODEL_ID, DATASET_NAME, DATASET_DIGEST)
_FIELDS = itemgetter("key", "value", "timestamp", "step")
_TIMES_MS = 2**53

Context = tuple[tuple[str, str], ...]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points in the order they were sent; `of` numbers the series that each belongs to."""

    series: Sequence[tuple[str, Context]]
    of: Int64s
    steps: Int64s
    times_us: Int64s
    values: Float64s

    def __len__(self) -> int:
        return len(self.of)


def points_of(asked: Sequence[Parameters]) -> Points:
    """MLflow's Metrics. Raises MlflowError for the first that is none."""
    plain = _plain_points([one.given for one in asked])
    return _points([_point(one) for one in asked]) if plain is None else plain


def append_of(points: Points) -> ingest.AppendRecords:
    """All records of a writer: the definitions of the series, then blocks of them, each of which is one record.

    Series that were logged at the same steps and times, as a dict of metrics is, are the columns of one block.
    """
    blocks = _blocks(_ties_by_value(points))
    count = len(points.series)
    records = [
        ingest.Record(
            sequence_offset=number,
            series=ingest.SeriesDefinition(series_id=number, key=key, context=dict(context)),
        )
        for number, (key, context) in enumerate(points.series)
    ]
    records += [ingest.Record(sequence_offset=count + number, points=block) for number, block in enumerate(blocks)]
    return ingest.AppendRecords(record_count=len(records), records=records)


def _plain_points(given: Sequence[Any]) -> Points | None:
    """The points where all have the four fields, of the types that clients send; None where one may have others."""
    try:
        keys, values, times, steps = zip(*map(_FIELDS, given), strict=True)
        if set(map(len, given)) != {4} or not _are_plain(keys, values, times, steps):
            return None
        times_ms, as_steps, as_values = (
            np.array(times, np.int64),
            np.array(steps, np.int64),
            np.array(values, np.float64),
        )
    except (KeyError, OverflowError):
        return None
    if not np.isfinite(as_values).all() or times_ms.min() < 0 or times_ms.max() >= _TIMES_MS:
        return None
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    of = np.array([numbers[key] for key in keys], np.int64)
    return Points([(key, ()) for key in numbers], of, as_steps, 1000 * times_ms, as_values)


def _are_plain(keys: Sequence[Any], values: Sequence[Any], times: Sequence[Any], steps: Sequence[Any]) -> bool:
    return (
        set(map(type, keys)) == {str}
        and set(map(type, values)) <= {float, int}
        and set(map(type, (*times, *steps))) == {int}
        and all(map(plain_key, set(keys)))
    )


def _point(asked: Parameters) -> tuple[tuple[str, Context], float, int, int]:
    """Series, value, time in microseconds and step."""
    key, value, timestamp = metric_key(asked), asked.number("value"), asked.whole("timestamp")
    if not 0 <= timestamp < _TIMES_MS:
        raise invalid(
            f"Invalid value {timestamp} for parameter '{asked.path('timestamp')}' supplied: metric '{key}' "
            f"(value={value}). Timestamp must be a nonnegative long (64-bit integer) "
        )
    if asked.has(DATASET_NAME) is not asked.has(DATASET_DIGEST):
        raise invalid("Both dataset_name and dataset_digest must be provided if one is provided")
    context = tuple((name, asked.text(name)) for name in _CONTEXT if asked.has(name))
    return (key, context), value, 1000 * timestamp, asked.whole("step", 0)


def _points(found: Sequence[tuple[tuple[str, Context], float, int, int]]) -> Points:
    numbers: dict[tuple[str, Context], int] = {}
    of = [numbers.setdefault(series, len(numbers)) for series, _, _, _ in found]
    return Points(
        list(numbers),
        np.array(of, np.int64),
        np.array([step for _, _, _, step in found], np.int64),
        np.array([time_us for _, _, time_us, _ in found], np.int64),
        np.array([value for _, value, _, _ in found], np.float64),
    )


def _ties_by_value(points: Points) -> Points:
    """The points, but those of one series, step and time by value: of these, MLflow's latest is the greatest."""
    if len(points) == len(points.series):
        return points
    order = np.lexsort((points.times_us, points.steps, points.of))
    same = np.ones(max(len(order) - 1, 0), bool)
    for column in (points.times_us, points.steps, points.of):
        same &= column[order][1:] == column[order][:-1]
    if not same.any():
        return points
    ranks = np.where(np.isnan(points.values), 0.0, points.values)
    rising = np.lexsort((ranks, points.times_us, points.steps, points.of))
    values = points.values.copy()
    # `order` keeps the order in which equal ones were sent: their places, in which they now stand by value.
    values[order] = points.values[rising]
    return Points(points.series, points.of, points.steps, points.times_us, values)


def _blocks(points: Points) -> list[ingest.PointBlock]:
    count = len(points.series)
    if (
        count == len(points)
        and points.steps.min() == points.steps.max()
        and points.times_us.min() == points.times_us.max()
    ):
        return [_block(range(count), points.times_us[:1], points.steps[:1], points.values)]
    order = np.argsort(points.of, kind="stable")
    edges = np.flatnonzero(np.diff(points.of[order])) + 1
    by_rows: dict[tuple[bytes, bytes], list[int]] = {}
    places = np.split(order, edges)
    for number, of_series in enumerate(places):
        rows = points.times_us[of_series].tobytes(), points.steps[of_series].tobytes()
        by_rows.setdefault(rows, []).append(number)
    blocks = []
    for numbers in by_rows.values():
        first = places[numbers[0]]
        values = np.stack([points.values[places[number]] for number in numbers], axis=1)
        blocks.append(_block(numbers, points.times_us[first], points.steps[first], values))
    return blocks


def _block(series_ids: Sequence[int], times_us: Int64s, steps: Int64s, values: Float64s) -> ingest.PointBlock:
    """Series that have the same steps and times; `values` row by row."""
    return ingest.PointBlock(
        row_count=len(times_us),
        one_record=True,
        series_ids=series_ids,
        first_time_us=int(times_us[0]),
        time_deltas=np.diff(times_us).tolist(),
        first_step=int(steps[0]),
        step_deltas=np.diff(steps).tolist(),  # of 64 bits, modulo 2^64
        values=values.reshape(-1).tolist(),
    )
