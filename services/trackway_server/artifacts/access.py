"""What callers may do with files by a role on one experiment or model, asked of the services that keep those roles."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import grpc

from trackway.api.registry.v1 import model_registry_service_pb2 as registry_pb
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking_pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.artifacts.domain.artifacts import Owner
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.ports import Credentials
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.status import refusal_of

_NO_ROLE = {
    Reason.RUN_NOT_FOUND,
    Reason.LOGGED_MODEL_NOT_FOUND,
    Reason.MANIFEST_NOT_FOUND,
    Reason.PERMISSION_DENIED,
    Reason.WORKSPACE_NOT_FOUND,
}


class GrpcFileRoles:
    """See FileRoles. `timeout` bounds each call, in seconds; the caller owns the channels."""

    def __init__(self, tracking: grpc.aio.Channel, registry: grpc.aio.Channel, timeout: float) -> None:
        self._tracking = TrackingServiceStub(tracking)  # type: ignore[no-untyped-call]
        self._registry = ModelRegistryServiceStub(registry)  # type: ignore[no-untyped-call]
        self._timeout = timeout

    async def on_owner(self, owner: Owner, credentials: Credentials) -> int:
        """See FileRoles."""
        asked: Awaitable[Any]
        if owner.is_model:
            of_model = tracking_pb.GetLoggedModelAccessRequest(model_id=owner.id)
            asked = self._tracking.GetLoggedModelAccess(of_model, metadata=credentials, timeout=self._timeout)
        else:
            of_run = tracking_pb.GetRunAccessRequest(run_id=owner.id)
            asked = self._tracking.GetRunAccess(of_run, metadata=credentials, timeout=self._timeout)
        found = await _answer(asked, "tracking")
        return int(found.role) if found is not None and found.workspace == owner.workspace else 0

    async def on_manifest(self, workspace: str, digest: Digest, credentials: Credentials) -> int:
        """See FileRoles."""
        request = registry_pb.GetManifestAccessRequest(workspace=workspace, manifest_digest=digest.text)
        asked = self._registry.GetManifestAccess(request, metadata=credentials, timeout=self._timeout)
        found = await _answer(asked, "registry")
        return int(found.role) if found is not None else 0


class NoFileRoles:
    """See FileRoles. For an artifact store by itself: only roles in the workspace count."""

    async def on_owner(self, owner: Owner, credentials: Credentials) -> int:
        """See FileRoles."""
        return 0

    async def on_manifest(self, workspace: str, digest: Digest, credentials: Credentials) -> int:
        """See FileRoles."""
        return 0


def no_workspace(name: str) -> DomainError:
    """The refusal of a workspace in which the caller may not reach what they ask for."""
    message = f"There is no workspace {name!r} for you, or nothing of it is yours; name one in which you have a role."
    return DomainError(Reason.WORKSPACE_NOT_FOUND, message, workspace=name)


async def _answer(asked: Awaitable[Any], service: str) -> Any:
    """The answer of a service, None where it says that the caller has no role there."""
    try:
        return await asked
    except grpc.aio.AioRpcError as error:
        refusal = refusal_of(error, service=service)
        if refusal.reason in _NO_ROLE:
            return None
        raise refusal from error
