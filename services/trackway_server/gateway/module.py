"""Wires the gateway: an application over channels, served on a bound socket."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from trackway_server.core.telemetry import Telemetry
from trackway_server.core.tracing import Tracing
from trackway_server.gateway.application import build_application
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.config import GatewaySettings
from trackway_server.gateway.listener import serve_http

if TYPE_CHECKING:
    from trackway_server.core.tls import ServerTls


@asynccontextmanager
async def open_gateway(
    settings: GatewaySettings,
    channels: Channels,
    listener: socket.socket,
    bound_host: str,
    telemetry: Telemetry,
    tls: ServerTls | None = None,
    tracing: Tracing | None = None,
) -> AsyncIterator[None]:
    """Serve the gateway on `listener` inside the block. `bound_host` is the host as the operator named it."""
    context = None if tls is None else tls.http_context()
    app = build_application(channels, bound_host, settings, telemetry, tracing)
    async with serve_http(app, listener, settings, context):
        yield
