"""What an MLflow server answers, as values of the port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trackway.importing.measured import context_of, model_id_here
from trackway.importing.source import (
    MODEL_STATUSES,
    MetricColumns,
    SourceExperiment,
    SourceLoggedModel,
    SourceModel,
    SourceRun,
    SourceVersion,
    in_order,
)
from trackway.importing.values import (
    Malformed,
    Refused,
    mapping,
    number,
    or_nothing,
    points,
    several,
    text,
    time_us,
    whole,
)
from trackway.types import CONTEXT_TAG, Dataset, DatasetInput

Json = Mapping[str, Any]
Measured = Sequence[tuple[str, MetricColumns]]
"""Points by run."""


def read_experiment(each: Json, refused: Refused) -> SourceExperiment:
    """An experiment. Raises Malformed, as all of these do."""
    experiment_id = whole(each.get("experiment_id"))
    deleted = each.get("lifecycle_stage") == "deleted"
    return SourceExperiment(str(experiment_id), text(each.get("name")), deleted, _pairs(each.get("tags")))


def read_run(each: Json, refused: Refused) -> SourceRun:
    """A run, without its metrics."""
    info, data = mapping(each.get("info")), mapping(each.get("data"))
    inputs, outputs = mapping(each.get("inputs")), mapping(each.get("outputs"))
    tags, run_id = _pairs(data.get("tags")), text(info.get("run_id") or info.get("run_uuid"))
    read = {model_id_here(text(one.get("model_id"))) for one in several(inputs.get("model_inputs"))}
    made = {
        (model_id_here(text(one.get("model_id"))), whole(one.get("step")))
        for one in several(outputs.get("model_outputs"))
    }
    return SourceRun(
        run_id=run_id,
        experiment_id=text(info.get("experiment_id")),
        name=text(info.get("run_name")) or tags.get("mlflow.runName", ""),
        status=text(info.get("status")) or "RUNNING",
        user_id=text(info.get("user_id")),
        start_time_us=or_nothing(time_us, info.get("start_time"), "start time", f"run {run_id}", refused),
        end_time_us=or_nothing(time_us, info.get("end_time"), "end time", f"run {run_id}", refused),
        deleted=info.get("lifecycle_stage") == "deleted",
        artifact_uri=text(info.get("artifact_uri")),
        params=_pairs(data.get("params")),
        tags=tags,
        datasets=_datasets(inputs),
        metric_keys=tuple({text(metric.get("key")) for metric in several(data.get("metrics"))}),
        model_inputs=tuple(sorted(read)),
        model_outputs=tuple(sorted(made)),
    )


def read_logged_model(each: Json, refused: Refused) -> tuple[str, SourceLoggedModel, Measured]:
    """A logged model with its experiment's id and the points that runs have logged for it."""
    info, data = mapping(each.get("info")), mapping(each.get("data"))
    model_id, status = text(info.get("model_id")), text(info.get("status")).removeprefix("LOGGED_MODEL_")
    where = f"logged model {model_id}"
    model = SourceLoggedModel(
        model_id=model_id,
        name=text(info.get("name")),
        run_id=text(info.get("source_run_id")),
        artifact_uri=text(info.get("artifact_uri")),
        created_us=or_nothing(time_us, info.get("creation_timestamp_ms"), "creation time", where, refused),
        model_type=text(info.get("model_type")),
        status=status if status in MODEL_STATUSES.values() else "PENDING",
        status_message=text(info.get("status_message")),
        params=_pairs(data.get("params")),
        tags=_pairs(info.get("tags")),
    )
    return text(info.get("experiment_id")), model, _measured(model_id, several(data.get("metrics")), refused)


def read_model(each: Json, versions: Sequence[SourceVersion], refused: Refused) -> SourceModel:
    """A registered model with its versions."""
    name, aliases = text(each.get("name")), {}
    for one in several(each.get("aliases")):
        try:
            aliases[text(one.get("alias"))] = whole(one.get("version"))
        except Malformed as error:
            refused("alias", f"{name}@{one.get('alias')}", error.message)
    return SourceModel(name, text(each.get("description")), _pairs(each.get("tags")), aliases, tuple(versions))


def read_version(each: Json, location: str, refused: Refused) -> SourceVersion:
    """A version of a registered model, whose files lie at a location."""
    version, source = whole(each.get("version")), text(each.get("source"))
    where = f"version {version} of {each.get('name')}"
    return SourceVersion(
        number=version,
        source=source,
        location=location or source,
        run_id=text(each.get("run_id")),
        run_link=text(each.get("run_link")),
        user_id=text(each.get("user_id")),
        stage=text(each.get("current_stage")) or "None",
        description=text(each.get("description")),
        model_id=text(each.get("model_id")),
        created_us=or_nothing(time_us, each.get("creation_timestamp"), "creation time", where, refused),
        tags=_pairs(each.get("tags")),
    )


def _measured(model_id: str, metrics: Sequence[Json], refused: Refused) -> Measured:
    by_series: dict[tuple[str, ...], list[tuple[int, int, float]]] = {}
    bad = 0
    for each in metrics:
        try:
            series = tuple(text(each.get(name)) for name in ("run_id", "key", "dataset_name", "dataset_digest"))
            row = (whole(each.get("timestamp")), whole(each.get("step")), number(each.get("value")))
            by_series.setdefault(series, []).append(row)
        except Malformed:
            bad += 1
    found = []
    for (run_id, key, dataset, digest), rows in sorted(by_series.items()):
        times, steps, values, more = points(*zip(*rows, strict=True))
        bad += more
        context = context_of(model_id, dataset, digest)
        found += [(run_id, one) for one in in_order(key, times, steps, values, context)]
    if bad:
        refused("metrics", f"logged model {model_id}", f"{bad} of its points are malformed")
    return found


def _datasets(inputs: Json) -> tuple[DatasetInput, ...]:
    found = []
    for each in several(inputs.get("dataset_inputs")):
        known, tags = mapping(each.get("dataset")), _pairs(each.get("tags"))
        names = ("name", "digest", "source_type", "source", "schema", "profile")
        dataset = Dataset(**{name: text(known.get(name)) for name in names})
        found.append(DatasetInput(dataset, tags.pop(CONTEXT_TAG, ""), tags))
    return tuple(sorted(found, key=lambda each: (each.dataset.name, each.dataset.digest)))


def _pairs(listed: object) -> dict[str, str]:
    return {text(each.get("key")): text(each.get("value")) for each in several(listed)}
