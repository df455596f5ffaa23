"""`/metrics` of a process without a gateway, on a port of its own: loopback unless told otherwise, never without a key.

It takes what the service itself takes, and besides `TRACKWAY_METRICS_TOKEN`, which opens nothing else: a scraper need
not hold a key to the data.
"""

from __future__ import annotations

import hmac
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
from trackway_server.gateway.credentials import onward_authorization
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
    door = _Door(authenticator, token)

    async def metrics(request: Request) -> Response:
        if not await door.admits(onward_authorization(request.headers.get("authorization"))):
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


class _Door:
    def __init__(self, authenticator: Authenticator, token: SecretStr | None) -> None:
        self._authenticator = authenticator
        self._expected = f"Bearer {token.get_secret_value()}".encode() if token and token.get_secret_value() else b""

    async def admits(self, authorization: str | None) -> bool:
        given = (authorization or "").encode()
        if self._expected and hmac.compare_digest(given, self._expected):
            return True
        try:
            await self._authenticator.authenticate(authorization)
        except DomainError:
            return False
        return True
