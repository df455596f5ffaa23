"""One caller's calls to the services, on behalf of one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from trackway.api.artifacts.v1 import artifact_store_service_pb2
from trackway.api.registry.v1 import model_registry_service_pb2
from trackway.api.tracking.v1 import tracking_service_pb2
from trackway_server.core.correlation import Headers
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.mlflow.parameters import Parameters

_TRACKING = tracking_service_pb2.DESCRIPTOR.services_by_name["TrackingService"]
_REGISTRY = model_registry_service_pb2.DESCRIPTOR.services_by_name["ModelRegistryService"]
_ARTIFACTS = artifact_store_service_pb2.DESCRIPTOR.services_by_name["ArtifactStoreService"]


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
        return await self._answer(self.channels.tracking, _TRACKING, name, request)

    async def registry(self, name: str, request: Any) -> Any:
        """The same of the ModelRegistry."""
        return await self._answer(self.channels.registry, _REGISTRY, name, request)

    async def artifacts(self, name: str, request: Any) -> Any:
        """The same of the ArtifactStore."""
        return await self._answer(self.channels.artifacts, _ARTIFACTS, name, request)

    def stream(self, name: str, *requests: Any) -> Any:
        """The call of a stream of answers to a request of Tracking."""
        path, serialise, parse = _method(_TRACKING, name)
        method: Any = self.channels.tracking.unary_stream(path, serialise, parse)
        return method(*requests, metadata=self.metadata, timeout=self.timeout_s)

    async def _answer(self, channel: grpc.aio.Channel, service: ServiceDescriptor, name: str, request: Any) -> Any:
        path, serialise, parse = _method(service, name)
        method: Any = channel.unary_unary(path, serialise, parse)
        return await method(request, metadata=self.metadata, timeout=self.timeout_s)


@cache
def _method(service: ServiceDescriptor, name: str) -> tuple[str, Any, Any]:
    """Path, serialiser and parser of an RPC. A stub would be made anew for each request, with all its methods."""
    method = service.methods_by_name[name]
    request, answer = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    return f"/{service.full_name}/{name}", request.SerializeToString, answer.FromString
