"""The channels of the gateway, and whether the services behind them serve."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

_SERVICES = {
    "tracking": "trackway.api.tracking.v1.TrackingService",
    "artifacts": "trackway.api.artifacts.v1.ArtifactStoreService",
    "registry": "trackway.api.registry.v1.ModelRegistryService",
}


@dataclass(frozen=True, slots=True)
class Channels:
    """A channel to each service; in the `all` target they are one and the same."""

    tracking: grpc.aio.Channel
    artifacts: grpc.aio.Channel
    registry: grpc.aio.Channel

    @classmethod
    def all_to(cls, channel: grpc.aio.Channel) -> Channels:
        """Every service behind one channel."""
        return cls(tracking=channel, artifacts=channel, registry=channel)


async def not_serving(channels: Channels, timeout_s: float) -> tuple[str, ...]:
    """The services that do not answer SERVING to `grpc.health.v1` within the time; empty: all is well."""
    pairs = ((name, getattr(channels, name), service) for name, service in _SERVICES.items())
    answers = await asyncio.gather(*(_serves(channel, service, timeout_s) for _, channel, service in pairs))
    return tuple(name for name, serves in zip(_SERVICES, answers, strict=True) if not serves)


async def _serves(channel: grpc.aio.Channel, service: str, timeout_s: float) -> bool:
    try:
        response = await HealthStub(channel).Check(HealthCheckRequest(service=service), timeout=timeout_s)
    except grpc.aio.AioRpcError:
        return False
    return bool(response.status == HealthCheckResponse.SERVING)
