"""The layer that makes a span of every call. It is in the chain only where tracing is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from trackway_server.core.rpc.dispatch import Handler
from trackway_server.core.rpc.exchange import Exchange
from trackway_server.core.rpc.method import Method
from trackway_server.core.tracing import Tracing, pseudonym

# Those that OpenTelemetry's conventions for RPC call errors of a server.
FAILURES = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


@dataclass(frozen=True, slots=True)
class TraceCalls:
    """A span a call, the caller's child; a stream begins a trace of its own, linked to the caller's."""

    tracing: Tracing
    name: str = "tracing"
    after: Sequence[str] = ("request_id",)

    def wrap(self, method: Method, proceed: Handler) -> Handler:
        """See Interceptor."""
        if method.is_probe:
            return proceed
        title = f"{method.service}/{method.name}"
        attributes = {"rpc.system": "grpc", "rpc.service": method.service, "rpc.method": method.name}
        is_stream = method.streams_requests or method.streams_responses

        async def handle(exchange: Exchange) -> None:
            call = exchange.call
            with self.tracing.span(title, call.metadata, attributes, linked=is_stream) as span:
                call.trace = span.headers
                span.note("trackway.request_id", call.request_id)
                try:
                    await proceed(exchange)
                finally:
                    if exchange.principal_name:
                        span.note("enduser.pseudo.id", pseudonym(exchange.principal_name))
                    span.note("rpc.grpc.status_code", exchange.code.value[0])
                    if exchange.code in FAILURES:
                        span.fail()

        return handle
