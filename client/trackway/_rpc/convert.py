"""From messages to the values that users get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from trackway import errors, types
from trackway.api.artifacts.v1 import resources_pb2 as artifacts_pb2
from trackway.api.common.v1 import errors_pb2
from trackway.api.metrics.v1 import ingest_pb2, series_pb2
from trackway.api.registry.v1 import model_registry_service_pb2 as registry_service_pb2
from trackway.api.registry.v1 import resources_pb2 as registry_pb2
from trackway.api.tracking.v1 import resources_pb2 as tracking_pb2
from trackway.api.tracking.v1 import tracking_service_pb2
from trackway.logged_model import LoggedModel, LoggedModelMetric

_VIEWS: Mapping[str, tracking_pb2.ViewType] = {
    "active": tracking_pb2.VIEW_TYPE_ACTIVE_ONLY,
    "deleted": tracking_pb2.VIEW_TYPE_DELETED_ONLY,
    "all": tracking_pb2.VIEW_TYPE_ALL,
}


def enum_name(enum: Any, number: int, prefix: str) -> str:
    """The name of an enum's value without its prefix; a value that a newer server added is named by its number."""
    known: dict[int, Any] = enum.DESCRIPTOR.values_by_number
    return str(known[number].name).removeprefix(prefix) if number in known else f"UNKNOWN_{number}"


def experiment(message: tracking_pb2.Experiment) -> types.Experiment:
    return types.Experiment(
        experiment_id=message.experiment_id,
        name=message.name,
        lifecycle_stage=_lifecycle(message.lifecycle_stage),
        tags=dict(message.tags),
        create_time_us=message.create_time_us,
        update_time_us=message.update_time_us,
        workspace=message.workspace,
    )


def run(message: tracking_pb2.Run) -> types.Run:
    series = message.metrics
    metrics = {each.key: each.last_value for each in series if not each.context}
    inputs = tuple(dataset_input(dataset) for dataset in message.dataset_inputs)
    # A function: see types.RunData.
    summaries = cast(tuple[types.MetricSummary, ...], lambda: tuple(map(summary, series)))
    data = types.RunData(dict(message.params), metrics, dict(message.tags), summaries)
    read = tuple(types.LoggedModelInput(one.model_id) for one in message.model_inputs)
    made = tuple(types.LoggedModelOutput(one.model_id, one.step) for one in message.model_outputs)
    return types.Run(_run_info(message), data, types.RunInputs(inputs, read), types.RunOutputs(made))


def logged_model(message: tracking_pb2.LoggedModel) -> LoggedModel:
    status = enum_name(tracking_pb2.LoggedModelStatus, message.status, "LOGGED_MODEL_STATUS_")
    return LoggedModel(
        model_id=message.model_id,
        experiment_id=message.experiment_id,
        name=message.name,
        status=cast(types.LoggedModelStatus, status),
        lifecycle_stage=_lifecycle(message.lifecycle_stage),
        create_time_us=message.create_time_us,
        update_time_us=message.update_time_us,
        model_type=message.model_type or None,
        source_run_id=message.source_run_id or None,
        status_message=message.status_message,
        params=dict(message.params),
        tags=dict(message.tags),
        metrics=tuple(LoggedModelMetric(one.run_id, summary(one.summary)) for one in message.metrics),
        workspace=message.workspace,
    )


def _run_info(message: tracking_pb2.Run) -> types.RunInfo:
    status = enum_name(tracking_pb2.RunStatus, message.status, "RUN_STATUS_")
    return types.RunInfo(
        run_id=message.run_id,
        experiment_id=message.experiment_id,
        run_name=message.run_name,
        status=cast(types.RunStatus, status),
        lifecycle_stage=_lifecycle(message.lifecycle_stage),
        user_id=message.user_id,
        start_time_us=message.start_time_us,
        end_time_us=message.end_time_us or None,
        status_message=message.status_message,
        parent_run_id=message.parent_run_id or None,
        refused_count=message.refused_count,
        lost_since_us=message.lost_since_us or None,
        workspace=message.workspace,
    )


def view(name: str) -> tracking_pb2.ViewType:
    if name not in _VIEWS:
        raise errors.InvalidArgument(f"{name!r} is no view: write 'active', 'deleted' or 'all'")
    return _VIEWS[name]


def _lifecycle(stage: tracking_pb2.LifecycleStage) -> types.LifecycleStage:
    return "deleted" if stage == tracking_pb2.LIFECYCLE_STAGE_DELETED else "active"


def dataset_input(message: ingest_pb2.DatasetInput) -> types.DatasetInput:
    dataset = types.Dataset(
        name=message.name,
        digest=message.digest,
        source_type=message.source_type,
        source=message.source,
        schema=message.schema,
        profile=message.profile,
    )
    return types.DatasetInput(dataset, message.context, dict(sorted(message.tags.items())))


def dataset_message(used: types.DatasetInput) -> ingest_pb2.DatasetInput:
    dataset = used.dataset
    return ingest_pb2.DatasetInput(
        name=dataset.name,
        digest=dataset.digest,
        source_type=dataset.source_type,
        source=dataset.source,
        schema=dataset.schema,
        profile=dataset.profile,
        context=used.context,
        tags=dict(used.extra_tags),
    )


def dataset_summary(message: tracking_pb2.DatasetSummary) -> types.DatasetSummary:
    return types.DatasetSummary(message.experiment_id, message.name, message.digest, message.context)


def comparison(response: tracking_service_pb2.CompareRunsResponse) -> types.RunComparison:
    return types.RunComparison(tuple(map(_run_info, response.runs)), tuple(map(_compared_row, response.rows)))


def _compared_row(message: tracking_pb2.ComparedRow) -> types.ComparedRow:
    key, context = message.key, dict(message.context)
    kind = enum_name(tracking_pb2.ComparedKind, message.kind, "COMPARED_KIND_").lower()
    values: list[str | types.MetricSummary | None] = []
    for each in message.values:
        match each.WhichOneof("value"):
            case "text":
                values.append(each.text)
            case "metric":
                values.append(replace(summary(each.metric), key=key, context=context))
            case _:
                values.append(None)
    cut = tuple(each.cut_characters for each in message.values)
    return types.ComparedRow(cast(Any, kind), key, context, message.differs, tuple(values), cut)


def summary(message: series_pb2.SeriesSummary) -> types.MetricSummary:
    return types.MetricSummary(
        key=message.key,
        context=dict(message.context),
        count=message.count,
        nan_count=message.nan_count,
        last_value=message.last_value,
        last_step=message.last_step,
        last_time_us=message.last_time_us,
        min_value=message.min_value,
        min_step=message.min_step,
        max_value=message.max_value,
        max_step=message.max_step,
        first_value=message.first_value if message.HasField("first_value") else None,
        first_step=message.first_step if message.HasField("first_step") else None,
        first_time_us=message.first_time_us if message.HasField("first_time_us") else None,
        first_nan_step=message.first_nan_step if message.HasField("first_nan_step") else None,
    )


def writer(message: tracking_pb2.Writer | registry_service_pb2.VersionWriter) -> types.Writer:
    return types.Writer(message.writer_id, dict(message.labels), message.durable_sequence, message.last_heard_time_us)


def refused_record(message: tracking_pb2.RefusedRecord) -> types.RefusedRecord:
    reason = enum_name(errors_pb2.ErrorReason, message.refused.reason, "ERROR_REASON_")
    return types.RefusedRecord(message.writer_id, message.refused.sequence, reason, message.refused.message)


def stored_file(message: artifacts_pb2.Artifact) -> types.FileInfo:
    return types.FileInfo(message.path, is_dir=False, file_size=message.size_bytes, digest=message.digest)


def list_entry(message: artifacts_pb2.ListEntry) -> types.FileInfo:
    size = None if message.is_folder else message.size_bytes
    return types.FileInfo(message.path, message.is_folder, size, message.digest)


def manifest(message: artifacts_pb2.Manifest) -> types.Manifest:
    files = tuple(types.ManifestFile(entry.path, entry.digest, entry.size_bytes) for entry in message.entries)
    return types.Manifest(message.digest, message.size_bytes, files)


def registered_model(message: registry_pb2.RegisteredModel) -> types.RegisteredModel:
    return types.RegisteredModel(
        name=message.name,
        description=message.description,
        tags=dict(message.tags),
        aliases=dict(message.aliases),
        latest_versions=tuple(model_version(version) for version in message.latest_versions),
        create_time_us=message.create_time_us,
        update_time_us=message.update_time_us,
        etag=message.etag,
        workspace=message.workspace,
    )


def model_version(message: registry_pb2.ModelVersion) -> types.ModelVersion:
    return types.ModelVersion(
        name=message.name,
        version=message.version,
        source=message.source,
        run_id=message.run_id,
        manifest_digest=message.manifest_digest,
        size_bytes=message.size_bytes,
        stage=message.stage,
        description=message.description,
        tags=dict(message.tags),
        aliases=tuple(message.aliases),
        user=message.user,
        create_time_us=message.create_time_us,
        update_time_us=message.update_time_us,
        etag=message.etag,
        workspace=message.workspace,
        run_link=message.run_link,
        model_id=message.model_id,
    )


def webhook(message: registry_pb2.Webhook) -> types.Webhook:
    fare = message.deliveries
    return types.Webhook(
        webhook_id=message.webhook_id,
        name=message.name,
        description=message.description,
        url=message.url,
        events=tuple(
            cast(types.EventKind, enum_name(registry_pb2.EventKind, kind, "EVENT_KIND_")) for kind in message.events
        ),
        payload=enum_name(registry_pb2.WebhookPayload, message.payload, "WEBHOOK_PAYLOAD_"),
        status=cast(types.WebhookStatus, enum_name(registry_pb2.WebhookStatus, message.status, "WEBHOOK_STATUS_")),
        has_secret=message.has_secret,
        create_time_us=message.create_time_us,
        update_time_us=message.update_time_us,
        deliveries=types.WebhookDeliveries(
            delivered_count=fare.delivered_count,
            refused_count=fare.refused_count,
            last_attempt_time_us=fare.last_attempt_time_us or None,
            last_event_id=fare.last_event_id,
            last_http_status=fare.last_http_status or None,
            last_error=fare.last_error,
            attempts=fare.attempts,
            failing_since_time_us=fare.failing_since_time_us or None,
            next_attempt_time_us=fare.next_attempt_time_us or None,
        ),
        workspace=message.workspace,
    )


def event(message: registry_pb2.Event) -> types.Event:
    kind = enum_name(registry_pb2.EventKind, message.kind, "EVENT_KIND_")
    return types.Event(
        event_id=message.event_id,
        resume_token=message.resume_token,
        kind=cast(types.EventKind, kind),
        time_us=message.time_us,
        actor=message.actor,
        reason=message.reason,
        model_name=message.model_name,
        version=message.version or None,
        details=dict(message.details),
        workspace=message.workspace,
    )
