"""Records of runs as they arrive through Ingest: applied in the transaction that stores the points beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from trackway_server.core.admission import Admission
from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.records import Refusal, SeriesDefinition, SubjectRecord, WriterCursor
from trackway_server.tracking.domain.bindings import admit_start, admit_writer
from trackway_server.tracking.domain.changes import RunChanges
from trackway_server.tracking.domain.console import ConsoleBlock, store_console
from trackway_server.tracking.domain.logged_model_rules import not_measurable
from trackway_server.tracking.domain.logged_models import measured
from trackway_server.tracking.domain.model import (
    DatasetInput,
    ModelInput,
    ModelOutput,
    ParamsSet,
    RefusedRecord,
    RunInfo,
    RunStart,
    RunStatus,
    StatusChange,
    TagsChange,
)
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.runs import check_writable, start_run, writable_run

MAX_REFUSALS_KEPT = 1000
MAX_MODEL_SERIES = 1_000_000
"""More than a run may have."""


class RunRecords:
    """SubjectRecords of Tracking: subjects are runs."""

    def __init__(self, unit: TrackingUnit) -> None:
        self._unit = unit

    def admit(self, workspace: str, subject_id: str, records: Sequence[SubjectRecord], admission: Admission) -> None:
        """See SubjectRecords. Raises WORKSPACE_NOT_FOUND, EXPERIMENT_NOT_FOUND, RUN_NOT_FOUND, PERMISSION_DENIED."""
        starts = [record.payload for record in records if isinstance(record.payload, RunStart)]
        for start in starts:
            admit_start(self._unit, workspace, subject_id, start, admission)
        if not starts:
            admit_writer(self._unit, workspace, subject_id, admission)

    def forbidden(self, definitions: Sequence[SeriesDefinition], admission: Admission) -> list[Refusal]:
        """See SubjectRecords: who measures a logged model needs a role on the model's own experiment."""
        claims = [(one.sequence, on.model_id) for one in definitions if (on := measured(one.context)) is not None]
        refusals = not_measurable(self._unit, {model_id for _, model_id in claims}, admission.admits)
        return [Refusal.of(sequence, refusals[model_id]) for sequence, model_id in claims if model_id in refusals]

    def forbidden_series(self, subject_id: str, admission: Admission) -> Collection[int]:
        """See SubjectRecords."""
        noted = self._unit.models.series_of_runs([subject_id], MAX_MODEL_SERIES)
        claims = [(one.number, on.model_id) for one in noted if (on := measured(one.context)) is not None]
        refusals = not_measurable(self._unit, {model_id for _, model_id in claims}, admission.admits)
        return {number for number, model_id in claims if model_id in refusals}

    def subject(self, name: str, workspace: str, admission: Admission | None) -> str:
        """See SubjectRecords: a run's id. The run need not exist yet, its start may be the first record."""
        if "/" in name:
            raise DomainError(
                Reason.INVALID_FIELD,
                "subject_id must be the id of a run; metrics of a model's version go to the ModelRegistryService.",
                field="open.subject_id",
            )
        return name

    def apply(
        self, writer: WriterCursor, records: Sequence[SubjectRecord], refused: Sequence[Refusal], now_us: int
    ) -> list[Refusal]:
        """See SubjectRecords. The stream is refused with RUN_NOT_FOUND (which may pass: another writer of the run may
        be about to start it), RUN_DELETED, and what start_run raises but RUN_ALREADY_EXISTS."""
        blocks = [
            replace(record.payload, sequence=record.sequence)
            for record in records
            if isinstance(record.payload, ConsoleBlock)
        ]
        records = [record for record in records if not isinstance(record.payload, ConsoleBlock)]
        refusals = self._start(writer, records, now_us)
        check_writable(self._unit, writer.workspace, writer.subject_id)
        refusals += self._store_console(writer, blocks)
        if not records and not refused and not refusals:
            return []  # points and console output alone: the processes of one run do not wait for one another
        run = writable_run(self._unit, writer.workspace, writer.subject_id)
        payloads = [record.payload for record in records]
        changes = RunChanges(self._unit, run, _param_keys(payloads), ())
        for record in records:
            try:
                _apply(changes, record.payload, now_us)
            except DomainError as refusal:
                refusals.append(Refusal.of(record.sequence, refusal))
        changes.run = self._note([*refused, *refusals], writer, changes.run)
        if changes.run.status is RunStatus.RUNNING and any(isinstance(p, RunStart | StatusChange) for p in payloads):
            # With the record that begins it: should the server vanish now, a silent run is lost nevertheless.
            self._unit.liveness.hear([run.run_id], [], now_us)
        changes.store()
        return refusals

    def _store_console(self, writer: WriterCursor, blocks: Sequence[ConsoleBlock]) -> list[Refusal]:
        return store_console(self._unit.console, writer.subject_id, writer.writer_id, blocks) if blocks else []

    def _start(self, writer: WriterCursor, records: Sequence[SubjectRecord], now_us: int) -> list[Refusal]:
        refusals = []
        for record in records:
            if isinstance(record.payload, RunStart):
                try:
                    start_run(self._unit, writer.workspace, writer.subject_id, record.payload, now_us)
                except DomainError as refusal:
                    if refusal.reason is not Reason.RUN_ALREADY_EXISTS:
                        raise
                    refusals.append(Refusal.of(record.sequence, refusal))
        return refusals

    def _note(self, refused: Sequence[Refusal], writer: WriterCursor, run: RunInfo) -> RunInfo:
        """Keep the first refused records of a run, and count all."""
        total = sum(len(refusal.sequences) for refusal in refused)
        if not total:
            return run
        room = max(0, MAX_REFUSALS_KEPT - run.refused_count)
        rows = _refused_records(refused, writer.writer_id, room)
        if rows:
            self._unit.add_refusals(run.run_id, rows)
        return replace(run, refused_count=run.refused_count + total)


def _refused_records(refused: Iterable[Refusal], writer_id: str, room: int) -> list[RefusedRecord]:
    rows: list[RefusedRecord] = []
    for refusal in refused:
        for sequence in refusal.sequences[: room - len(rows)].tolist():
            rows.append(RefusedRecord(writer_id, sequence, refusal.reason, refusal.message))
    return sorted(rows, key=lambda row: row.sequence)


def _param_keys(payloads: Iterable[object]) -> set[str]:
    return {key for payload in payloads if isinstance(payload, ParamsSet) for key in payload.params}


def _apply(changes: RunChanges, payload: object, now_us: int) -> None:
    match payload:
        case StatusChange():
            changes.set_status(payload, now_us)
        case ParamsSet():
            changes.set_params(payload.params)
        case TagsChange():
            changes.change_tags(payload, must_exist=False)
        case DatasetInput():
            changes.add_dataset_input(payload)
        case ModelInput():
            changes.add_model_input(payload)
        case ModelOutput():
            changes.add_model_output(payload)
        case _:
            pass
