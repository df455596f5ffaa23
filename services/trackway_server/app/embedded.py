"""A server inside a running event loop: built on an exit stack, serving inside the block, drained on the way out."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from trackway_server.app.access import Access, open_access
from trackway_server.app.data_dir import claimed_data_dir
from trackway_server.app.listen import bound_socket
from trackway_server.app.modules import MODULES, Surroundings
from trackway_server.app.options import ServerOptions, Target
from trackway_server.core.clock import SystemClock
from trackway_server.core.config import CoreSettings
from trackway_server.core.rpc.server import build_server
from trackway_server.core.telemetry import Telemetry

_MAX_ANSWER_BYTES = 64 << 20
# sun_path holds 108 bytes with its end, see unix(7); some room is left for gRPC's prefix.
_LONGEST_SOCKET_PATH = 96


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where a server listens, and where its data and its key are; None for what its target does not have."""

    grpc_port: int | None = None
    http_port: int | None = None
    data_dir: Path | None = None
    access: Access | None = None


@asynccontextmanager
async def open_server(options: ServerOptions, core: CoreSettings) -> AsyncIterator[RunningServer]:
    """Serve inside the block. Raises StartupError where it cannot be.

    Health says NOT_SERVING until every part is open, and again before the first part closes.
    """
    options.check()
    match options.target:
        case Target.ALL:
            opening = _everything(options, core)
        case Target.GATEWAY:
            opening = _gateway_alone(options)
        case Target.AUTH:
            opening = _auth_alone(options, core)
        case _:
            opening = _one_service(options, core)
    async with opening as running:
        yield running


@asynccontextmanager
async def _everything(options: ServerOptions, core: CoreSettings) -> AsyncIterator[RunningServer]:
    with (
        bound_socket(options.host, options.http_port, "--http-port") as listener,
        claimed_data_dir(options.data_dir, options.target) as data_dir,
    ):
        telemetry = Telemetry()
        with _own_socket(data_dir) as path:
            async with (
                _channel(f"unix:{path}") as peers,
                _services(options, core, data_dir, peers, telemetry, path) as running,
                _gateway(options, peers, listener, telemetry) as http_port,
            ):
                yield RunningServer(running.grpc_port, http_port, data_dir, running.access)


@asynccontextmanager
async def _one_service(options: ServerOptions, core: CoreSettings) -> AsyncIterator[RunningServer]:
    with claimed_data_dir(options.data_dir, options.target) as data_dir:
        async with (
            _channel(options.peer_address) as peers,
            _services(options, core, data_dir, peers, Telemetry()) as running,
        ):
            yield running


@asynccontextmanager
async def _auth_alone(options: ServerOptions, core: CoreSettings) -> AsyncIterator[RunningServer]:
    """It asks itself for the keys of tokens, as every other service asks it."""
    with claimed_data_dir(options.data_dir, options.target) as data_dir, _own_socket(data_dir) as path:
        async with (
            _channel(f"unix:{path}") as own,
            _services(options, core, data_dir, own, Telemetry(), path) as running,
        ):
            yield running


@asynccontextmanager
async def _gateway_alone(options: ServerOptions) -> AsyncIterator[RunningServer]:
    with bound_socket(options.host, options.http_port, "--http-port") as listener:
        async with (
            _channel(options.peer_address) as peers,
            _gateway(options, peers, listener, Telemetry()) as http_port,
        ):
            yield RunningServer(http_port=http_port)


@asynccontextmanager
async def _services(
    options: ServerOptions,
    core: CoreSettings,
    data_dir: Path,
    peers: grpc.aio.Channel,
    telemetry: Telemetry,
    own_socket: Path | None = None,
) -> AsyncIterator[RunningServer]:
    clock = SystemClock()
    access = open_access(data_dir, peers, clock, no_auth=options.no_auth)
    surroundings = Surroundings(data_dir, peers, clock, access.key)
    async with AsyncExitStack() as stack:
        openings = (MODULES[name].open(surroundings) for name in options.target.services)
        bindings = [await stack.enter_async_context(opening) for opening in openings]
        server = build_server(bindings, access.authenticator, telemetry=telemetry)
        stack.push_async_callback(server.stop, grace=core.stop_grace_s, wait=core.stop_wait_s)
        with bound_socket(options.host, options.chosen_grpc_port, "--grpc-port"):
            pass  # gRPC would tell a taken port to stderr, in its own words
        port = server.listen_tcp(options.host, options.chosen_grpc_port)
        if own_socket is not None:
            server.listen_unix(own_socket)
        await server.start()
        server.health.set_serving(True)
        yield RunningServer(grpc_port=port, data_dir=data_dir, access=access)


@asynccontextmanager
async def _gateway(
    options: ServerOptions, peers: grpc.aio.Channel, listener: socket.socket, telemetry: Telemetry
) -> AsyncIterator[int]:
    from trackway_server.gateway.channels import Channels
    from trackway_server.gateway.config import GatewaySettings
    from trackway_server.gateway.module import open_gateway

    async with open_gateway(GatewaySettings(), Channels.all_to(peers), listener, options.host, telemetry):
        yield int(listener.getsockname()[1])


def _channel(target: str) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(target, options=[("grpc.max_receive_message_length", _MAX_ANSWER_BYTES)])


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
