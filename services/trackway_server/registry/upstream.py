"""The services that know runs and files, asked over gRPC on behalf of the caller."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import grpc

from trackway.api.artifacts.v1 import artifact_store_service_pb2 as artifacts_pb
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub
from trackway.api.tracking.v1 import resources_pb2 as tracking_resources_pb
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking_pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.core.auth.service_identity import ServiceIdentity
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.status import refusal_of
from trackway_server.registry.domain.manifest import Manifest, ManifestEntry, manifest_of
from trackway_server.registry.domain.ports import Credentials
from trackway_server.registry.domain.source import LoggedModelSource, RunSource, StoredSource, source_invalid

T = TypeVar("T")

TRACKING = "tracking"
ARTIFACTS = "artifacts"
AUTH = "auth"

_NOT_ANSWERING = {Reason.SERVICE_UNAVAILABLE, Reason.SHUTTING_DOWN, Reason.DEADLINE_EXCEEDED, Reason.CANCELLED}
_NOT_STORED = {
    Reason.ARTIFACT_NOT_FOUND: "has no files; log the model under that path before registering it",
    Reason.ARTIFACT_PATH_INVALID: "has a path that the artifact store does not take; give it as the run lists it",
    Reason.INVALID_FIELD: "is not taken by the artifact store; give the path as the run lists it",
}


class GrpcSource:
    """See SourceOfModels. `timeout` bounds each call, in seconds; the caller owns the channels."""

    def __init__(
        self,
        tracking: grpc.aio.Channel,
        artifacts: grpc.aio.Channel,
        timeout: float,
        identity: ServiceIdentity,
    ) -> None:
        self._tracking = TrackingServiceStub(tracking)  # type: ignore[no-untyped-call]
        self._artifacts = ArtifactStoreServiceStub(artifacts)  # type: ignore[no-untyped-call]
        self._timeout = timeout
        self._identity = identity

    async def pin(self, source: StoredSource, workspace: str, credentials: Credentials) -> Manifest:
        """See SourceOfModels."""
        credentials = (*credentials, *await self._asked(AUTH, self._identity.metadata()))
        if isinstance(source, RunSource):
            await self._check_run(source.run_id, workspace, credentials)
        return await self._make_manifest(source, workspace, credentials)

    async def run_behind(self, source: LoggedModelSource, workspace: str, credentials: Credentials) -> str:
        """See SourceOfModels."""
        model_id = source.model_id
        request = tracking_pb.GetLoggedModelAccessRequest(model_id=model_id)
        credentials = (*credentials, *await self._asked(AUTH, self._identity.metadata()))
        try:
            model = await self._asked(
                TRACKING, self._tracking.GetLoggedModelAccess(request, timeout=self._timeout, metadata=credentials)
            )
        except DomainError as refusal:
            if refusal.reason is Reason.LOGGED_MODEL_NOT_FOUND:
                raise _model_not_found(model_id) from refusal
            raise
        if model.workspace != workspace:
            raise _model_not_found(model_id)
        if model.lifecycle_stage == tracking_resources_pb.LIFECYCLE_STAGE_DELETED:
            message = f"The logged model {model_id} is deleted; log the model anew, and register that."
            raise DomainError(Reason.LOGGED_MODEL_DELETED, message, model_id=model_id)
        run_id: str = model.source_run_id
        return run_id

    async def _check_run(self, run_id: str, workspace: str, credentials: Credentials) -> None:
        request = tracking_pb.GetRunRequest(run_id=run_id)
        try:
            response = await self._asked(
                TRACKING, self._tracking.GetRun(request, timeout=self._timeout, metadata=credentials)
            )
        except DomainError as refusal:
            if refusal.reason is Reason.RUN_NOT_FOUND:
                raise _run_not_found(run_id) from refusal
            raise
        if response.run.workspace != workspace:
            raise _run_not_found(run_id)
        if response.run.lifecycle_stage != tracking_resources_pb.LIFECYCLE_STAGE_ACTIVE:
            raise DomainError(
                Reason.RUN_DELETED,
                f"The run {run_id} is deleted; restore it before registering from it.",
                run_id=run_id,
            )

    async def _make_manifest(self, source: StoredSource, workspace: str, credentials: Credentials) -> Manifest:
        request = artifacts_pb.CreateManifestRequest(owner=source.owner, path=source.path, workspace=workspace)
        try:
            response = await self._asked(
                ARTIFACTS, self._artifacts.CreateManifest(request, timeout=self._timeout, metadata=credentials)
            )
        except DomainError as refusal:
            if refusal.reason in _NOT_STORED:
                raise source_invalid(source.uri, _NOT_STORED[refusal.reason]) from refusal
            raise
        entries = [ManifestEntry(entry.path, entry.digest, entry.size_bytes) for entry in response.manifest.entries]
        return manifest_of(response.manifest.digest, entries)

    async def _asked(self, service: str, answer: Awaitable[T]) -> T:
        """The answer of a service, or its refusal as ours; not answering at all is SERVICE_UNAVAILABLE."""
        try:
            return await answer
        except grpc.aio.AioRpcError as error:
            refusal = refusal_of(error, service=service)
            if refusal.reason in _NOT_ANSWERING:
                raise _unavailable(service) from error
            raise refusal from error


def _unavailable(service: str) -> DomainError:
    return DomainError(
        Reason.SERVICE_UNAVAILABLE,
        f"The {service} service, which the registry has to ask, does not answer; try again.",
        service=service,
    )


def _model_not_found(model_id: str) -> DomainError:
    return DomainError(
        Reason.LOGGED_MODEL_NOT_FOUND, f"There is no logged model {model_id} in this workspace.", model_id=model_id
    )


def _run_not_found(run_id: str) -> DomainError:
    return DomainError(
        Reason.RUN_NOT_FOUND,
        f"The server has no run {run_id}; check the id, and that the run has been sent (trackway sync).",
        run_id=run_id,
    )
