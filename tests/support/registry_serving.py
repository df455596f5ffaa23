"""A registry served over gRPC, and a small server of the two upstream RPCs that says what a test tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from pydantic import SecretStr

from support.registry_worlds import manifest
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as artifacts_pb
from trackway.api.artifacts.v1 import artifact_store_service_pb2_grpc as artifacts_grpc
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1 import resources_pb2 as tracking_resources_pb
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking_pb
from trackway.api.tracking.v1 import tracking_service_pb2_grpc as tracking_grpc
from trackway_server.core.auth.authenticator import AdminKeyAuthenticator, InsecureAuthenticator
from trackway_server.core.clock import SystemClock
from trackway_server.core.errors import DomainError
from trackway_server.core.rpc.server import RpcServer, build_server
from trackway_server.core.rpc.status import DETAILS_KEY, status_of
from trackway_server.registry.config import RegistrySettings
from trackway_server.registry.convert import manifest_message
from trackway_server.registry.domain.manifest import Manifest
from trackway_server.registry.module import open_module


@dataclass
class Upstream(tracking_grpc.TrackingServiceServicer, artifacts_grpc.ArtifactStoreServiceServicer):
    """Answers GetRun, GetLoggedModelAccess and CreateManifest from its fields, and notes what it was asked."""

    workspace: str = "default"
    source_run_id: str = ""
    lifecycle_stage: int = tracking_resources_pb.LIFECYCLE_STAGE_ACTIVE
    manifest: Manifest = field(default_factory=manifest)
    run_refusal: DomainError | None = None
    manifest_refusal: DomainError | None = None
    bare_code: grpc.StatusCode | None = None
    asked: list[tuple[str, object, dict[str, str]]] = field(default_factory=list)

    async def GetRun(self, request: tracking_pb.GetRunRequest, context: grpc.aio.ServicerContext) -> object:
        self._note("GetRun", request, context)
        await self._refuse(self.run_refusal, context)
        run = tracking_resources_pb.Run(
            run_id=request.run_id, workspace=self.workspace, lifecycle_stage=self.lifecycle_stage
        )
        return tracking_pb.GetRunResponse(run=run)

    async def GetLoggedModelAccess(
        self, request: tracking_pb.GetLoggedModelAccessRequest, context: grpc.aio.ServicerContext
    ) -> object:
        self._note("GetLoggedModelAccess", request, context)
        await self._refuse(self.run_refusal, context)
        return tracking_pb.GetLoggedModelAccessResponse(
            workspace=self.workspace, source_run_id=self.source_run_id, lifecycle_stage=self.lifecycle_stage
        )

    async def CreateManifest(self, request: artifacts_pb.CreateManifestRequest, context: object) -> object:
        self._note("CreateManifest", request, context)
        await self._refuse(self.manifest_refusal, context)
        return artifacts_pb.CreateManifestResponse(manifest=manifest_message(self.manifest))

    def _note(self, name: str, request: object, context: grpc.aio.ServicerContext) -> None:
        self.asked.append((name, request, dict(context.invocation_metadata())))

    async def _refuse(self, refusal: DomainError | None, context: grpc.aio.ServicerContext) -> None:
        if self.bare_code is not None:
            await context.abort(self.bare_code, "bare")
        if refusal is not None:
            status = status_of(refusal)
            await context.abort(status.code, status.message, ((DETAILS_KEY, status.details),))


@dataclass
class Served:
    """A served registry."""

    stub: ModelRegistryServiceStub
    server: RpcServer
    port: int


@asynccontextmanager
async def serve_upstream(upstream: Upstream) -> AsyncIterator[str]:
    """The upstream, listening; its address."""
    server = grpc.aio.server()
    tracking_grpc.add_TrackingServiceServicer_to_server(upstream, server)
    artifacts_grpc.add_ArtifactStoreServiceServicer_to_server(upstream, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@asynccontextmanager
async def serve_registry(
    folder: Path, upstream_address: str, key: str = "", **settings: object
) -> AsyncIterator[Served]:
    """A registry on the folder, listening, and a client of it."""
    options = RegistrySettings(data_dir=folder, **settings)
    authenticator = AdminKeyAuthenticator(SecretStr(key)) if key else InsecureAuthenticator()
    async with (
        grpc.aio.insecure_channel(upstream_address) as onward,
        open_module(options, onward, SystemClock()) as binding,
    ):
        server = build_server([binding], authenticator)
        port = server.listen_tcp("127.0.0.1", 0)
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Served(ModelRegistryServiceStub(channel), server, port)
        finally:
            await server.stop(grace=2)
