"""A gRPC server: services behind the one chain of interceptors, with health, reflection and an answer to strangers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import grpc

from trackway_server.core.auth.authenticator import Authenticator
from trackway_server.core.auth.certificate_tokens import CertificateTokens
from trackway_server.core.lifecycle import StartupError, stop_in_steps
from trackway_server.core.rpc.call import ServiceBinding
from trackway_server.core.rpc.config import RpcSettings
from trackway_server.core.rpc.health import Health
from trackway_server.core.rpc.interceptors import (
    SLOW_CALL_S,
    AccessLog,
    Authentication,
    Authorization,
    Interceptor,
    Metrics,
    RequestId,
    check_order,
)
from trackway_server.core.rpc.limits import Limits
from trackway_server.core.rpc.method import methods_of
from trackway_server.core.rpc.own_channel import OwnChannel
from trackway_server.core.rpc.quotas import Quotas
from trackway_server.core.rpc.reflection import reflection_methods
from trackway_server.core.rpc.refusing import StatusMapping
from trackway_server.core.rpc.router import Router
from trackway_server.core.rpc.tracing import TraceCalls
from trackway_server.core.telemetry import Telemetry
from trackway_server.core.tracing import Tracing

IDLE_STREAM_SECONDS = 0.2
POLL_SECONDS = 0.05

OPTIONS: Sequence[tuple[str, Any]] = (
    ("grpc.so_reuseport", 0),  # a port that is taken is an error, not a second server behind it
    ("grpc.keepalive_time_ms", 60_000),  # finds clients that vanished without a word
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.ping_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),  # clients ask every 10 seconds while a call is open
)


def build_server(
    bindings: Sequence[ServiceBinding],
    authenticator: Authenticator,
    *,
    telemetry: Telemetry | None = None,
    settings: RpcSettings | None = None,
    tracing: Tracing | None = None,
    slow_call_s: float = SLOW_CALL_S,
    certificates: CertificateTokens | None = None,
) -> RpcServer:
    """A server of the services, with health and reflection beside them; it listens nowhere yet.

    `settings` are read from the environment where not given; with `certificates` a client certificate names who calls
    without a token. Raises StartupError where an RPC has no policy entry or
    no implementation.
    """
    settings = settings or RpcSettings()
    interceptors: list[Interceptor] = [
        RequestId(),
        *([TraceCalls(tracing)] if tracing is not None else []),
        AccessLog(slow_call_s),
        Metrics(telemetry or Telemetry()),
        StatusMapping(),
        Authentication(authenticator, certificates),
        Authorization(),
        Quotas.of(settings),
        Limits(settings.first_message_s, settings.stream_idle_s),
    ]
    check_order(interceptors)
    names = [binding.descriptor.full_name for binding in bindings]
    health = Health(frozenset(names))
    methods = [*methods_of(bindings), *health.methods()]
    reflected = sorted({method.service for method in methods})
    router = Router([*methods, *reflection_methods(reflected)], interceptors)
    return RpcServer(router, health, settings)


class RpcServer:
    """A gRPC server to start and stop. Its health is NOT_SERVING until `health.set_serving(True)`."""

    def __init__(self, router: Router, health: Health, settings: RpcSettings) -> None:
        self.health = health
        self._router = router
        self._most_bytes = settings.max_message_bytes
        self._server = grpc.aio.server(options=[*OPTIONS, *settings.options()])
        self._server.add_generic_rpc_handlers((router,))

    def listen_tcp(self, host: str, port: int, credentials: grpc.ServerCredentials | None = None) -> int:
        """Listen there; port 0 chooses one. Without credentials traffic is not encrypted.

        Returns the port. Raises StartupError where it is taken.
        """
        _check_free(host, port)
        return self._listen(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", credentials)

    def listen_unix(self, path: Path) -> None:
        """Listen on a Unix socket that only this user may open; a stale one is replaced."""
        self._listen(f"unix:{path}")
        path.chmod(0o600)

    def shorten(self, channel: OwnChannel) -> None:
        """Answer the unary calls of a channel of this process directly, which the caller must not use any more when
        this server stops."""
        channel.shorten(self._router.unary(), self._most_bytes)

    async def start(self) -> None:
        """Begin to take calls."""
        await self._server.start()

    async def drain(self, grace: float) -> None:
        """Take no new calls, end idle streams, and let the others finish for up to `grace` seconds."""
        async with asyncio.TaskGroup() as group:
            stopping = group.create_task(self._server.stop(grace))
            while not stopping.done():
                self._router.stop_streams(idle_for=IDLE_STREAM_SECONDS)
                await asyncio.wait([stopping], timeout=POLL_SECONDS)

    async def stop(self, grace: float = 5.0, *, wait: float = 0.0) -> None:
        """Say NOT_SERVING, wait, drain, and cancel what is left `grace` seconds later. Times in seconds."""
        await stop_in_steps(partial(self.health.set_serving, False), self.drain, wait_s=wait, grace_s=grace)

    def _listen(self, address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        try:
            if credentials is not None:
                return self._server.add_secure_port(address, credentials)
            return self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise StartupError(f"cannot listen on {address}: it is taken or not an address of this machine") from error


def _check_free(host: str, port: int) -> None:
    """Say clearly why nobody can listen there; gRPC itself says so to stderr, in its own words."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise StartupError(f"cannot listen on {host} port {port}: {error.strerror}; choose another port") from error
