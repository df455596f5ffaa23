"""A server inside a running event loop: built on an exit stack, serving inside the block, drained on the way out."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from trackway_server.app.access import Access, open_access
from trackway_server.app.data_dir import claimed_data_dir
from trackway_server.app.listen import bound_socket
from trackway_server.app.modules import MODULES, Surroundings
from trackway_server.app.observing import Observing
from trackway_server.app.options import ServerOptions, Target
from trackway_server.app.peers import SERVICE_NAMES, Peers, open_peers, serving_with
from trackway_server.app.secure import listener_tls, peer_tls
from trackway_server.core.clock import SystemClock
from trackway_server.core.config import CoreSettings
from trackway_server.core.rpc.own_channel import OwnChannel
from trackway_server.core.rpc.peers import peer_channel
from trackway_server.core.rpc.server import build_server
from trackway_server.core.tracing import Tracing

if TYPE_CHECKING:
    from trackway_server.core.tls import ServerTls

# sun_path holds 108 bytes with its end, see unix(7); some room is left for gRPC's prefix.
_LONGEST_SOCKET_PATH = 96


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where a server listens, and where its data and its key are; None for what its target does not have."""

    grpc_port: int | None = None
    http_port: int | None = None
    data_dir: Path | None = None
    access: Access | None = None
    metrics_port: int | None = None


@asynccontextmanager
async def open_server(
    options: ServerOptions, core: CoreSettings, *, tracing: Tracing | None = None
) -> AsyncIterator[RunningServer]:
    """Serve inside the block. Raises StartupError where it cannot be.

    Health says NOT_SERVING until every part is open, and again before the first part closes.
    """
    options.check()
    observing = Observing(tracing=tracing)
    async with listener_tls(options) as tls:
        match options.target:
            case Target.ALL:
                opening = _everything(options, core, observing, tls)
            case Target.GATEWAY:
                opening = _gateway_alone(options, observing, tls)
            case Target.AUTH:
                opening = _auth_alone(options, core, observing, tls)
            case _:
                opening = _one_service(options, core, observing, tls)
        async with observing.of_process(options.target), opening as running:
            yield running


@asynccontextmanager
async def _everything(
    options: ServerOptions, core: CoreSettings, observing: Observing, tls: ServerTls | None
) -> AsyncIterator[RunningServer]:
    with (
        bound_socket(options.host, options.http_port, "--http-port") as listener,
        claimed_data_dir(options.data_dir, options.target) as data_dir,
        _own_socket(data_dir) as path,
    ):
        async with (
            peer_channel(f"unix:{path}") as channel,
            OwnChannel(channel) as own,
            _services(options, core, data_dir, Peers.all_to(channel), observing, tls, path, own) as running,
            _gateway(options, Peers.all_to(own), listener, observing, tls) as http_port,
        ):
            yield RunningServer(running.grpc_port, http_port, data_dir, running.access)


@asynccontextmanager
async def _one_service(
    options: ServerOptions, core: CoreSettings, observing: Observing, tls: ServerTls | None
) -> AsyncIterator[RunningServer]:
    with claimed_data_dir(options.data_dir, options.target) as data_dir:
        async with (
            open_peers(_addresses(options), peer_tls(options)) as peers,
            _services(options, core, data_dir, peers, observing, tls) as running,
            observing.listener(options, core, running.access) as metrics_port,
        ):
            yield replace(running, metrics_port=metrics_port)


@asynccontextmanager
async def _auth_alone(
    options: ServerOptions, core: CoreSettings, observing: Observing, tls: ServerTls | None
) -> AsyncIterator[RunningServer]:
    """It asks itself for the keys of tokens, as every other service asks it."""
    with claimed_data_dir(options.data_dir, options.target) as data_dir, _own_socket(data_dir) as path:
        async with (
            peer_channel(f"unix:{path}") as own,
            _services(options, core, data_dir, Peers.all_to(own), observing, tls, path) as running,
            observing.listener(options, core, running.access) as metrics_port,
        ):
            yield replace(running, metrics_port=metrics_port)


@asynccontextmanager
async def _gateway_alone(
    options: ServerOptions, observing: Observing, tls: ServerTls | None
) -> AsyncIterator[RunningServer]:
    with bound_socket(options.host, options.http_port, "--http-port") as listener:
        async with (
            open_peers(_addresses(options), peer_tls(options)) as peers,
            _gateway(options, peers, listener, observing, tls) as http_port,
        ):
            yield RunningServer(http_port=http_port)


@asynccontextmanager
async def _services(
    options: ServerOptions,
    core: CoreSettings,
    data_dir: Path,
    peers: Peers,
    observing: Observing,
    tls: ServerTls | None,
    own_socket: Path | None = None,
    own: OwnChannel | None = None,
) -> AsyncIterator[RunningServer]:
    clock = SystemClock()
    access = open_access(options, data_dir, peers.auth, clock)
    database_url = None if options.database_url is None else SecretStr(options.database_url)
    surroundings = Surroundings(data_dir, database_url, peers, clock, options.blob_url, observing.telemetry, access.key)
    async with AsyncExitStack() as stack:
        openings = (MODULES[name].open(surroundings) for name in options.target.services)
        bindings = [await stack.enter_async_context(opening) for opening in openings]
        server = build_server(
            bindings,
            access.authenticator,
            telemetry=observing.telemetry,
            tracing=observing.tracing,
            slow_call_s=core.slow_call_s,
            certificates=access.certificates,
        )
        stack.push_async_callback(server.stop, grace=core.stop_grace_s, wait=core.stop_wait_s)
        with bound_socket(options.host, options.chosen_grpc_port, "--grpc-port"):
            pass  # gRPC would tell a taken port to stderr, in its own words
        credentials = None if tls is None else tls.grpc_credentials()
        port = server.listen_tcp(options.host, options.chosen_grpc_port, credentials)
        if own_socket is not None:
            server.listen_unix(own_socket)
        await server.start()
        if own is not None:
            server.shorten(own)
        called = peers.named(_called(options.target))
        await stack.enter_async_context(serving_with(server.health, called, access.awaited_keys))
        yield RunningServer(grpc_port=port, data_dir=data_dir, access=access)


@asynccontextmanager
async def _gateway(
    options: ServerOptions,
    peers: Peers,
    listener: socket.socket,
    observing: Observing,
    tls: ServerTls | None,
) -> AsyncIterator[int]:
    from trackway_server.gateway.channels import Channels
    from trackway_server.gateway.config import GatewaySettings
    from trackway_server.gateway.module import open_gateway

    settings = GatewaySettings()
    channels = Channels(tracking=peers.tracking, artifacts=peers.artifacts, registry=peers.registry, auth=peers.auth)
    telemetry, tracing = observing.telemetry, observing.tracing
    async with open_gateway(settings, channels, listener, options.host, telemetry, tls, tracing):
        yield int(listener.getsockname()[1])


def _addresses(options: ServerOptions) -> dict[str, str]:
    return {name: options.address_of(name) for name in SERVICE_NAMES}


def _called(target: Target) -> list[str]:
    """The services of other processes that the target's services call."""
    called = {name for service in target.services for name in MODULES[service].calls}
    return sorted(called - set(target.services))


@contextmanager
def _own_socket(data_dir: Path) -> Iterator[Path]:
    """A path for a Unix socket in a folder that only this user may enter."""
    folder = data_dir / "run"
    if len(str(folder).encode()) > _LONGEST_SOCKET_PATH - len("/services.sock"):
        with tempfile.TemporaryDirectory(prefix="trackway-") as scratch:
            yield Path(scratch) / "services.sock"
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    path = folder / "services.sock"
    path.unlink(missing_ok=True)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
