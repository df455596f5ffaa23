"""The other services, as a service or the gateway reaches them: a channel each, and whether they answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import grpc
import structlog

from trackway_server.app.options import dial_target
from trackway_server.core.auth.signing_keys import SigningKeys
from trackway_server.core.rpc.health import Health
from trackway_server.core.rpc.peers import PeerTls, peer_channel
from trackway_server.core.rpc.probe import Peer, not_serving

SERVICE_NAMES: Mapping[str, str] = {
    "tracking": "trackway.api.tracking.v1.TrackingService",
    "artifacts": "trackway.api.artifacts.v1.ArtifactStoreService",
    "registry": "trackway.api.registry.v1.ModelRegistryService",
    "auth": "trackway.api.auth.v1.AuthService",
}
"""The services that may be called, under the names by which `grpc.health.v1` knows them."""

_PROBE_TIMEOUT_S = 2.0
_PROBE_EVERY_S = 0.25
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Peers:
    """A channel to each of the other services; in the `all` target they are one and the same."""

    tracking: grpc.aio.Channel
    artifacts: grpc.aio.Channel
    registry: grpc.aio.Channel
    auth: grpc.aio.Channel

    @classmethod
    def all_to(cls, channel: grpc.aio.Channel) -> Peers:
        """Every service behind one channel."""
        return cls(tracking=channel, artifacts=channel, registry=channel, auth=channel)

    def named(self, names: Collection[str]) -> dict[str, Peer]:
        """Some of them, to be asked for their health."""
        return {name: (getattr(self, name), SERVICE_NAMES[name]) for name in names}


@asynccontextmanager
async def open_peers(addresses: Mapping[str, str], tls: PeerTls | None) -> AsyncIterator[Peers]:
    """A channel to each service at its address (see `dial_target`). They connect when they are first used."""
    async with AsyncExitStack() as stack:
        opening = {name: peer_channel(dial_target(addresses[name]), tls) for name in SERVICE_NAMES}
        yield Peers(**{name: await stack.enter_async_context(channel) for name, channel in opening.items()})


@asynccontextmanager
async def serving_with(
    health: Health, called: Mapping[str, Peer], keys: SigningKeys | None = None
) -> AsyncIterator[None]:
    """Say SERVING inside the block, from when every service that is called has answered SERVING once, and the auth
    service has told its `keys`, without which every caller would be turned away.

    Once: what a service can do by itself it goes on doing while another one is away.
    """
    waiting = asyncio.create_task(_serve_when_answered(health, called, keys), name="await-peers")
    try:
        if not called and keys is None:
            await waiting
        yield
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting


async def _serve_when_answered(health: Health, called: Mapping[str, Peer], keys: SigningKeys | None) -> None:
    if keys is not None and not await keys.known():
        _log.info("waiting_for_signing_keys", service="auth", advice="start it, or correct --auth-address")
        while not await keys.known():
            pass  # it waits by itself before it asks again
        _log.info("signing_keys_known", service="auth")
    told: tuple[str, ...] = ()
    while missing := await not_serving(called, _PROBE_TIMEOUT_S):
        if missing != told:
            _log.info("waiting_for_services", services=missing)
            told = missing
        await asyncio.sleep(_PROBE_EVERY_S)
    health.set_serving(True)
