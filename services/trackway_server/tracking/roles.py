"""The RPCs of the TrackingService that are about who may do what: roles on single experiments."""

from __future__ import annotations

from typing import cast

from trackway.api.auth.v1 import resources_pb2 as auth
from trackway.api.tracking.v1 import resources_pb2 as pb
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call
from trackway_server.core.rpc.page_tokens import decode_token, encode_token
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.tracking.domain import bindings, runs
from trackway_server.tracking.domain.bindings import Binding
from trackway_server.tracking.domain.ports import TrackingUnit

_PAGE = 100


class RoleRpcs:
    """Mixed into TrackingService."""

    _store: Transactions[TrackingUnit]

    async def GetRunAccess(self, request: rpc.GetRunAccessRequest, call: Call) -> rpc.GetRunAccessResponse:
        """Answer what the caller may do with a run."""
        found = await self._store.read(lambda unit: runs.access_to(unit, request.run_id, call))
        workspace, role, experiment_id = found
        return rpc.GetRunAccessResponse(
            workspace=workspace, role=cast(auth.Role, role), experiment_id=str(experiment_id)
        )

    async def GrantExperimentRole(
        self, request: rpc.GrantExperimentRoleRequest, call: Call
    ) -> rpc.GrantExperimentRoleResponse:
        """Give a principal a role on one experiment."""
        role = _role(request.role)
        made = await self._store.write(
            lambda unit: bindings.grant(unit, request.experiment_id, request.principal, role, call)
        )
        return rpc.GrantExperimentRoleResponse(binding=_message(made))

    async def RevokeExperimentRole(
        self, request: rpc.RevokeExperimentRoleRequest, call: Call
    ) -> rpc.RevokeExperimentRoleResponse:
        """Take a principal's role on one experiment away."""
        await self._store.write(lambda unit: bindings.revoke(unit, request.experiment_id, request.principal, call))
        return rpc.RevokeExperimentRoleResponse()

    async def ListExperimentRoles(
        self, request: rpc.ListExperimentRolesRequest, call: Call
    ) -> rpc.ListExperimentRolesResponse:
        """Answer the roles on one experiment."""
        size = request.page_size or _PAGE
        place = decode_token(request, request.page_token, str)
        after = "" if place is None else cast(str, place[0])
        found = await self._store.read(lambda unit: bindings.page(unit, request.experiment_id, after, size + 1, call))
        more = encode_token(request, [found[size - 1].principal]) if len(found) > size else ""
        return rpc.ListExperimentRolesResponse(bindings=map(_message, found[:size]), next_page_token=more)


def _role(number: int) -> int:
    if number not in auth.Role.values():
        raise DomainError(Reason.INVALID_FIELD, "role is none that there is.", field="role")
    return number


def _message(binding: Binding) -> pb.ExperimentRole:
    role = cast(auth.Role, binding.role)
    return pb.ExperimentRole(experiment_id=str(binding.experiment_id), principal=binding.principal, role=role)
