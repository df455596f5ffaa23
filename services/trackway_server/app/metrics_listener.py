"""`/metrics` of a process without a gateway, on a port of its own: loopback unless told otherwise, never without a key.

It takes what the service itself takes, and besides `TRACKWAY_METRICS_TOKEN`, which opens nothing else: a scraper need
not hold a key to the data.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trackway_server.core.auth.authenticator import Authenticator
from trackway_server.core.errors import DomainError
from trackway_server.core.telemetry import METRICS_TYPE, Telemetry
from trackway_server.gateway.config import GatewaySettings
from trackway_server.gateway.credentials import onward_authorization, opens_metrics
from trackway_server.gateway.guard import Guard
from trackway_server.gateway.hosts import AllowedHosts
from trackway_server.gateway.listener import serve_http

_MAX_CONNECTIONS = 16
_WANTED = "A key is wanted: as Authorization: Bearer, one that the service takes, or TRACKWAY_METRICS_TOKEN.\n"


@asynccontextmanager
async def metrics_listener(
    listener: socket.socket,
    bound_host: str,
    telemetry: Telemetry,
    authenticator: Authenticator,
    token: SecretStr | None,
) -> AsyncIterator[int]:
    """Answer `GET /metrics` on the bound socket inside the block; the port."""

    async def metrics(request: Request) -> Response:
        authorization = onward_authorization(request.headers.get("authorization"))
        if not await _admits(authorization, token, authenticator):
            headers = {"WWW-Authenticate": 'Basic realm="Trackway", charset="UTF-8"'}
            return PlainTextResponse(_WANTED, 401, headers)
        return Response(telemetry.exposition(), headers={"Content-Type": METRICS_TYPE})

    async def alive(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    settings = GatewaySettings(max_connections=_MAX_CONNECTIONS)
    routes = [Route("/metrics", metrics), Route("/healthz", alive)]
    app = Guard(Starlette(routes=routes), AllowedHosts.of(bound_host, settings.allowed_hosts))
    async with serve_http(app, listener, settings):
        yield int(listener.getsockname()[1])


async def _admits(authorization: str | None, token: SecretStr | None, authenticator: Authenticator) -> bool:
    if opens_metrics(authorization, token):
        return True
    try:
        await authenticator.authenticate(authorization)
    except DomainError:
        return False
    return True
