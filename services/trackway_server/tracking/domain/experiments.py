"""What may be done with experiments. All functions run within one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from trackway_server.core.admission import Admits
from trackway_server.core.errors import DomainError, Reason
from trackway_server.tracking.domain.model import (
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    DEFAULT_WORKSPACE,
    Experiment,
    RunStart,
)
from trackway_server.tracking.domain.ports import TrackingUnit

_MAX_ID = 2**63 - 1


def create_experiment(
    unit: TrackingUnit, workspace: str, name: str, tags: Mapping[str, str], now_us: int
) -> Experiment:
    """Make an experiment. Raises EXPERIMENT_ALREADY_EXISTS where the name is taken, also by a deleted one."""
    _check_name_free(unit, workspace, name)
    return unit.add_experiment(workspace, name, tags, now_us)


def get_experiment(unit: TrackingUnit, workspace: str, experiment_id: str, name: str) -> Experiment:
    """The experiment of an id, or of a name. Raises INVALID_FIELD unless exactly one is given, EXPERIMENT_NOT_FOUND."""
    if bool(experiment_id) == bool(name):
        raise DomainError(Reason.INVALID_FIELD, "Give exactly one of experiment_id and name.", field="experiment_id")
    found = unit.experiment_by_name(workspace, name) if name else _by_id(unit, experiment_id)
    if found is None or found.workspace != workspace:
        raise experiment_not_found(name or experiment_id)
    return found


def workspace_of(unit: TrackingUnit, experiment_id: str, admits: Admits) -> str:
    """The workspace of an experiment. Raises EXPERIMENT_NOT_FOUND, also where the caller is not admitted to it."""
    found = _by_id(unit, experiment_id)
    if found is None or not admits(found.workspace, partial(unit.bindings.role, found.experiment_id)):
        raise experiment_not_found(experiment_id)
    return found.workspace


def update_experiment(
    unit: TrackingUnit,
    workspace: str,
    experiment_id: str,
    new_name: str,
    set_tags: Mapping[str, str],
    delete_tags: Sequence[str],
    now_us: int,
) -> Experiment:
    """Rename an experiment (empty: keep the name) and change its tags.

    Raises EXPERIMENT_NOT_FOUND, EXPERIMENT_DELETED, EXPERIMENT_ALREADY_EXISTS, TAG_NOT_FOUND.
    """
    experiment = get_experiment(unit, workspace, experiment_id, "")
    check_active(experiment)
    if new_name and new_name != experiment.name:
        _check_name_free(unit, workspace, new_name)
    for key in delete_tags:
        if key not in experiment.tags:
            raise DomainError(Reason.TAG_NOT_FOUND, f"The experiment has no tag {key!r}.", key=key)
    kept = {key: value for key, value in experiment.tags.items() if key not in delete_tags}
    unit.delete_experiment_tags(experiment.experiment_id, delete_tags)
    unit.put_experiment_tags(experiment.experiment_id, set_tags)
    changed = replace(experiment, name=new_name or experiment.name, tags=kept | dict(set_tags), update_time_us=now_us)
    unit.save_experiment(changed)
    return changed


def delete_experiment(unit: TrackingUnit, workspace: str, experiment_id: str, now_us: int) -> None:
    """Delete an experiment and its runs softly; a deleted one stays so.

    Raises EXPERIMENT_NOT_FOUND, EXPERIMENT_PROTECTED for `Default`.
    """
    experiment = get_experiment(unit, workspace, experiment_id, "")
    if experiment.experiment_id == DEFAULT_EXPERIMENT_ID:
        raise DomainError(
            Reason.EXPERIMENT_PROTECTED,
            f"The experiment {DEFAULT_EXPERIMENT_NAME} cannot be deleted; delete its runs instead.",
            experiment=experiment_id,
        )
    if not experiment.deleted:
        unit.save_experiment(replace(experiment, deleted=True, update_time_us=now_us))
        unit.delete_runs_of(experiment.experiment_id)


def restore_experiment(unit: TrackingUnit, workspace: str, experiment_id: str, now_us: int) -> None:
    """Undo delete_experiment, for the runs that were deleted with it. Raises EXPERIMENT_NOT_FOUND."""
    experiment = get_experiment(unit, workspace, experiment_id, "")
    if experiment.deleted:
        unit.save_experiment(replace(experiment, deleted=False, update_time_us=now_us))
        unit.restore_runs_of(experiment.experiment_id)


def experiment_of_start(unit: TrackingUnit, workspace: str, start: RunStart, now_us: int) -> Experiment:
    """The active experiment in which a run starts, made where it is named and not there.

    Raises EXPERIMENT_NOT_FOUND for an unknown id, EXPERIMENT_DELETED.
    """
    experiment = find_start(unit, workspace, start)
    if experiment is None:
        experiment = unit.add_experiment(workspace, _name_of_start(workspace, start), {}, now_us)
    check_active(experiment)
    return experiment


def find_start(unit: TrackingUnit, workspace: str, start: RunStart) -> Experiment | None:
    """The experiment in which a run starts, a deleted one too; None where it is named and not there.

    Raises EXPERIMENT_NOT_FOUND for an unknown id.
    """
    if name := _name_of_start(workspace, start):
        return unit.experiment_by_name(workspace, name)
    return get_experiment(unit, workspace, start.experiment_id or str(DEFAULT_EXPERIMENT_ID), "")


def _name_of_start(workspace: str, start: RunStart) -> str:
    """The name by which a run chooses its experiment; empty where it does so by id.

    The experiment 0 lies in the workspace `default`; each other workspace gets a `Default` of its own.
    """
    elsewhere = workspace != DEFAULT_WORKSPACE and not start.experiment_id
    return start.experiment_name or (DEFAULT_EXPERIMENT_NAME if elsewhere else "")


def check_active(experiment: Experiment) -> None:
    """Raise EXPERIMENT_DELETED where the experiment is deleted."""
    if experiment.deleted:
        raise DomainError(
            Reason.EXPERIMENT_DELETED,
            f"The experiment {experiment.name!r} is deleted; restore it first.",
            experiment=str(experiment.experiment_id),
        )


def _check_name_free(unit: TrackingUnit, workspace: str, name: str) -> None:
    taken = unit.experiment_by_name(workspace, name)
    if taken is not None:
        state = "a deleted experiment, restore that or" if taken.deleted else "another experiment;"
        raise DomainError(
            Reason.EXPERIMENT_ALREADY_EXISTS,
            f"The name {name!r} is taken by {state} choose another name.",
            experiment=str(taken.experiment_id),
        )


def _by_id(unit: TrackingUnit, experiment_id: str) -> Experiment | None:
    number = int(experiment_id) if experiment_id.isdecimal() and len(experiment_id) <= 19 else _MAX_ID + 1
    return unit.experiment(number) if number <= _MAX_ID else None


def experiment_not_found(experiment: str) -> DomainError:
    """The refusal of an experiment that is not there, or not for the caller."""
    return DomainError(
        Reason.EXPERIMENT_NOT_FOUND, f"There is no experiment {experiment!r}; list them.", experiment=experiment
    )
