"""One caller's calls to the services, on behalf of one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.core.correlation import Headers
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.mlflow.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Session:
    """What a handler of a route has: the request's parameters, and the services as its sender may call them."""

    parameters: Parameters
    channels: Channels
    metadata: Headers = field(repr=False)
    sender: str = field(repr=False)
    """Who sends, as far as it shows: the credential itself."""
    workspace: str
    timeout_s: float

    async def call(self, name: str, request: Any) -> Any:
        """The answer of a unary RPC of Tracking. Raises grpc.aio.AioRpcError."""
        return await self._answer(TrackingServiceStub(self.channels.tracking), name, request)  # type: ignore[no-untyped-call]

    async def registry(self, name: str, request: Any) -> Any:
        """The same of the ModelRegistry."""
        return await self._answer(ModelRegistryServiceStub(self.channels.registry), name, request)  # type: ignore[no-untyped-call]

    async def artifacts(self, name: str, request: Any) -> Any:
        """The same of the ArtifactStore."""
        return await self._answer(ArtifactStoreServiceStub(self.channels.artifacts), name, request)  # type: ignore[no-untyped-call]

    def stream(self, name: str, *requests: Any) -> Any:
        """The call of a stream of Tracking: of answers to one request, or, without one, of both ways."""
        method = getattr(TrackingServiceStub(self.channels.tracking), name)  # type: ignore[no-untyped-call]
        return method(*requests, metadata=self.metadata, timeout=self.timeout_s)

    async def _answer(self, stub: object, name: str, request: Any) -> Any:
        return await getattr(stub, name)(request, metadata=self.metadata, timeout=self.timeout_s)
