"""The RPCs of the ModelRegistryService that are about who may do what: roles on single models."""

from __future__ import annotations

from typing import cast

from trackway.api.auth.v1 import resources_pb2 as auth
from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway.api.registry.v1 import resources_pb2
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call
from trackway_server.registry import convert
from trackway_server.registry.domain.bindings import Binding
from trackway_server.registry.domain.registry import Registry


class RoleRpcs:
    """Mixed into ModelRegistryServicer."""

    _registry: Registry

    async def GetManifestAccess(self, request: pb.GetManifestAccessRequest, call: Call) -> pb.GetManifestAccessResponse:
        role = await self._registry.role_on_files(
            call.named_workspace(request.workspace), request.manifest_digest, call
        )
        return pb.GetManifestAccessResponse(role=cast(auth.Role, role))

    async def GrantModelRole(self, request: pb.GrantModelRoleRequest, call: Call) -> pb.GrantModelRoleResponse:
        key = convert.model_key(request, call)
        await self._registry.admit(key, call)
        if request.role not in auth.Role.values():
            raise DomainError(Reason.INVALID_FIELD, "role is none that there is.", field="role")
        made = await self._registry.grant_role(key, request.principal, request.role)
        return pb.GrantModelRoleResponse(binding=_message(made))

    async def RevokeModelRole(self, request: pb.RevokeModelRoleRequest, call: Call) -> pb.RevokeModelRoleResponse:
        key = convert.model_key(request, call)
        await self._registry.admit(key, call)
        await self._registry.revoke_role(key, request.principal)
        return pb.RevokeModelRoleResponse()

    async def ListModelRoles(self, request: pb.ListModelRolesRequest, call: Call) -> pb.ListModelRolesResponse:
        key, size = convert.model_key(request, call), convert.page_size(request.page_size)
        await self._registry.admit(key, call)
        page = await self._registry.list_roles(key, size, request.page_token)
        return pb.ListModelRolesResponse(bindings=map(_message, page.items), next_page_token=page.next_token)


def _message(binding: Binding) -> resources_pb2.ModelRole:
    return resources_pb2.ModelRole(
        name=binding.model.name,
        workspace=binding.model.workspace,
        principal=binding.principal,
        role=cast(auth.Role, binding.role),
    )
