"""The ASGI application: health, metrics, pages and RPCs, behind the guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import grpc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from trackway_server.core.correlation import REQUEST_ID_KEY
from trackway_server.core.errors import DomainError
from trackway_server.core.rpc.status import status_of
from trackway_server.core.telemetry import METRICS_TYPE, Telemetry
from trackway_server.core.tracing import Tracing
from trackway_server.gateway.callers import Callers
from trackway_server.gateway.channels import Channels, not_serving
from trackway_server.gateway.config import GatewaySettings
from trackway_server.gateway.connect.endpoint import PREFIX, RpcEndpoint
from trackway_server.gateway.correlation import Correlation, onward_headers
from trackway_server.gateway.credentials import onward_authorization, opens_metrics
from trackway_server.gateway.guard import Guard
from trackway_server.gateway.hosts import AllowedHosts, AllowedOrigins
from trackway_server.gateway.mlflow import artifacts, server_info
from trackway_server.gateway.mlflow.artifact_bytes import FROM_PAGES, OF_MODEL, OF_RUN, OF_VERSION, ArtifactBytes
from trackway_server.gateway.mlflow.endpoint import PREFIXES, PROXY_ROUTER, MlflowEndpoint
from trackway_server.gateway.pages import render_overview, render_run
from trackway_server.gateway.reader import Reader
from trackway_server.gateway.refusals import refusal

T = TypeVar("T")

_STYLE = Path(__file__).parent / "static" / "style.css"
_READY_TIMEOUT_S = 2.0


def build_application(
    channels: Channels,
    bound_host: str,
    settings: GatewaySettings,
    telemetry: Telemetry,
    tracing: Tracing | None = None,
) -> ASGIApp:
    """The application. `bound_host` is where it will listen, and one of the host names it answers;
    `telemetry` is what `/metrics` shows.
    """
    gateway = _Gateway(channels, settings, telemetry)
    routes = [
        Route("/healthz", gateway.alive),
        Route("/readyz", gateway.ready),
        Route("/metrics", _refusing(gateway.metrics)),
        Route("/", _refusing(gateway.overview)),
        Route("/runs/{run_id}", _refusing(gateway.run)),
        Route("/static/style.css", gateway.style),
        *server_info.PAGES,
    ]
    pages = Starlette(routes=routes)
    rpcs = RpcEndpoint(channels, gateway.callers, settings)
    guard = Guard(
        pages,
        AllowedHosts.of(bound_host, settings.allowed_hosts),
        {PREFIX: rpcs, **_mlflow(channels, gateway.callers, settings)},
        AllowedOrigins(settings.allowed_origins),
    )
    return Correlation(guard, tracing)


def _mlflow(channels: Channels, callers: Callers, settings: GatewaySettings) -> dict[str, ASGIApp]:
    """MLflow's API by prefix; of two that a path begins with, the first counts."""
    proxy = MlflowEndpoint(channels, callers, settings, artifacts.PREFIXES, PROXY_ROUTER)
    info = MlflowEndpoint(channels, callers, settings, server_info.PREFIXES, server_info.ROUTER)
    rest = MlflowEndpoint(channels, callers, settings)
    files = ArtifactBytes(channels, callers, settings, {OF_MODEL: rest, "": proxy})
    return {
        **dict.fromkeys((*artifacts.PREFIXES, FROM_PAGES, OF_RUN, OF_VERSION, OF_MODEL), files),
        **dict.fromkeys(server_info.PREFIXES, info),
        **dict.fromkeys(PREFIXES, rest),
    }


class _Gateway:
    def __init__(self, channels: Channels, settings: GatewaySettings, telemetry: Telemetry) -> None:
        self._channels = channels
        self._settings = settings
        self._telemetry = telemetry
        self.callers = Callers(channels, settings.call_timeout_s)
        self._style = _STYLE.read_bytes()

    async def alive(self, _: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(self, _: Request) -> Response:
        missing = await not_serving(self._channels, _READY_TIMEOUT_S)
        if missing:
            return PlainTextResponse(f"not serving: {', '.join(missing)}\n", 503)
        return PlainTextResponse("ready\n")

    async def metrics(self, request: Request) -> Response:
        authorization = onward_authorization(request.headers.get("authorization"))
        if not opens_metrics(authorization, self._settings.metrics_token):
            await self._read(request, Reader.check_key)
        return Response(self._telemetry.exposition(), headers={"Content-Type": METRICS_TYPE})

    async def overview(self, request: Request) -> Response:
        chosen = request.query_params
        experiment, token = chosen.get("experiment", ""), chosen.get("page", "")
        page = await self._read(request, lambda reader: reader.overview(experiment, token))
        return HTMLResponse(render_overview(page))

    async def run(self, request: Request) -> Response:
        run_id = request.path_params["run_id"]
        return HTMLResponse(render_run(await self._read(request, lambda reader: reader.run(run_id))))

    async def style(self, _: Request) -> Response:
        return Response(self._style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    async def _read(self, request: Request, work: Callable[[Reader], Awaitable[T]]) -> T:
        """What `work` reads on behalf of the request's sender."""
        caller = await self.callers.of(request.scope, request.headers.get("authorization"))
        try:
            return await work(Reader(self._channels, self._settings, caller.metadata))
        except grpc.aio.AioRpcError as error:
            self.callers.note(caller, error, guessed=False)
            raise


def _refusing(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except grpc.aio.AioRpcError as error:
            return refusal(error.code(), _request_id(request))
        except DomainError as error:
            return refusal(status_of(error).code, _request_id(request))

    return answer


def _request_id(request: Request) -> str:
    return dict(onward_headers(request.scope)).get(REQUEST_ID_KEY, "")
