"""Around the guard: an id for every request, a line in the log, and a span where asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from starlette.datastructures import Headers as HttpHeaders
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trackway_server.core.correlation import (
    REQUEST_ID_KEY,
    Headers,
    request_id_from,
    trace_headers_from,
    trace_id_in,
)
from trackway_server.core.tracing import CallSpan, Tracing

LOG = structlog.get_logger("trackway_server.access")

_SCOPE_KEY = "trackway.onward"
_PROBES = ("/healthz", "/readyz", "/metrics", "/static/")
_LONGEST_PATH = 200


def onward_headers(scope: Scope) -> Headers:
    """What goes with every call to a service on behalf of the request: its id and the trace context."""
    headers: Headers = scope.get(_SCOPE_KEY, ())
    return headers


class Correlation:
    """Takes `X-Request-Id` where it is a plain token, or makes one; answers it, logs it and passes it on."""

    def __init__(self, app: ASGIApp, tracing: Tracing | None = None) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        given = HttpHeaders(scope=scope)
        request_id = request_id_from(given.get(REQUEST_ID_KEY))
        probe = scope["path"].startswith(_PROBES)
        started, status = time.perf_counter(), 500
        with self._span(given, request_id, probe=probe) as (trace, span):
            scope[_SCOPE_KEY] = ((REQUEST_ID_KEY, request_id), *trace)

            async def send_with_id(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    MutableHeaders(scope=message)["X-Request-Id"] = request_id
                await send(message)

            try:
                await self._app(scope, receive, send_with_id)
            finally:
                if span is not None:
                    _note(span, scope, status)
                (LOG.debug if probe else LOG.info)(
                    "http_request",
                    request_id=request_id,
                    method=scope["method"],
                    path=scope["path"][:_LONGEST_PATH],
                    status=status,
                    duration_ms=round((time.perf_counter() - started) * 1000, 3),
                    **({"trace_id": trace_id_in(trace)} if trace else {}),
                )

    @contextmanager
    def _span(self, given: HttpHeaders, request_id: str, *, probe: bool) -> Iterator[tuple[Headers, CallSpan | None]]:
        if self._tracing is None or probe:
            yield trace_headers_from(given), None
            return
        with self._tracing.span("HTTP", given, {"trackway.request_id": request_id}) as span:
            yield span.headers, span


def _note(span: CallSpan, scope: Scope, status: int) -> None:
    span.note("http.request.method", scope["method"])
    span.note("http.response.status_code", status)
    route = scope.get("route")
    if route is not None:
        span.note("http.route", route.path)
    if status >= 500:
        span.fail()
