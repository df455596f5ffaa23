"""Between the messages of tracking/v1 and the domain's values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from trackway.api.common.v1 import errors_pb2
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.tracking.v1 import resources_pb2 as pb
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway_server.metrics.convert import summary_to_proto
from trackway_server.metrics.domain.reading import SummarisedSeries, parse_context
from trackway_server.metrics.domain.records import WriterCursor
from trackway_server.tracking.console import ConsoleItem, ConsoleQuery
from trackway_server.tracking.domain.batches import Batch
from trackway_server.tracking.domain.comparing import Row, Text
from trackway_server.tracking.domain.console import ConsoleBlock
from trackway_server.tracking.domain.model import (
    DatasetInput,
    Experiment,
    ModelInput,
    ModelOutput,
    ParamsSet,
    RefusedRecord,
    Run,
    RunsQuery,
    RunStart,
    RunStatus,
    StatusChange,
    TagsChange,
    UsedDataset,
    View,
)


def payload_from_proto(record: ingest_pb2.Record) -> object:
    """What a record of Ingest asks of the run."""
    kind = record.WhichOneof("kind")
    if kind not in _PAYLOADS:
        raise ValueError(f"not a record of a run: {kind}")
    return _PAYLOADS[kind](getattr(record, kind))


def status_from_proto(change: ingest_pb2.RunStatusChange) -> StatusChange:
    """A new state."""
    return StatusChange(RunStatus(change.status), change.time_us, change.message)


def start_from_proto(start: ingest_pb2.RunStart) -> RunStart:
    """What a run is created with."""
    return RunStart(
        start.experiment_name,
        start.experiment_id,
        start.run_name,
        start.user_id,
        start.start_time_us,
        dict(start.tags),
    )


def params_from_proto(message: ingest_pb2.ParamsSet) -> ParamsSet:
    """Params to set."""
    return ParamsSet(dict(message.params))


def tags_from_proto(message: ingest_pb2.TagsChange) -> TagsChange:
    """Tags to set and to delete."""
    return TagsChange(dict(message.set), tuple(message.delete))


def dataset_from_proto(message: ingest_pb2.DatasetInput) -> DatasetInput:
    """A data set that a run reads."""
    plain = {field.name: getattr(message, field.name) for field in fields(DatasetInput) if field.name != "tags"}
    return DatasetInput(**plain, tags=dict(message.tags))


def model_input_from_proto(message: ingest_pb2.ModelInput) -> ModelInput:
    """A logged model that a run reads."""
    return ModelInput(message.model_id)


def model_output_from_proto(message: ingest_pb2.ModelOutput) -> ModelOutput:
    """A logged model that a run makes."""
    return ModelOutput(message.model_id, message.step)


def batch_from_proto(request: rpc.LogBatchRequest) -> Batch:
    """What to set on a run and to note of it."""
    return Batch(
        params_from_proto(request.params),
        tags_from_proto(request.tags),
        [dataset_from_proto(one) for one in request.dataset_inputs],
        [model_input_from_proto(one) for one in request.model_inputs],
        [model_output_from_proto(one) for one in request.model_outputs],
    )


def console_from_proto(message: ingest_pb2.ConsoleBlock) -> ConsoleBlock:
    """Lines of a process's console, of no record yet."""
    names = (field.name for field in fields(ConsoleBlock) if field.name != "sequence")
    return ConsoleBlock(**{name: getattr(message, name) for name in names})


_PAYLOADS: Mapping[str | None, Callable[[Any], object]] = {
    "run_start": start_from_proto,
    "run_status": status_from_proto,
    "params": params_from_proto,
    "tags": tags_from_proto,
    "dataset_input": dataset_from_proto,
    "model_input": model_input_from_proto,
    "model_output": model_output_from_proto,
    "console": console_from_proto,
}


def console_query_from_proto(request: rpc.ReadConsoleRequest) -> ConsoleQuery:
    """Which console output to read."""
    after = {one.writer_id: one.sequence for one in request.after}
    return ConsoleQuery(request.run_id, dict(request.labels), request.last_lines, request.follow, after)


def console_to_proto(item: ConsoleItem | None) -> rpc.ReadConsoleResponse:
    """A block with its place; None is a sign of life."""
    if item is None:
        return rpc.ReadConsoleResponse()
    names = (field.name for field in fields(ConsoleBlock) if field.name != "sequence")
    return rpc.ReadConsoleResponse(
        block=ingest_pb2.ConsoleBlock(**{name: getattr(item.block, name) for name in names}),
        position=rpc.ConsolePosition(writer_id=item.writer_id, sequence=item.block.sequence),
        labels=item.labels,
    )


def status_change_from_proto(request: rpc.UpdateRunRequest) -> StatusChange | None:
    """The change of state asked for; None where the state stays."""
    if not request.status:
        return None
    return StatusChange(RunStatus(request.status), request.end_time_us, request.status_message)


def view_from_proto(view: pb.ViewType) -> View:
    """Which lifecycle stages to show."""
    return View(view) if view else View.ACTIVE_ONLY


def runs_query_from_proto(request: rpc.SearchRunsRequest, workspace: str) -> RunsQuery:
    """Which runs to list."""
    experiment_ids = tuple(sorted({int(one) for one in request.experiment_ids}))
    return RunsQuery(workspace, experiment_ids, view_from_proto(request.view), request.parent_run_id)


def experiment_to_proto(experiment: Experiment) -> pb.Experiment:
    """An experiment."""
    return pb.Experiment(
        experiment_id=str(experiment.experiment_id),
        workspace=experiment.workspace,
        name=experiment.name,
        lifecycle_stage=stage_to_proto(experiment.deleted),
        create_time_us=experiment.create_time_us,
        update_time_us=experiment.update_time_us,
        tags=experiment.tags,
    )


def run_to_proto(run: Run, metrics: Sequence[SummarisedSeries]) -> pb.Run:
    """A run with the summaries of its series."""
    info = run.info
    return pb.Run(
        run_id=info.run_id,
        experiment_id=str(info.experiment_id),
        workspace=info.workspace,
        run_name=info.name,
        status=info.status.value,  # type: ignore[arg-type]
        status_message=info.status_message,
        lifecycle_stage=stage_to_proto(info.deleted),
        user_id=info.user_id,
        start_time_us=info.start_time_us,
        end_time_us=info.end_time_us,
        parent_run_id=info.parent_run_id,
        params=run.params,
        tags=run.tags,
        metrics=[summary_to_proto(one) for one in metrics],
        dataset_inputs=[dataset_to_proto(one) for one in run.dataset_inputs],
        refused_count=info.refused_count,
        lost_since_us=run.lost_since_us,
        model_inputs=[ingest_pb2.ModelInput(model_id=one) for one in run.model_inputs],
        model_outputs=[ingest_pb2.ModelOutput(model_id=one.model_id, step=one.step) for one in run.model_outputs],
    )


def dataset_to_proto(dataset_input: DatasetInput) -> ingest_pb2.DatasetInput:
    """A data set that a run reads."""
    return ingest_pb2.DatasetInput(**{field.name: getattr(dataset_input, field.name) for field in fields(DatasetInput)})


def refused_to_proto(refused: RefusedRecord) -> pb.RefusedRecord:
    """A record that was not stored."""
    reason = errors_pb2.ErrorReason.Name(refused.reason.number)
    record = ingest_pb2.RecordRefused(sequence=refused.sequence, reason=reason, message=refused.message)
    return pb.RefusedRecord(writer_id=refused.writer_id, refused=record)


def writer_to_proto(cursor: WriterCursor) -> pb.Writer:
    """A process that writes a run."""
    return pb.Writer(
        writer_id=cursor.writer_id,
        labels=cursor.labels,
        durable_sequence=cursor.durable_sequence,
        last_heard_time_us=cursor.last_heard_us,
    )


def row_to_proto(row: Row) -> pb.ComparedRow:
    """A row of a comparison."""
    return pb.ComparedRow(
        kind=row.kind.value,  # type: ignore[arg-type]
        key=row.key,
        context=parse_context(row.context),
        differs=row.differs,
        values=map(_compared, row.values),
    )


def _compared(value: Text | SummarisedSeries | None) -> pb.ComparedValue:
    match value:
        case None:
            return pb.ComparedValue()
        case Text():
            return pb.ComparedValue(text=value.head, cut_characters=value.cut)
    return pb.ComparedValue(metric=summary_to_proto(value._replace(key="", context="")))


def used_dataset_to_proto(used: UsedDataset) -> pb.DatasetSummary:
    """A data set that runs of an experiment read."""
    return pb.DatasetSummary(
        experiment_id=str(used.experiment_id), name=used.name, digest=used.digest, context=used.context
    )


def datasets_query_from_proto(request: rpc.SearchDatasetsRequest, workspace: str) -> RunsQuery:
    """Whose data sets to list."""
    return RunsQuery(workspace, tuple(sorted({int(one) for one in request.experiment_ids})))


def stage_to_proto(deleted: bool) -> pb.LifecycleStage:
    """Where in its life a resource is."""
    return pb.LIFECYCLE_STAGE_DELETED if deleted else pb.LIFECYCLE_STAGE_ACTIVE
