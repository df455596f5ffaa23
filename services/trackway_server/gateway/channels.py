"""The channels of the gateway, and whether the services behind them serve."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from trackway_server.core.rpc import probe

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
    auth: grpc.aio.Channel

    @classmethod
    def all_to(cls, channel: grpc.aio.Channel) -> Channels:
        """Every service behind one channel."""
        return cls(tracking=channel, artifacts=channel, registry=channel, auth=channel)


async def not_serving(channels: Channels, timeout_s: float) -> tuple[str, ...]:
    """The services that do not answer SERVING to `grpc.health.v1` within the time; empty: all is well."""
    peers = {name: (getattr(channels, name), service) for name, service in _SERVICES.items()}
    return await probe.not_serving(peers, timeout_s)
