"""What callers may do with runs, asked of Tracking, which keeps the roles on single experiments."""

from __future__ import annotations

import grpc

from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.artifacts.domain.artifacts import Owner
from trackway_server.artifacts.domain.ports import Credentials
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.status import refusal_of

_NO_ROLE = {Reason.RUN_NOT_FOUND, Reason.PERMISSION_DENIED, Reason.WORKSPACE_NOT_FOUND}


class GrpcRunRoles:
    """See RunRoles. `timeout` bounds each call, in seconds; the caller owns the channel."""

    def __init__(self, tracking: grpc.aio.Channel, timeout: float) -> None:
        self._tracking = TrackingServiceStub(tracking)  # type: ignore[no-untyped-call]
        self._timeout = timeout

    async def role_on(self, owner: Owner, credentials: Credentials) -> int:
        """See RunRoles."""
        request = pb.GetRunAccessRequest(run_id=owner.run_id)
        try:
            found = await self._tracking.GetRunAccess(request, metadata=credentials, timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            refusal = refusal_of(error, service="tracking")
            if refusal.reason in _NO_ROLE:
                return 0
            raise refusal from error
        return int(found.role) if found.workspace == owner.workspace else 0


class NoRunRoles:
    """See RunRoles. For an artifact store without a Tracking: only roles in the workspace count."""

    async def role_on(self, owner: Owner, credentials: Credentials) -> int:
        """See RunRoles."""
        return 0


def no_workspace(name: str) -> DomainError:
    """The refusal of a workspace in which the caller may not reach what they ask for."""
    message = f"There is no workspace {name!r} for you, or nothing of it is yours; name one in which you have a role."
    return DomainError(Reason.WORKSPACE_NOT_FOUND, message, workspace=name)
