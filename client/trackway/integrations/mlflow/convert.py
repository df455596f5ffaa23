"""Trackway's values as MLflow's entities, and back."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any

from mlflow.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    ExperimentTag,
    FileInfo,
    InputTag,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunTag,
)
from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel, RegisteredModelTag
from mlflow.entities.model_registry.registered_model_alias import RegisteredModelAlias

from trackway import types
from trackway.integrations.mlflow import addresses
from trackway.logged_model import LoggedModel

DATA_CONTEXT = "mlflow.data.context"
MODEL_ID = "model_id"
CONTEXT_KEYS = (MODEL_ID, "dataset_name", "dataset_digest")
"""Fields of a metric in MLflow that are keys of a series' context here, as the REST API has them."""

_UNKNOWN_USER = "unknown"
_OF_2 = "run_uuid" in inspect.signature(RunInfo.__init__).parameters
"""Whether this is MLflow 2: its runs have an id more, its points no model and no data set."""


def experiment(found: types.Experiment, server: str) -> Experiment:
    return Experiment(
        experiment_id=found.experiment_id,
        name=found.name,
        artifact_location=addresses.of_experiment(server, found.experiment_id),
        lifecycle_stage=found.lifecycle_stage,
        tags=[ExperimentTag(key, value) for key, value in found.tags.items()],
        creation_time=found.creation_time,
        last_update_time=found.last_update_time,
    )


def run(found: types.Run, server: str) -> Run:
    """A run with the latest point of each metric, in whichever context it is."""
    data = run_data(latest(found.data.series), found.data.params, found.data.tags)
    datasets = [dataset_input(each) for each in found.inputs.dataset_inputs]
    info = run_info(found.info, server)
    if _OF_2:
        return Run(info, data, RunInputs(datasets))
    from mlflow.entities import LoggedModelInput, LoggedModelOutput, RunOutputs

    inputs = RunInputs(datasets, [LoggedModelInput(each.model_id) for each in found.inputs.model_inputs])
    outputs = RunOutputs([LoggedModelOutput(each.model_id, each.step) for each in found.outputs.model_outputs])
    return Run(info, data, inputs, outputs)


def new_run(info: types.RunInfo, tags: Mapping[str, str], server: str) -> Run:
    """A run that was made a moment ago."""
    return run(types.Run(info, types.RunData({}, {}, tags)), server)


def run_data(metrics: list[Metric], params: Mapping[str, str], tags: Mapping[str, str]) -> RunData:
    return RunData(
        metrics=metrics,
        params=[Param(key, value) for key, value in params.items()],
        tags=[RunTag(key, value) for key, value in tags.items()],
    )


def run_info(info: types.RunInfo, server: str) -> RunInfo:
    return RunInfo(
        **({"run_uuid": info.run_id} if _OF_2 else {}),
        run_id=info.run_id,
        experiment_id=info.experiment_id,
        user_id=info.user_id or _UNKNOWN_USER,
        status=info.status,
        start_time=info.start_time,
        end_time=info.end_time,
        lifecycle_stage=info.lifecycle_stage,
        artifact_uri=addresses.of_run(server, info.run_id),
        run_name=info.run_name,
    )


def latest(series: Iterable[types.MetricSummary]) -> list[Metric]:
    """The latest point of each key, without what it was measured on: MLflow's runs do not tell."""
    found: dict[str, types.MetricSummary] = {}
    for one in series:
        known = found.get(one.key)
        if one.count and (known is None or (known.last_step, known.last_time_us) < (one.last_step, one.last_time_us)):
            found[one.key] = one
    return [metric(key, one.last_value, one.last_time_us, one.last_step, {}) for key, one in sorted(found.items())]


def metric(key: str, value: float, time_us: int, step: int, context: Mapping[str, str]) -> Metric:
    known = {} if _OF_2 else {name: context[name] for name in CONTEXT_KEYS if name in context}
    return Metric(key, value, time_us // 1000, step, **known)


def history(found: Sequence[types.MetricSeries]) -> list[Metric]:
    """The points of several series of one key, by time and step; equal ones once, as MLflow keeps them.

    Of which model a point is, a history of MLflow does not say: where its clients log a model, they write the points of
    its step once more, as the model's, and those alone of which no model is named.
    """
    rows: dict[tuple[int, int, float | None], tuple[float, str, dict[str, str]]] = {}
    for one in sorted(found, key=lambda one: len(one.context), reverse=True):  # of equal points, the last stays
        context = {name: value for name, value in one.context.items() if name != MODEL_ID}
        points = zip(one.times_us.tolist(), one.steps.tolist(), one.values.tolist(), strict=True)
        rows |= {
            (time_us, step, None if isnan(value) else value): (value, one.key, context)
            for time_us, step, value in points
        }
    ordered = sorted(rows.items(), key=lambda row: row[0][:2])
    return [metric(key, value, name[0], name[1], context) for name, (value, key, context) in ordered]


def context_of(given: Metric) -> dict[str, str] | None:
    """The context of a point; None for most."""
    if _OF_2 or (given.model_id is None and given.dataset_name is None):
        return None
    values = ((name, getattr(given, name)) for name in CONTEXT_KEYS)
    return {name: str(value) for name, value in values if value}


def moment_of(given: Metric) -> tuple[Any, ...]:
    """What points have in common that can be one record: step, time and context."""
    return given.step, given.timestamp, *(context_of(given) or {}).values()


def dataset_input(found: types.DatasetInput) -> DatasetInput:
    dataset = Dataset(
        name=found.dataset.name,
        digest=found.dataset.digest,
        source_type=found.dataset.source_type,
        source=found.dataset.source,
        schema=found.dataset.schema or None,
        profile=found.dataset.profile or None,
    )
    return DatasetInput(dataset, [InputTag(DATA_CONTEXT, found.context)] if found.context else [])


def logged_model(found: LoggedModel, server: str) -> Any:
    from mlflow.entities import LoggedModel as Entity
    from mlflow.entities import LoggedModelStatus

    return Entity(
        experiment_id=found.experiment_id,
        model_id=found.model_id,
        name=found.name,
        artifact_location=addresses.of_logged_model(server, found.model_id),
        creation_timestamp=found.creation_timestamp,
        last_updated_timestamp=found.last_updated_timestamp,
        model_type=found.model_type,
        source_run_id=found.source_run_id,
        status=LoggedModelStatus(found.status),
        status_message=found.status_message or None,
        tags=dict(found.tags),
        params=dict(found.params),
        metrics=[
            Metric(
                each.key,
                each.value,
                each.timestamp,
                each.step,
                model_id=found.model_id,
                dataset_name=each.dataset_name,
                dataset_digest=each.dataset_digest,
                run_id=each.run_id,
            )
            for each in found.metrics
        ],
    )


def model_status(given: Any) -> types.LoggedModelStatus:
    """MLflow's status of a logged model, also by its number. Raises ValueError for what is none."""
    from mlflow.entities import LoggedModelStatus

    status = LoggedModelStatus.from_int(given) if isinstance(given, int) else LoggedModelStatus(given)
    name: types.LoggedModelStatus = status.value
    return name


def file_info(path: str, is_dir: bool, size: int | None) -> FileInfo:
    return FileInfo(path, is_dir, size)


def texts(tags: Iterable[Any] | None) -> dict[str, str]:
    """MLflow's tags, of whichever kind, by key; of a key that is there twice, the last."""
    return {tag.key: str(tag.value) for tag in tags or ()}


def registered_model(found: types.RegisteredModel) -> RegisteredModel:
    return RegisteredModel(
        name=found.name,
        creation_timestamp=found.creation_timestamp,
        last_updated_timestamp=found.last_updated_timestamp,
        description=found.description,
        latest_versions=[model_version(each) for each in found.latest_versions],
        tags=[RegisteredModelTag(key, value) for key, value in found.tags.items()],
        aliases=[RegisteredModelAlias(alias, str(version)) for alias, version in found.aliases.items()],
    )


def model_version(found: types.ModelVersion) -> ModelVersion:
    return ModelVersion(
        name=found.name,
        version=str(found.version),
        creation_timestamp=found.creation_timestamp,
        last_updated_timestamp=found.last_updated_timestamp,
        description=found.description,
        user_id=found.user,
        current_stage=found.stage,
        source=found.source,
        run_id=found.run_id or None,
        run_link=found.run_link or None,
        **({} if _OF_2 else {"model_id": found.model_id or None}),
        tags=[ModelVersionTag(key, value) for key, value in found.tags.items()],
        aliases=list(found.aliases),
    )
