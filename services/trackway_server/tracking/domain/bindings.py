"""Roles on one experiment and its runs, beside those in the workspace. All functions run within one transaction.

A binding adds to what the workspace's role gives, and needs none: who is bound to one experiment alone works with that,
and lists show them nothing else. Roles are numbers, as in auth.v1.Role.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from trackway_server.core.admission import Admission, unbound
from trackway_server.core.errors import DomainError, Reason
from trackway_server.tracking.domain import runs
from trackway_server.tracking.domain.experiments import (
    experiment_not_found,
    find_start,
    get_experiment,
    workspace_of,
)
from trackway_server.tracking.domain.model import Experiment, Run, RunsQuery, RunStart
from trackway_server.tracking.domain.ports import TrackingUnit

MAX_BINDINGS = 1000


@dataclass(frozen=True, slots=True)
class Binding:
    """A principal's role on an experiment."""

    experiment_id: int
    principal: str
    role: int


def grant(unit: TrackingUnit, experiment_id: str, principal: str, role: int, admission: Admission) -> Binding:
    """Give a role, in place of the principal's former one. Raises EXPERIMENT_NOT_FOUND, LIMIT_EXCEEDED."""
    number = _bindable(unit, experiment_id, admission)
    if not unit.bindings.role(number, principal) and unit.bindings.count(number) >= MAX_BINDINGS:
        message = f"{MAX_BINDINGS} principals have a role on this experiment; give them one in its workspace instead."
        raise DomainError(Reason.LIMIT_EXCEEDED, message, limit="roles on an experiment", maximum=str(MAX_BINDINGS))
    unit.bindings.put(number, principal, role)
    return Binding(number, principal, role)


def revoke(unit: TrackingUnit, experiment_id: str, principal: str, admission: Admission) -> None:
    """Take a role away. Raises EXPERIMENT_NOT_FOUND, ROLE_NOT_FOUND."""
    number = _bindable(unit, experiment_id, admission)
    if not unit.bindings.drop(number, principal):
        message = f"{principal} has no role on this experiment alone; one in the workspace is the auth service's."
        raise DomainError(Reason.ROLE_NOT_FOUND, message, principal=principal)


def page(unit: TrackingUnit, experiment_id: str, after: str, limit: int, admission: Admission) -> list[Binding]:
    """Up to `limit` roles on an experiment, by principal, after that one. Raises EXPERIMENT_NOT_FOUND."""
    number = _bindable(unit, experiment_id, admission)
    return [Binding(number, *each) for each in unit.bindings.page(number, after, limit)]


def reach(unit: TrackingUnit, workspace: str, admission: Admission) -> str:
    """What of a workspace a list shows: empty for all, else the principal to whose bindings it is confined.

    Raises WORKSPACE_NOT_FOUND.
    """
    return admission.enters(workspace, partial(unit.bindings.role_in, workspace))


def visible_experiment(
    unit: TrackingUnit, workspace: str, experiment_id: str, name: str, admission: Admission
) -> Experiment:
    """get_experiment for a caller. Raises WORKSPACE_NOT_FOUND, EXPERIMENT_NOT_FOUND, INVALID_FIELD."""
    reach(unit, workspace, admission)
    found = get_experiment(unit, workspace, experiment_id, name)
    if not admission.admits(workspace, partial(unit.bindings.role, found.experiment_id)):
        raise experiment_not_found(name or experiment_id)
    return found


def confined(unit: TrackingUnit, query: RunsQuery, admission: Admission) -> RunsQuery:
    """The query, confined to what the caller reaches of its workspace. Raises WORKSPACE_NOT_FOUND."""
    return replace(query, bound_to=reach(unit, query.workspace, admission))


def create_run(
    unit: TrackingUnit, workspace: str, run_id: str, start: RunStart, now_us: int, admission: Admission
) -> Run:
    """runs.create_run for a caller. Raises what that and admit_start do."""
    admit_start(unit, workspace, run_id, start, admission)
    return runs.create_run(unit, workspace, run_id, start, now_us)


def workspace_to_change(unit: TrackingUnit, experiment_id: str, admission: Admission, *, renames: bool) -> str:
    """The workspace of an experiment that the caller may change. Raises EXPERIMENT_NOT_FOUND, PERMISSION_DENIED.

    Names are the workspace's: who has no role there would learn by renaming which are taken.
    """
    workspace = workspace_of(unit, experiment_id, admission.admits)
    if renames and not admission.holds(workspace):
        message = "A role on this experiment alone does not rename it; ask somebody who has one in its workspace."
        raise DomainError(Reason.PERMISSION_DENIED, message, permission="experiments.write")
    return workspace


def admit_start(unit: TrackingUnit, workspace: str, run_id: str, start: RunStart, admission: Admission) -> None:
    """Refuse a caller who may not start this run: in its experiment, and where it is there already, in that one's.

    Only a role in the workspace makes experiments by naming them.
    Raises WORKSPACE_NOT_FOUND, EXPERIMENT_NOT_FOUND, RUN_NOT_FOUND, PERMISSION_DENIED.
    """
    if not reach(unit, workspace, admission):
        return
    experiment = find_start(unit, workspace, start)
    bound = unbound if experiment is None else partial(unit.bindings.role, experiment.experiment_id)
    if not admission.admits(workspace, bound):
        raise experiment_not_found(start.experiment_name or start.experiment_id or "Default")
    _admit_known(unit, workspace, run_id, admission)


def admit_writer(unit: TrackingUnit, workspace: str, run_id: str, admission: Admission) -> None:
    """Refuse a caller who may not write the run; where there is none yet, one who may write in no experiment.

    Raises WORKSPACE_NOT_FOUND, RUN_NOT_FOUND, PERMISSION_DENIED.
    """
    reach(unit, workspace, admission)
    if not _admit_known(unit, workspace, run_id, admission):
        admission.admits(workspace, partial(unit.bindings.role_in, workspace))


def _admit_known(unit: TrackingUnit, workspace: str, run_id: str, admission: Admission) -> bool:
    """Whether the run is there, and then the caller is admitted."""
    run = unit.peek_run(run_id)
    if run is None:
        return False
    bound = partial(unit.bindings.role, run.experiment_id)
    if run.workspace != workspace or not admission.admits(workspace, bound):
        raise runs.run_not_found(run_id)
    return True


def _bindable(unit: TrackingUnit, experiment_id: str, admission: Admission) -> int:
    workspace_of(unit, experiment_id, admission.admits)
    return int(experiment_id)
