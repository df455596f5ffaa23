"""The metrics of logged models as MLflow lists them: every point, where a summary of Trackway's has first and last.

Points are read where a series has more than two, with one call for all models of an answer. Where they are too many for
an answer, or the caller may not read the runs that measured them, the latest point of each series is listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import grpc

from trackway.api.metrics.v1.series_pb2 import PointColumns, SeriesSelection, SeriesSummary
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.resources_pb2 import LoggedModel, LoggedModelMetric
from trackway_server.gateway.mlflow.entities import MODEL_ID, Point, logged_model_json
from trackway_server.gateway.mlflow.session import Session

_MOST_LISTED = 25_000
"""Points of one answer, as many as MLflow's histories list at most."""
_MOST_READ = 4 * _MOST_LISTED
"""Points that are read for it: among them those of the same runs and keys that are of other models, or of none."""
_MOST_RUNS, _MOST_KEYS, _MOST_SERIES = 1000, 1000, 10_000
"""What ReadSeries takes."""
_NOT_TOLD = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED)

Place: TypeAlias = tuple[str, str, tuple[tuple[str, str], ...]]
"""Which series: run, key and context."""


async def models_json(session: Session, models: Sequence[LoggedModel]) -> list[dict[str, Any]]:
    """MLflow's LoggedModel of each, with every point of its metrics."""
    metrics = [metric for model in models for metric in model.metrics]
    whole = sum(metric.summary.count for metric in metrics) <= _MOST_LISTED
    longer = [metric for metric in metrics if _ends(metric.summary) is None]
    read = await _read(session, models, longer) if whole and longer else {}
    return [logged_model_json(model, lambda metric: _points(metric, read) if whole else None) for model in models]


def _points(metric: LoggedModelMetric, read: dict[Place, list[Point]]) -> Iterable[Point] | None:
    ends = _ends(metric.summary)
    return read.get(_place(metric.run_id, metric.summary)) if ends is None else ends


def _ends(summary: SeriesSummary) -> list[Point] | None:
    """All points of a series that has no others than its first and its last; None where it has, or may have."""
    last = (summary.last_value, summary.last_time_us, summary.last_step)
    if summary.count < 2:
        return [last]
    if summary.count > 2 or not summary.HasField("first_value"):
        return None
    return _once([(summary.first_value, summary.first_time_us, summary.first_step), last])


async def _read(
    session: Session, models: Sequence[LoggedModel], metrics: Sequence[LoggedModelMetric]
) -> dict[Place, list[Point]]:
    """The points of these metrics; none at all where they cannot be had in one call."""
    run_ids, keys = {one.run_id for one in metrics}, {one.summary.key for one in metrics}
    if len(run_ids) > _MOST_RUNS or len(keys) > _MOST_KEYS or len(run_ids) * len(keys) > _MOST_SERIES:
        return {}
    of_one = {MODEL_ID: models[0].model_id} if len(models) == 1 else {}
    selection = SeriesSelection(keys=sorted(keys), context=of_one, any_context=True)
    request = pb.ReadSeriesRequest(run_ids=sorted(run_ids), series=selection)
    wanted = {_place(one.run_id, one.summary) for one in metrics}
    found: dict[Place, list[Point]] = {}
    count = 0
    call = session.stream("ReadSeries", request)
    try:
        async for answer in call:
            columns: PointColumns = answer.points
            count += len(columns.steps)
            if count > _MOST_READ:
                return {}
            if (place := _place(columns.subject_id, columns)) in wanted:
                found.setdefault(place, []).extend(zip(columns.values, columns.times_us, columns.steps, strict=True))
    except grpc.aio.AioRpcError as error:
        if error.code() not in _NOT_TOLD:
            raise
        return {}
    finally:
        call.cancel()
    return {place: _once(sorted(points, key=lambda point: point[1:])) for place, points in found.items()}


def _place(run_id: str, series: SeriesSummary | PointColumns) -> Place:
    return run_id, series.key, tuple(sorted(series.context.items()))


def _once(points: Iterable[Point]) -> list[Point]:
    """Without those that are the same in value, millisecond and step: MLflow keeps one of them."""
    return list(
        {(repr(value), time_us // 1000, step): (value, time_us, step) for value, time_us, step in points}.values()
    )
