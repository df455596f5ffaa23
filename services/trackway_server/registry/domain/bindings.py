"""Roles on one registered model, its versions and their files, beside those in the workspace.

A binding adds to what the workspace's role gives, and needs none: who is bound to one model alone works with that, and
lists and watches show them nothing else. It goes with the model. Roles are numbers, as in auth.v1.Role. Each function
is one transaction of the store, or part of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from trackway_server.core.admission import Admission
from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.events import EventFilter
from trackway_server.registry.domain.lookup import check_model, model_not_found
from trackway_server.registry.domain.model import ModelKey
from trackway_server.registry.domain.ports import RegistryTransaction

MAX_BINDINGS = 1000


@dataclass(frozen=True, slots=True)
class Binding:
    """A principal's role on a model."""

    model: ModelKey
    principal: str
    role: int


def grant(tx: RegistryTransaction, model: ModelKey, principal: str, role: int) -> Binding:
    """Give a role, in place of the principal's former one. Raises MODEL_NOT_FOUND, LIMIT_EXCEEDED."""
    check_model(tx, model)
    if not tx.bindings.role(model, principal) and tx.bindings.count(model) >= MAX_BINDINGS:
        message = f"{MAX_BINDINGS} principals have a role on this model; give them one in its workspace instead."
        raise DomainError(Reason.LIMIT_EXCEEDED, message, limit="roles on a model", maximum=str(MAX_BINDINGS))
    tx.bindings.put(model, principal, role)
    return Binding(model, principal, role)


def revoke(tx: RegistryTransaction, model: ModelKey, principal: str) -> None:
    """Take a role away. Raises MODEL_NOT_FOUND, ROLE_NOT_FOUND."""
    check_model(tx, model)
    if not tx.bindings.drop(model, principal):
        message = f"{principal} has no role on this model alone; one in the workspace is the auth service's."
        raise DomainError(Reason.ROLE_NOT_FOUND, message, principal=principal)


def page(tx: RegistryTransaction, model: ModelKey, after: str, limit: int) -> Sequence[Binding]:
    """Up to `limit` roles on a model, by principal, after that one. Raises MODEL_NOT_FOUND."""
    check_model(tx, model)
    return [Binding(model, *each) for each in tx.bindings.page(model, after, limit)]


def admit(tx: RegistryTransaction, model: ModelKey, admission: Admission) -> None:
    """Refuse a caller who may not do to the model what they ask. What is not theirs is as if it were not there.

    Raises WORKSPACE_NOT_FOUND, MODEL_NOT_FOUND, PERMISSION_DENIED.
    """
    admission.enters(model.workspace, partial(tx.bindings.role_in, model.workspace))
    if not admission.admits(model.workspace, partial(tx.bindings.role, model)):
        raise model_not_found(model)


def reach(tx: RegistryTransaction, workspace: str, admission: Admission) -> frozenset[str] | None:
    """The models of a workspace that the caller reaches; None: all. Raises WORKSPACE_NOT_FOUND."""
    principal = admission.enters(workspace, partial(tx.bindings.role_in, workspace))
    return frozenset(tx.bindings.models_of(workspace, principal)) if principal else None


def confined(tx: RegistryTransaction, chosen: EventFilter, admission: Admission) -> EventFilter:
    """The filter, confined to what the caller reaches. Raises WORKSPACE_NOT_FOUND, and MODEL_NOT_FOUND for a model that
    it names and is not theirs."""
    if chosen.model_name:
        admit(tx, ModelKey(chosen.workspace, chosen.model_name), admission)
        return chosen
    return replace(chosen, models=reach(tx, chosen.workspace, admission))


def role_on_files(tx: RegistryTransaction, workspace: str, manifest_digest: str, admission: Admission) -> int:
    """The caller's role on the files of a manifest: the one in the workspace, or the greatest on a model that has a
    version of it. Raises WORKSPACE_NOT_FOUND, and MANIFEST_NOT_FOUND where there is neither."""
    admission.enters(workspace, partial(tx.bindings.role_in, workspace))
    role = admission.role_on(workspace, partial(tx.bindings.role_on_files, workspace, manifest_digest))
    if not role:
        message = "There is no manifest with this digest for you."
        raise DomainError(Reason.MANIFEST_NOT_FOUND, message, digest=manifest_digest)
    return role
