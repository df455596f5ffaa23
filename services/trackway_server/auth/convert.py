"""Messages into values and back."""

from __future__ import annotations

from trackway.api.auth.v1 import auth_service_pb2 as rpc
from trackway.api.auth.v1 import resources_pb2 as pb
from trackway_server.auth.domain.model import (
    ApiKey,
    Caller,
    Principal,
    PrincipalKind,
    Role,
    RoleBinding,
    SigningKey,
    Workspace,
)
from trackway_server.core.auth.principal import Principal as CallingPrincipal
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call


def caller_of(call: Call) -> Caller:
    """Who calls."""
    return Caller(call.principal.name, call.principal.server_admin)


def workspace_of(name: str, call: Call) -> str:
    """The workspace a request names. An administrator of the server gives and takes roles in every one."""
    return name or "default" if call.principal.server_admin else call.workspace(name)


def role_of(number: int) -> Role:
    """A role. Raises INVALID_FIELD for a number that is none."""
    if number not in set(Role):
        raise DomainError(Reason.INVALID_FIELD, "role must be VIEWER, EDITOR, APPROVER or ADMIN.", field="role")
    return Role(number)


def kind_of(number: int) -> PrincipalKind:
    """A kind. Raises INVALID_FIELD for a number that is none."""
    if number not in set(PrincipalKind):
        raise DomainError(Reason.INVALID_FIELD, "kind must be USER or SERVICE_ACCOUNT.", field="kind")
    return PrincipalKind(number)


def principal_of(request: rpc.CreatePrincipalRequest, now_us: int) -> Principal:
    """The principal to make."""
    return Principal(request.name, kind_of(request.kind), request.display_name, request.server_admin, now_us)


def principal_message(principal: Principal) -> pb.Principal:
    """A principal."""
    return pb.Principal(
        name=principal.name,
        kind=pb.PrincipalKind.Name(principal.kind.value),
        display_name=principal.display_name,
        server_admin=principal.server_admin,
        create_time_us=principal.create_time_us,
    )


def workspace_message(workspace: Workspace) -> pb.Workspace:
    """A workspace."""
    return pb.Workspace(name=workspace.name, description=workspace.description, create_time_us=workspace.create_time_us)


def binding_message(binding: RoleBinding) -> pb.RoleBinding:
    """A role."""
    return pb.RoleBinding(
        workspace=binding.workspace, principal=binding.principal, role=pb.Role.Name(binding.role.value)
    )


def key_message(key: ApiKey) -> pb.ApiKey:
    """A key, without its secret."""
    return pb.ApiKey(
        key_id=key.key_id,
        principal=key.principal,
        name=key.name,
        create_time_us=key.create_time_us,
        expire_time_us=key.expire_time_us,
        revoke_time_us=key.revoke_time_us,
        last_use_time_us=key.last_use_time_us,
    )


def signing_key_message(key: SigningKey) -> pb.SigningKey:
    """The public half of a signing key."""
    return pb.SigningKey(kid=key.kid, x=key.x, create_time_us=key.create_time_us, retire_time_us=key.retire_time_us)


def self_message(principal: CallingPrincipal) -> rpc.GetSelfResponse:
    """The caller, as the token says."""
    roles = [
        pb.RoleBinding(workspace=workspace, principal=principal.name, role=pb.Role.Name(role.value))
        for workspace, role in sorted(principal.roles.items())
    ]
    return rpc.GetSelfResponse(name=principal.name, server_admin=principal.server_admin, roles=roles)
