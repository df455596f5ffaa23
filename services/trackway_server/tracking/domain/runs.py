"""What may be done with runs. All functions run within one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from trackway_server.core.admission import Admission, Admits
from trackway_server.core.errors import DomainError, Reason
from trackway_server.tracking.domain.changes import MAX_TEXT, RunChanges, check_run_name, parent_run_id
from trackway_server.tracking.domain.deletions import check_not_purged
from trackway_server.tracking.domain.experiments import check_active, experiment_of_start
from trackway_server.tracking.domain.model import (
    PARENT_RUN_TAG,
    RUN_NAME_TAG,
    Run,
    RunInfo,
    RunStart,
    RunStatus,
    StatusChange,
)
from trackway_server.tracking.domain.names import random_run_name
from trackway_server.tracking.domain.ports import TrackingUnit


def start_run(unit: TrackingUnit, workspace: str, run_id: str, start: RunStart, now_us: int) -> tuple[RunInfo, bool]:
    """Create a run, or answer the one created with the same content before; and whether it is new.

    Raises RUN_ALREADY_EXISTS where the content was another, EXPERIMENT_NOT_FOUND, EXPERIMENT_DELETED, RUN_DELETED where
    there was a run of this id that is gone for good.
    """
    digest = start.digest()
    known = unit.run(run_id)
    if known is not None:
        if (known.workspace, known.start_digest) != (workspace, digest):
            raise DomainError(
                Reason.RUN_ALREADY_EXISTS, f"Another run has the id {run_id}; choose a new one.", run_id=run_id
            )
        return known, False
    check_not_purged(unit, run_id)
    experiment = experiment_of_start(unit, workspace, start, now_us)
    name = start.run_name or start.tags.get(RUN_NAME_TAG) or random_run_name()
    check_run_name(name)
    run = RunInfo(
        run_id,
        workspace,
        experiment.experiment_id,
        name,
        RunStatus.RUNNING,
        "",
        start.user_id,
        start.start_time_us or now_us,
        0,
        parent_run_id(start.tags.get(PARENT_RUN_TAG, "")),
        digest,
    )
    unit.add_run(run)
    unit.put_tags(run_id, {key: value for key, value in start.tags.items() if key != RUN_NAME_TAG})
    return run, True


def create_run(unit: TrackingUnit, workspace: str, run_id: str, start: RunStart, now_us: int) -> Run:
    """start_run for a caller who waits for the answer, and so learns of two names: INVALID_FIELD."""
    tag = start.tags.get(RUN_NAME_TAG)
    if start.run_name and tag and tag != start.run_name:
        raise DomainError(
            Reason.INVALID_FIELD,
            f"run_name and the tag {RUN_NAME_TAG} differ; give one.",
            field="start.run_name",
        )
    run, is_new = start_run(unit, workspace, run_id, start, now_us)
    if is_new:
        return Run(run, {}, {**start.tags, RUN_NAME_TAG: run.name}, ())
    return load_runs(unit, [run])[0]


def find_run(unit: TrackingUnit, workspace: str, run_id: str) -> RunInfo:
    """A run, a deleted one too. Raises RUN_NOT_FOUND."""
    return _found(unit.run(run_id), workspace, run_id)


def _found(run: RunInfo | None, workspace: str, run_id: str) -> RunInfo:
    if run is None or run.workspace != workspace:
        raise run_not_found(run_id)
    return run


def workspace_of(unit: TrackingUnit, run_id: str, admits: Admits) -> str:
    """The workspace of a run. Raises RUN_NOT_FOUND, also where the caller is not admitted to it: ids tell nothing."""
    return admitted_run(unit, run_id, admits).workspace


def admitted_run(unit: TrackingUnit, run_id: str, admits: Admits) -> RunInfo:
    """A run, a deleted one too, that the caller is admitted to. Raises RUN_NOT_FOUND."""
    return admitted(unit, unit.run(run_id), run_id, admits)


def admitted(unit: TrackingUnit, run: RunInfo | None, run_id: str, admits: Admits) -> RunInfo:
    """The run that was found, for a caller who is admitted to it. Raises RUN_NOT_FOUND."""
    if run is None or not admits(run.workspace, partial(unit.bindings.role, run.experiment_id)):
        raise run_not_found(run_id)
    return run


def has_ended(unit: TrackingUnit, run_id: str) -> bool:
    """Whether a run is over, or deleted: whether its metrics are complete, but for what other processes still send."""
    run = unit.peek_run(run_id)
    return run is None or run.deleted or run.status.is_end


def writable_run(unit: TrackingUnit, workspace: str, run_id: str) -> RunInfo:
    """A run that takes changes. Raises RUN_NOT_FOUND, RUN_DELETED."""
    return writable(find_run(unit, workspace, run_id))


def check_writable(unit: TrackingUnit, workspace: str, run_id: str) -> None:
    """Raise RUN_NOT_FOUND or RUN_DELETED where the run takes no changes. Does not hold up those who change it."""
    run = unit.peek_run(run_id)
    if run is None:
        check_not_purged(unit, run_id)
    writable(_found(run, workspace, run_id))


def writable(run: RunInfo) -> RunInfo:
    """The run, which takes changes. Raises RUN_DELETED."""
    if run.deleted:
        raise DomainError(Reason.RUN_DELETED, f"The run {run.run_id} is deleted; restore it first.", run_id=run.run_id)
    return run


def load_runs(unit: TrackingUnit, infos: Sequence[RunInfo]) -> list[Run]:
    """The runs with what was recorded of them, in the order given."""
    run_ids = [info.run_id for info in infos]
    params, tags, inputs = unit.params(run_ids), unit.tags(run_ids), unit.dataset_inputs(run_ids)
    read, made = unit.models.inputs(run_ids), unit.models.outputs(run_ids)
    lost = unit.liveness.lost_since([info.run_id for info in infos if info.status is RunStatus.RUNNING])
    return [
        Run(
            info,
            params.get(info.run_id, {}),
            tags.get(info.run_id, {}) | {RUN_NAME_TAG: info.name},
            tuple(inputs.get(info.run_id, ())),
            lost.get(info.run_id, 0),
            tuple(read.get(info.run_id, ())),
            tuple(made.get(info.run_id, ())),
        )
        for info in infos
    ]


def fitting(infos: Sequence[RunInfo], sizes: Mapping[str, int]) -> Sequence[RunInfo]:
    """The first of some runs, at least one, as many as have no more text together than one run may have, so that the
    page fits one message whatever they hold. `sizes` are those of runs with text."""
    text = 0
    for count, info in enumerate(infos):
        text += sizes.get(info.run_id, 0)
        if count and text > MAX_TEXT:
            return infos[:count]
    return infos


def update_run(
    unit: TrackingUnit, workspace: str, run_id: str, change: StatusChange | None, name: str, now_us: int
) -> Run:
    """Change state and name (None, empty: keep). Raises RUN_NOT_FOUND, RUN_DELETED, INVALID_FIELD."""
    changes = RunChanges(unit, writable_run(unit, workspace, run_id), (), ())
    if change is not None:
        changes.set_status(change, now_us)
    if name:
        check_run_name(name)
        changes.rename(name)
    changes.store()
    return load_runs(unit, [changes.run])[0]


def delete_run(unit: TrackingUnit, workspace: str, run_id: str) -> None:
    """Delete a run softly; a deleted one stays so, for itself now. Raises RUN_NOT_FOUND."""
    run = find_run(unit, workspace, run_id)
    unit.save_run(replace(run, deleted=True, deleted_with_experiment=False))


def restore_run(unit: TrackingUnit, workspace: str, run_id: str) -> None:
    """Undo delete_run. Raises RUN_NOT_FOUND, EXPERIMENT_DELETED, RUN_DELETED where it is being removed for good."""
    run = find_run(unit, workspace, run_id)
    check_not_purged(unit, run_id)
    unit.deletions.forget(run_id)
    experiment = unit.experiment(run.experiment_id)
    if experiment is not None:
        check_active(experiment)
    unit.save_run(replace(run, deleted=False, deleted_with_experiment=False))


def access_to(unit: TrackingUnit, run_id: str, admission: Admission) -> tuple[str, int, int]:
    """The workspace of a run, the caller's role on it, and its experiment. Raises RUN_NOT_FOUND, also where there is no
    role."""
    run = find_run(unit, workspace_of(unit, run_id, admission.admits), run_id)
    role = admission.role_on(run.workspace, partial(unit.bindings.role, run.experiment_id))
    return run.workspace, role, run.experiment_id


def run_not_found(run_id: str) -> DomainError:
    """The refusal of a run that is not there, or not for the caller."""
    return DomainError(Reason.RUN_NOT_FOUND, f"There is no run {run_id} on this server.", run_id=run_id)
