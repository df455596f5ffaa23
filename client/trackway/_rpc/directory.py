"""Users, service accounts, workspaces, roles and keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from trackway import types
from trackway._rpc.connection import Connection
from trackway._rpc.convert import enum_name
from trackway._rpc.paging import Pages
from trackway.api.auth.v1 import auth_service_pb2 as pb
from trackway.api.auth.v1 import resources_pb2
from trackway.api.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from trackway.api.registry.v1 import model_registry_service_pb2 as registry_pb
from trackway.api.registry.v1 import resources_pb2 as registry_resources_pb2
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1 import resources_pb2 as tracking_resources_pb2
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking_pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.errors import InvalidArgument

_ROLES = {
    "VIEWER": resources_pb2.ROLE_VIEWER,
    "EDITOR": resources_pb2.ROLE_EDITOR,
    "APPROVER": resources_pb2.ROLE_APPROVER,
    "ADMIN": resources_pb2.ROLE_ADMIN,
}
_KINDS = {
    "USER": resources_pb2.PRINCIPAL_KIND_USER,
    "SERVICE_ACCOUNT": resources_pb2.PRINCIPAL_KIND_SERVICE_ACCOUNT,
}


class AsyncAuth:
    """Users, service accounts, workspaces, roles and keys. Every method raises the errors of `trackway.errors`;
    `workspace` is the client's where it is not given."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def _stub(self) -> Any:
        return self._connection.stub(AuthServiceStub)

    @property
    def _tracking(self) -> Any:
        return self._connection.stub(TrackingServiceStub)

    @property
    def _registry(self) -> Any:
        return self._connection.stub(ModelRegistryServiceStub)

    async def get_self(self) -> types.Identity:
        """Who the caller is, and what they may do."""
        response: pb.GetSelfResponse = await self._connection.unary(self._stub.GetSelf, pb.GetSelfRequest())
        roles = {each.workspace: _role(each.role) for each in response.roles}
        return types.Identity(response.name, response.server_admin, roles)

    async def create_workspace(self, name: str, *, description: str = "") -> types.Workspace:
        """Make a workspace, in which the caller is ADMIN. Raises AlreadyExists where the name is or was taken."""
        request = pb.CreateWorkspaceRequest(name=name, description=description)
        response: pb.CreateWorkspaceResponse = await self._connection.unary(self._stub.CreateWorkspace, request)
        return _workspace(response.workspace)

    def list_workspaces(self, *, page_size: int = 100) -> AsyncIterator[types.Workspace]:
        """The workspaces in which the caller has a role, by name; all to an administrator of the server."""

        async def fetch(token: str) -> tuple[Sequence[types.Workspace], str]:
            request = pb.ListWorkspacesRequest(page_size=page_size, page_token=token)
            response: pb.ListWorkspacesResponse = await self._connection.unary(self._stub.ListWorkspaces, request)
            return [_workspace(each) for each in response.workspaces], response.next_page_token

        return Pages(fetch)

    async def delete_workspace(self, name: str) -> None:
        """Delete a workspace and the roles in it; what it holds stays, and nobody reaches it."""
        await self._connection.unary(self._stub.DeleteWorkspace, pb.DeleteWorkspaceRequest(name=name))

    async def create_principal(
        self, name: str, kind: types.PrincipalKind, *, display_name: str = "", server_admin: bool = False
    ) -> types.Principal:
        """Make a user or a service account, without any role. Raises AlreadyExists where the name is or was taken."""
        request = pb.CreatePrincipalRequest(
            name=name, kind=_kind(kind), display_name=display_name, server_admin=server_admin
        )
        response: pb.CreatePrincipalResponse = await self._connection.unary(self._stub.CreatePrincipal, request)
        return _principal(response.principal)

    def list_principals(
        self, kind: types.PrincipalKind | None = None, *, page_size: int = 100
    ) -> AsyncIterator[types.Principal]:
        """Users and service accounts, or one kind of them, by name."""
        chosen = _kind(kind) if kind else resources_pb2.PRINCIPAL_KIND_UNSPECIFIED

        async def fetch(token: str) -> tuple[Sequence[types.Principal], str]:
            request = pb.ListPrincipalsRequest(kind=chosen, page_size=page_size, page_token=token)
            response: pb.ListPrincipalsResponse = await self._connection.unary(self._stub.ListPrincipals, request)
            return [_principal(each) for each in response.principals], response.next_page_token

        return Pages(fetch)

    async def delete_principal(self, name: str) -> None:
        """Delete a user or service account and its roles, and revoke its keys."""
        await self._connection.unary(self._stub.DeletePrincipal, pb.DeletePrincipalRequest(name=name))

    async def grant_role(self, principal: str, role: types.Role, *, workspace: str | None = None) -> types.RoleBinding:
        """Give a principal a role in a workspace, in place of the one it had."""
        request = pb.GrantRoleRequest(workspace=self._in(workspace), principal=principal, role=_role_number(role))
        response: pb.GrantRoleResponse = await self._connection.unary(self._stub.GrantRole, request)
        return _binding(response.binding)

    async def revoke_role(self, principal: str, *, workspace: str | None = None) -> None:
        """Take a principal's role in a workspace away. Raises NotFound where it has none."""
        request = pb.RevokeRoleRequest(workspace=self._in(workspace), principal=principal)
        await self._connection.unary(self._stub.RevokeRole, request)

    def list_roles(self, *, workspace: str | None = None, page_size: int = 100) -> AsyncIterator[types.RoleBinding]:
        """The roles in a workspace, by principal."""

        async def fetch(token: str) -> tuple[Sequence[types.RoleBinding], str]:
            request = pb.ListRolesRequest(workspace=self._in(workspace), page_size=page_size, page_token=token)
            response: pb.ListRolesResponse = await self._connection.unary(self._stub.ListRoles, request)
            return [_binding(each) for each in response.bindings], response.next_page_token

        return Pages(fetch)

    async def grant_experiment_role(self, experiment_id: str, principal: str, role: types.Role) -> types.ExperimentRole:
        """Give a principal a role on one experiment and its runs, in place of the one it had there. It adds to the role
        in the workspace, and needs none. Raises NotFound."""
        request = tracking_pb.GrantExperimentRoleRequest(
            experiment_id=experiment_id, principal=principal, role=_role_number(role)
        )
        response: tracking_pb.GrantExperimentRoleResponse = await self._connection.unary(
            self._tracking.GrantExperimentRole, request
        )
        return _experiment_role(response.binding)

    async def revoke_experiment_role(self, experiment_id: str, principal: str) -> None:
        """Take a principal's role on one experiment away; that in the workspace stays. Raises NotFound where it has
        none."""
        request = tracking_pb.RevokeExperimentRoleRequest(experiment_id=experiment_id, principal=principal)
        await self._connection.unary(self._tracking.RevokeExperimentRole, request)

    def list_experiment_roles(self, experiment_id: str, *, page_size: int = 100) -> AsyncIterator[types.ExperimentRole]:
        """The roles on one experiment, by principal; those in the workspace are not among them."""

        async def fetch(token: str) -> tuple[Sequence[types.ExperimentRole], str]:
            request = tracking_pb.ListExperimentRolesRequest(
                experiment_id=experiment_id, page_size=page_size, page_token=token
            )
            response: tracking_pb.ListExperimentRolesResponse = await self._connection.unary(
                self._tracking.ListExperimentRoles, request
            )
            return [_experiment_role(each) for each in response.bindings], response.next_page_token

        return Pages(fetch)

    async def grant_model_role(
        self, name: str, principal: str, role: types.Role, *, workspace: str | None = None
    ) -> types.ModelRole:
        """Give a principal a role on one registered model, its versions and their files, in place of the one it had
        there. It adds to the role in the workspace, and needs none. Raises NotFound."""
        request = registry_pb.GrantModelRoleRequest(
            name=name, workspace=self._in(workspace), principal=principal, role=_role_number(role)
        )
        response: registry_pb.GrantModelRoleResponse = await self._connection.unary(
            self._registry.GrantModelRole, request
        )
        return _model_role(response.binding)

    async def revoke_model_role(self, name: str, principal: str, *, workspace: str | None = None) -> None:
        """Take a principal's role on one model away; that in the workspace stays. Raises NotFound where it has none."""
        request = registry_pb.RevokeModelRoleRequest(name=name, workspace=self._in(workspace), principal=principal)
        await self._connection.unary(self._registry.RevokeModelRole, request)

    def list_model_roles(
        self, name: str, *, workspace: str | None = None, page_size: int = 100
    ) -> AsyncIterator[types.ModelRole]:
        """The roles on one model, by principal; those in the workspace are not among them."""

        async def fetch(token: str) -> tuple[Sequence[types.ModelRole], str]:
            request = registry_pb.ListModelRolesRequest(
                name=name, workspace=self._in(workspace), page_size=page_size, page_token=token
            )
            response: registry_pb.ListModelRolesResponse = await self._connection.unary(
                self._registry.ListModelRoles, request
            )
            return [_model_role(each) for each in response.bindings], response.next_page_token

        return Pages(fetch)

    async def create_key(
        self, principal: str = "", *, name: str = "", lifetime_days: float | None = None
    ) -> types.NewApiKey:
        """Make an API key of the caller, or of another principal; its secret is answered this once."""
        lifetime_us = 0 if lifetime_days is None else int(lifetime_days * 86_400_000_000)
        if lifetime_days is not None and lifetime_us <= 0:
            raise InvalidArgument("lifetime_days must be greater than 0; leave it out for a key that does not end")
        request = pb.CreateKeyRequest(principal=principal, name=name, lifetime_us=lifetime_us)
        response: pb.CreateKeyResponse = await self._connection.unary(self._stub.CreateKey, request)
        return types.NewApiKey(_key(response.key), response.secret)

    def list_keys(self, principal: str = "", *, page_size: int = 100) -> AsyncIterator[types.ApiKey]:
        """The keys of the caller, or of another principal, newest first, revoked and expired ones too."""

        async def fetch(token: str) -> tuple[Sequence[types.ApiKey], str]:
            request = pb.ListKeysRequest(principal=principal, page_size=page_size, page_token=token)
            response: pb.ListKeysResponse = await self._connection.unary(self._stub.ListKeys, request)
            return [_key(each) for each in response.keys], response.next_page_token

        return Pages(fetch)

    async def revoke_key(self, key_id: str) -> types.ApiKey:
        """End a key at once, and its tokens within five minutes. Raises NotFound."""
        response: pb.RevokeKeyResponse = await self._connection.unary(
            self._stub.RevokeKey, pb.RevokeKeyRequest(key_id=key_id)
        )
        return _key(response.key)

    async def rotate_signing_keys(self, *, drop_old: bool = False) -> list[str]:
        """Have tokens signed by a new key; the ids of the keys that verify them, newest first. `drop_old` ends every
        token there is."""
        request = pb.RotateSigningKeysRequest(drop_old=drop_old)
        response: pb.RotateSigningKeysResponse = await self._connection.unary(self._stub.RotateSigningKeys, request)
        return [key.kid for key in response.keys]

    def _in(self, workspace: str | None) -> str:
        return self._connection.workspace if workspace is None else workspace


def _role_number(role: str) -> resources_pb2.Role:
    if role not in _ROLES:
        raise InvalidArgument(f"there is no role {role!r}: choose {', '.join(_ROLES)}")
    return _ROLES[role]


def _kind(kind: str) -> resources_pb2.PrincipalKind:
    if kind not in _KINDS:
        raise InvalidArgument(f"there is no kind {kind!r}: choose {' or '.join(_KINDS)}")
    return _KINDS[kind]


def _role(number: int) -> str:
    return enum_name(resources_pb2.Role, number, "ROLE_")


def _principal(message: resources_pb2.Principal) -> types.Principal:
    kind = enum_name(resources_pb2.PrincipalKind, message.kind, "PRINCIPAL_KIND_")
    return types.Principal(message.name, kind, message.display_name, message.server_admin, message.create_time_us)


def _workspace(message: resources_pb2.Workspace) -> types.Workspace:
    return types.Workspace(message.name, message.description, message.create_time_us)


def _binding(message: resources_pb2.RoleBinding) -> types.RoleBinding:
    return types.RoleBinding(message.workspace, message.principal, _role(message.role))


def _experiment_role(message: tracking_resources_pb2.ExperimentRole) -> types.ExperimentRole:
    return types.ExperimentRole(message.experiment_id, message.principal, _role(message.role))


def _model_role(message: registry_resources_pb2.ModelRole) -> types.ModelRole:
    return types.ModelRole(message.name, message.workspace, message.principal, _role(message.role))


def _key(message: resources_pb2.ApiKey) -> types.ApiKey:
    return types.ApiKey(
        message.key_id,
        message.principal,
        message.name,
        message.create_time_us,
        message.expire_time_us,
        message.revoke_time_us,
        message.last_use_time_us,
    )
