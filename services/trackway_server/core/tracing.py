"""Traces of calls across services, by OpenTelemetry, for those who ask for them; without, it is never imported.

`TRACKWAY_TRACING` turns it on or off; unset, it is on where `OTEL_EXPORTER_OTLP_ENDPOINT` (or the one for traces) says
where to. OpenTelemetry's own variables hold besides: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_…
Spans carry method, status, request id and a pseudonym of the caller: no payload, no key, no name.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from trackway_server.core.correlation import Headers
from trackway_server.core.lifecycle import StartupError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FLUSH_S = 3.0


def tracing_wanted(chosen: bool | None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether to trace. `chosen` is the setting; None: whether OpenTelemetry's own variables say where to."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return any(environ.get(name) for name in _ENDPOINTS) if chosen is None else chosen


@asynccontextmanager
async def open_tracing(wanted: bool, target: str) -> AsyncIterator[Tracing | None]:
    """Traces to the configured collector inside the block, flushed at its end; None where not wanted.

    Raises StartupError where OpenTelemetry is not installed.
    """
    if not wanted:
        yield None
        return
    provider, exporter = _provider(target)
    try:
        yield Tracing(provider)
    finally:
        await asyncio.to_thread(_shut_down, provider, exporter)


def _provider(target: str) -> tuple[TracerProvider, SpanExporter]:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise StartupError(
            f"tracing is on, and {error.name} is missing: install it with: pip install 'trackway[otel]',"
            " or set TRACKWAY_TRACING=false"
        ) from error
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": f"trackway-{target}"}
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    exporter = OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider, exporter


def _shut_down(provider: TracerProvider, exporter: SpanExporter) -> None:
    """Send what is left, for a few seconds at most: a collector that is away must not hold up the stop."""
    ending = threading.Thread(target=provider.shutdown, name="trace-flush", daemon=True)
    ending.start()
    ending.join(_FLUSH_S)
    if ending.is_alive():
        exporter.shutdown()
        ending.join(1.0)


class Tracing:
    """Makes spans. The caller owns the provider."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = provider.get_tracer("trackway_server")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(
        self, name: str, carrier: Mapping[str, str], attributes: Mapping[str, str], *, linked: bool = False
    ) -> Iterator[CallSpan]:
        """A server's span inside the block, current in it: a child of the caller's, which `carrier` names.

        `linked` begins a trace of its own with a link to the caller's span: a stream may outlive that by days.
        """
        from opentelemetry.context import Context
        from opentelemetry.trace import Link, SpanKind, get_current_span

        context = self._propagator.extract(carrier, Context())
        caller = get_current_span(context).get_span_context()
        links = [Link(caller)] if linked and caller.is_valid else None
        with self._tracer.start_as_current_span(
            name,
            context=Context() if linked else context,
            kind=SpanKind.SERVER,
            attributes=dict(attributes),
            links=links,
            record_exception=False,  # a traceback may quote what a caller sent
            set_status_on_exception=False,
        ) as span:
            headers: dict[str, str] = {}
            self._propagator.inject(headers)
            yield CallSpan(span, tuple(headers.items()))


class CallSpan:
    """One span, and the headers that make others its children."""

    def __init__(self, span: Span, headers: Headers) -> None:
        self._span = span
        self.headers = headers

    def note(self, attribute: str, value: str | int) -> None:
        """Set an attribute."""
        self._span.set_attribute(attribute, value)

    def fail(self) -> None:
        """Say that the call failed by the server's fault."""
        from opentelemetry.trace import StatusCode

        self._span.set_status(StatusCode.ERROR)


def pseudonym(principal: str) -> str:
    """What stands for a principal in a trace: the same for the same one, and not its name."""
    return hashlib.blake2b(principal.encode(), digest_size=8, person=b"trackway.trace").hexdigest()
