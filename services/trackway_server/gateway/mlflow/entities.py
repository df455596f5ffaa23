"""Trackway's resources as MLflow's JSON: names in snake_case, times in milliseconds, what is not set left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, TypeAlias

from trackway.api.metrics.v1.series_pb2 import SeriesSummary
from trackway.api.tracking.v1.resources_pb2 import (
    Experiment,
    LifecycleStage,
    LoggedModel,
    LoggedModelMetric,
    LoggedModelStatus,
    Run,
    RunStatus,
)
from trackway_server.gateway.mlflow.pretty import Table, pairs_table, printed_number

STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
LOGGED_MODEL_STATUSES = ("LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED")
VIEWS = ("ACTIVE_ONLY", "DELETED_ONLY", "ALL")
MODEL_ID, DATASET_NAME, DATASET_DIGEST = "model_id", "dataset_name", "dataset_digest"
"""Keys of a series' context that are fields of a metric in MLflow."""

DATA_CONTEXT = "mlflow.data.context"
"""The tag of a data set that says what it is used for."""

METRIC = ("key", "value", "timestamp", "step")
"""The members of a Metric of which no more is said."""

Point: TypeAlias = tuple[float, int, int]
"""Value, time in microseconds since 1970 UTC, step."""

_ARTIFACTS = "mlflow-artifacts:"


def experiment_json(experiment: Experiment) -> dict[str, Any]:
    """MLflow's Experiment."""
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "artifact_location": f"{_ARTIFACTS}/{experiment.experiment_id}",
        "lifecycle_stage": _stage(experiment.lifecycle_stage),
        "last_update_time": experiment.update_time_us // 1000,
        "creation_time": experiment.create_time_us // 1000,
        **_unless_empty("tags", _pairs(experiment.tags)),
        "workspace": experiment.workspace,
    }


def run_json(run: Run) -> dict[str, Any]:
    """MLflow's Run."""
    data = {
        **_unless_empty("metrics", _latest_metrics(run.metrics)),
        **_unless_empty("params", pairs_table(run.params)),
        **_unless_empty("tags", pairs_table(run.tags)),
    }
    return {"info": run_info_json(run), "data": data, "inputs": _inputs(run), "outputs": _outputs(run)}


def run_info_json(run: Run) -> dict[str, Any]:
    """MLflow's RunInfo."""
    return {
        "run_uuid": run.run_id,
        "experiment_id": run.experiment_id,
        "run_name": run.run_name,
        "user_id": run.user_id,
        "status": RunStatus.Name(run.status).removeprefix("RUN_STATUS_"),
        "start_time": run.start_time_us // 1000,
        **({"end_time": run.end_time_us // 1000} if run.end_time_us else {}),
        "artifact_uri": f"{_ARTIFACTS}/{run.experiment_id}/{run.run_id}/artifacts",
        "lifecycle_stage": _stage(run.lifecycle_stage),
        "run_id": run.run_id,
    }


def logged_model_json(
    model: LoggedModel, points_of: Callable[[LoggedModelMetric], Iterable[Point] | None] = lambda _: None
) -> dict[str, Any]:
    """MLflow's LoggedModel, with those points of each of its metrics; where that is None, with the latest."""
    info = {
        "model_id": model.model_id,
        "experiment_id": model.experiment_id,
        "name": model.name,
        "creation_timestamp_ms": model.create_time_us // 1000,
        "last_updated_timestamp_ms": model.update_time_us // 1000,
        "artifact_uri": logged_model_uri(model),
        "status": LoggedModelStatus.Name(model.status).replace("_STATUS_", "_"),
        "model_type": model.model_type,
        "source_run_id": model.source_run_id,
        **_unless_empty("status_message", model.status_message),
        **_unless_empty("tags", _pairs(model.tags)),
    }
    metrics = [
        {
            **metric_json(one.key, value, time_us, step, one.context),
            "run_id": metric.run_id,
        }
        for metric in model.metrics
        if (one := metric.summary).count
        for value, time_us, step in points_of(metric) or [(one.last_value, one.last_time_us, one.last_step)]
    ]
    return {
        "info": info,
        "data": {**_unless_empty("params", _pairs(model.params)), **_unless_empty("metrics", metrics)},
    }


def logged_model_uri(model: LoggedModel) -> str:
    """Where MLflow's clients find a logged model's files."""
    return f"{_ARTIFACTS}/{model.experiment_id}/models/{model.model_id}/artifacts"


def metric_json(key: str, value: float, time_us: int, step: int, context: Mapping[str, str]) -> dict[str, Any]:
    """MLflow's Metric."""
    known = {name: context[name] for name in (MODEL_ID, DATASET_NAME, DATASET_DIGEST) if name in context}
    return {"key": key, "value": _double(value), "timestamp": time_us // 1000, "step": step, **known}


def _latest_metrics(series: Iterable[SeriesSummary]) -> Table:
    """The latest point of each key, in whichever context it is; of which model or data set, a run does not say."""
    latest: dict[str, SeriesSummary] = {}
    for one in series:
        key = one.key
        known = latest.get(key)
        if one.count and (known is None or _order(known) < _order(one)):
            latest[key] = one
    rows = [
        (quoted(key), printed_number(one.last_value), one.last_time_us // 1000, one.last_step)
        for key, one in sorted(latest.items())
    ]
    return Table(METRIC, rows)


def _order(series: SeriesSummary) -> tuple[int, int]:
    return series.last_step, series.last_time_us


def _inputs(run: Run) -> dict[str, Any]:
    inputs = []
    for dataset in run.dataset_inputs:
        named = {name: getattr(dataset, name) for name in ("name", "digest", "source_type", "source")}
        shown = {**named, **_unless_empty("schema", dataset.schema), **_unless_empty("profile", dataset.profile)}
        tags = [{"key": DATA_CONTEXT, "value": dataset.context}] if dataset.context else []
        tags += _pairs(dataset.tags)
        inputs.append({**_unless_empty("tags", tags), "dataset": shown})
    read = [{"model_id": one.model_id} for one in run.model_inputs]
    return {**_unless_empty("dataset_inputs", inputs), **_unless_empty("model_inputs", read)}


def _outputs(run: Run) -> dict[str, Any]:
    return _unless_empty("model_outputs", [{"model_id": one.model_id, "step": one.step} for one in run.model_outputs])


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(values.items())]


def _stage(stage: LifecycleStage) -> str:
    return "deleted" if stage == LifecycleStage.LIFECYCLE_STAGE_DELETED else "active"


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _unless_empty(name: str, value: Any) -> dict[str, Any]:
    return {name: value} if value else {}
