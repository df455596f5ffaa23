"""Channels from a service to the other services."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import structlog

from trackway_server.core.lifecycle import StartupError

LOG = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
LAST_CALLS_SECONDS = 300.0
"""How long calls over replaced certificates may go on."""

_RETRIED = {
    "name": [{}],
    "retryPolicy": {
        "maxAttempts": 3,
        "initialBackoff": "0.05s",
        "maxBackoff": "0.5s",
        "backoffMultiplier": 2,
        # CANCELLED, too: gRPC answers so, without our doing, what arrives just when a server stops.
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
    },
}
_OPTIONS = (
    ("grpc.max_receive_message_length", 64 << 20),
    # A peer whose machine or network has gone away is noticed while calls are open; see `rpc/server.py`.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A service that was restarted is found again quickly; gRPC's own defaults wait up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # A proxy for the internet must not be asked for services of one's own.
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True, slots=True)
class PeerTls:
    """The authority of the other services' certificates, and this service's own certificate and key (or neither)."""

    ca: Path
    cert: Path | None = None
    key: Path | None = None


@asynccontextmanager
async def peer_channel(address: str, tls: PeerTls | None = None) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the services at a gRPC target, open inside the block.

    With `tls` it is encrypted, and files that change are used for the calls after that. Raises StartupError where
    they cannot be read.
    """
    if tls is None:
        async with grpc.aio.insecure_channel(address, options=_options_for(address)) as channel:
            yield channel
        return
    channel = _RenewedChannel(address, tls)
    try:
        yield channel
    finally:
        await channel.close()


def _secure_channel(address: str, tls: PeerTls) -> grpc.aio.Channel:
    cert = _read(tls.cert) if tls.cert and tls.key else None
    key = _read(tls.key) if tls.cert and tls.key else None
    credentials = grpc.ssl_channel_credentials(_read(tls.ca), key, cert)
    return grpc.aio.secure_channel(address, credentials, options=_options_for(address))


def _options_for(address: str) -> tuple[tuple[str, str | int], ...]:
    """gRPC's options for a channel to the services at a target.

    Calls are spread over all the addresses that a service has, save those that say they are about to stop; they are
    reads, and writes that may be done twice, so another replica answers where one has gone. A process that stops goes
    on calling itself.
    """
    config: dict[str, object] = {"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": [_RETRIED]}
    if not address.startswith("unix:"):
        config["healthCheckConfig"] = {"serviceName": ""}
    return (*_OPTIONS, ("grpc.service_config", json.dumps(config)))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartupError(f"{path} cannot be read: {error.strerror}; see --peer-ca and --peer-cert") from error


class _RenewedChannel(grpc.aio.Channel):
    """A channel that is opened anew when its files have changed; calls go on over the one they began on."""

    def __init__(self, address: str, tls: PeerTls) -> None:
        self._address = address
        self._tls = tls
        self._seen = self._signature()
        self._looked = time.monotonic()
        self._channel = _secure_channel(address, tls)
        self._closing: set[asyncio.Task[None]] = set()

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        return self._late("unary_unary", args, kwargs)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        return self._late("unary_stream", args, kwargs)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        return self._late("stream_unary", args, kwargs)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        return self._late("stream_stream", args, kwargs)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._current().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._current().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._current().channel_ready()

    async def close(self, grace: float | None = None) -> None:
        for task in self._closing:
            task.cancel()
        await self._channel.close(grace)

    async def __aenter__(self) -> _RenewedChannel:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _late(self, arity: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[..., Any]:
        """A callable for a method that finds its channel when it is called."""

        def call(*given: Any, **options: Any) -> Any:
            return getattr(self._current(), arity)(*args, **kwargs)(*given, **options)

        return call

    def _current(self) -> grpc.aio.Channel:
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            if (signature := self._signature()) != self._seen:
                self._renew()
                self._seen = signature
        return self._channel

    def _renew(self) -> None:
        try:
            renewed = _secure_channel(self._address, self._tls)
        except StartupError as error:
            LOG.warning("peer_tls_files_refused", reason=str(error))
            return
        old, self._channel = self._channel, renewed
        task = asyncio.create_task(old.close(LAST_CALLS_SECONDS), name="peer-channel-closing")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        LOG.info("peer_tls_files_reloaded", address=self._address)

    def _signature(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_stat(path) for path in (self._tls.ca, self._tls.cert, self._tls.key) if path is not None)


def _stat(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
