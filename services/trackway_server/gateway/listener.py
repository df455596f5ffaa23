"""uvicorn inside a running event loop: no signal handlers of its own, bounded, on a socket that is already bound."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from trackway_server.gateway.config import GatewaySettings
from trackway_server.gateway.patience import HEADER_BYTES, patient_protocol

_DRAIN_S = 2


@asynccontextmanager
async def serve_http(
    app: ASGIApp, listener: socket.socket, settings: GatewaySettings, tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Answer HTTP (with `tls`: HTTPS alone) on `listener` inside the block; on the way out requests in flight get two
    seconds to end."""
    config = uvicorn.Config(
        app,
        http=patient_protocol(settings),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=_DRAIN_S,
        h11_max_incomplete_event_size=HEADER_BYTES,
    )
    config.load()
    config.ssl = tls
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]), name="http")
        await server.listening.wait()
        try:
            yield
        finally:
            server.should_exit = True


class _Server(uvicorn.Server):
    """Says when it listens; leaves the signals to the program around it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
