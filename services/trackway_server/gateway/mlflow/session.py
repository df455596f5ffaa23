"""One caller's calls to Tracking, on behalf of one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import grpc

from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.core.correlation import Headers
from trackway_server.gateway.mlflow.parameters import Parameters


@dataclass(frozen=True, slots=True)
class Session:
    """What a handler of a route has: the request's parameters, and Tracking as its sender may call it."""

    parameters: Parameters
    channel: grpc.aio.Channel
    metadata: Headers = field(repr=False)
    sender: str = field(repr=False)
    """Who sends, as far as it shows: the credential itself."""
    workspace: str
    timeout_s: float

    async def call(self, name: str, request: Any) -> Any:
        """The answer of a unary RPC. Raises grpc.aio.AioRpcError."""
        method = getattr(TrackingServiceStub(self.channel), name)  # type: ignore[no-untyped-call]
        return await method(request, metadata=self.metadata, timeout=self.timeout_s)

    def stream(self, name: str, *requests: Any) -> Any:
        """The call of a stream: of answers to one request, or, without one, of both ways."""
        method = getattr(TrackingServiceStub(self.channel), name)  # type: ignore[no-untyped-call]
        return method(*requests, metadata=self.metadata, timeout=self.timeout_s)
