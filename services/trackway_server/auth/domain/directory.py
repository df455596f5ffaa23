"""What may be done with principals, workspaces and roles. All functions run within one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trackway_server.auth.domain.model import (
    BOOTSTRAP_ADMIN,
    DEFAULT_WORKSPACE,
    MAX_ROLES,
    Caller,
    Principal,
    Role,
    RoleBinding,
    Workspace,
)
from trackway_server.auth.domain.ports import AuthUnit
from trackway_server.core.errors import DomainError, Reason


def create_workspace(unit: AuthUnit, workspace: Workspace, caller: Caller) -> Workspace:
    """Make a workspace, and the caller its administrator, unless they have as many roles as one can have.

    Raises WORKSPACE_ALREADY_EXISTS, also where the one of that name is deleted.
    """
    if unit.workspace(workspace.name) is not None:
        raise DomainError(
            Reason.WORKSPACE_ALREADY_EXISTS,
            f"The name {workspace.name!r} is taken, maybe by a deleted workspace; choose another.",
            workspace=workspace.name,
        )
    unit.put_workspace(workspace)
    if unit.principal(caller.name) is not None and len(unit.roles_of(caller.name)) < MAX_ROLES:
        unit.put_role(RoleBinding(workspace.name, caller.name, Role.ADMIN))
    return workspace


def visible_workspaces(unit: AuthUnit, caller: Caller, after: str, limit: int) -> Sequence[Workspace]:
    """The workspaces in which the caller has a role, by name; all to an administrator of the server."""
    if caller.server_admin:
        return unit.workspaces(after, limit)
    names = sorted(binding.workspace for binding in unit.roles_of(caller.name) if binding.workspace > after)
    return [found for name in names[:limit] if (found := unit.workspace(name)) is not None]


def delete_workspace(unit: AuthUnit, name: str, now_us: int) -> None:
    """Delete a workspace and the roles in it. Raises WORKSPACE_NOT_FOUND, WORKSPACE_PROTECTED for `default`."""
    if name == DEFAULT_WORKSPACE:
        message = "The workspace default cannot be deleted; take the roles in it away instead."
        raise DomainError(Reason.WORKSPACE_PROTECTED, message, workspace=name)
    unit.put_workspace(replace(living_workspace(unit, name), delete_time_us=now_us))
    unit.delete_roles(workspace=name)


def create_principal(unit: AuthUnit, principal: Principal) -> Principal:
    """Make a principal without any role. Raises PRINCIPAL_ALREADY_EXISTS, also where the one of that name is deleted:
    its name stands in what it did."""
    if unit.principal(principal.name) is not None:
        raise DomainError(
            Reason.PRINCIPAL_ALREADY_EXISTS,
            f"The name {principal.name!r} is taken, maybe by one that was deleted; choose another.",
            principal=principal.name,
        )
    unit.put_principal(principal)
    return principal


def delete_principal(unit: AuthUnit, name: str, caller: Caller, now_us: int) -> None:
    """Delete a principal and its roles and revoke its keys.

    Raises PRINCIPAL_NOT_FOUND, PRINCIPAL_PROTECTED for the bootstrap administrator and for the caller.
    """
    if name in (BOOTSTRAP_ADMIN, caller.name):
        message = f"{name} cannot be deleted by {caller.name}: somebody must be left to administer the server."
        raise DomainError(Reason.PRINCIPAL_PROTECTED, message, principal=name)
    unit.put_principal(replace(living_principal(unit, name), delete_time_us=now_us))
    unit.delete_roles(principal=name)
    for key in unit.keys_of(name):
        if not key.revoke_time_us:
            unit.put_key(replace(key, revoke_time_us=now_us))


def grant_role(unit: AuthUnit, binding: RoleBinding) -> RoleBinding:
    """Give a principal a role in a workspace, in place of the one it had.

    Raises PRINCIPAL_NOT_FOUND, WORKSPACE_NOT_FOUND, LIMIT_EXCEEDED for a principal with 50 roles.
    """
    living_workspace(unit, binding.workspace)
    living_principal(unit, binding.principal)
    others = [each for each in unit.roles_of(binding.principal) if each.workspace != binding.workspace]
    if len(others) >= MAX_ROLES:
        raise DomainError(
            Reason.LIMIT_EXCEEDED,
            f"{binding.principal} has {MAX_ROLES} roles already; take one away, or make another principal.",
            limit="roles of a principal",
            maximum=str(MAX_ROLES),
        )
    unit.put_role(binding)
    return binding


def revoke_role(unit: AuthUnit, workspace: str, principal: str) -> None:
    """Take a principal's role in a workspace away. Raises WORKSPACE_NOT_FOUND, ROLE_NOT_FOUND."""
    living_workspace(unit, workspace)
    if not unit.delete_roles(workspace=workspace, principal=principal):
        message = f"{principal} has no role in workspace {workspace}."
        raise DomainError(Reason.ROLE_NOT_FOUND, message, workspace=workspace, principal=principal)


def living_workspace(unit: AuthUnit, name: str) -> Workspace:
    """A workspace that is not deleted. Raises WORKSPACE_NOT_FOUND."""
    found = unit.workspace(name)
    if found is None or found.delete_time_us:
        raise DomainError(Reason.WORKSPACE_NOT_FOUND, f"There is no workspace {name!r}; make it first.", workspace=name)
    return found


def living_principal(unit: AuthUnit, name: str) -> Principal:
    """A principal that is not deleted. Raises PRINCIPAL_NOT_FOUND."""
    found = unit.principal(name)
    if found is None or found.delete_time_us:
        message = f"There is no user or service account {name!r}; make it first."
        raise DomainError(Reason.PRINCIPAL_NOT_FOUND, message, principal=name)
    return found
