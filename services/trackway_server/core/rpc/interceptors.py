"""The onion around every call. Each layer is named and names what must have run before it; `ORDER` is checked.

A layer is made once for each method and sees a call of any arity as one Exchange, so that there is one chain, and a
unary call costs seven plain coroutine calls.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from trackway_server.core.auth.authenticator import Authenticator
from trackway_server.core.auth.certificate_tokens import CertificateTokens
from trackway_server.core.auth.service_identity import SERVICE_KEY
from trackway_server.core.correlation import REQUEST_ID_KEY, request_id_from, trace_id_in
from trackway_server.core.rpc.call import permission_denied
from trackway_server.core.rpc.dispatch import Handler
from trackway_server.core.rpc.exchange import Exchange
from trackway_server.core.rpc.method import Method
from trackway_server.core.telemetry import Telemetry

LOG = structlog.get_logger("trackway_server.access")
SLOW_CALL_S = 1.0


class Interceptor(Protocol):
    """One layer."""

    @property
    def name(self) -> str:
        """What it is called in the declared order."""
        ...

    @property
    def after(self) -> Sequence[str]:
        """The layers that must be further out."""
        ...

    def wrap(self, method: Method, proceed: Handler) -> Handler:
        """The method's handler with this layer around it."""
        ...


def compose(interceptors: Sequence[Interceptor], method: Method, innermost: Handler) -> Handler:
    """The handler with all layers around it, the first outermost."""
    handler = innermost
    for interceptor in reversed(interceptors):
        handler = interceptor.wrap(method, handler)
    return handler


def check_order(interceptors: Sequence[Interceptor]) -> None:
    """Raise ValueError where a layer comes before one that it needs, or a name is there twice."""
    seen: set[str] = set()
    for interceptor in interceptors:
        missing = [name for name in interceptor.after if name not in seen]
        if missing or interceptor.name in seen:
            raise ValueError(f"interceptor {interceptor.name} must come once, and after {', '.join(interceptor.after)}")
        seen.add(interceptor.name)


@dataclass(frozen=True, slots=True)
class RequestId:
    """Takes the caller's `x-request-id`, where it is a plain token, or makes one, and answers it in the trailers."""

    name: str = "request_id"
    after: Sequence[str] = ()

    def wrap(self, method: Method, proceed: Handler) -> Handler:
        """See Interceptor."""

        async def handle(exchange: Exchange) -> None:
            exchange.call.request_id = request_id_from(exchange.call.metadata.get(REQUEST_ID_KEY))
            exchange.context.set_trailing_metadata(((REQUEST_ID_KEY, exchange.call.request_id),))
            await proceed(exchange)

        return handle


@dataclass(frozen=True, slots=True)
class AccessLog:
    """One line a call, when it has ended, however it ended; a unary one that took long has a warning besides."""

    slow_s: float = SLOW_CALL_S
    """0: no call is slow."""
    name: str = "access_log"
    after: Sequence[str] = ("request_id",)

    def wrap(self, method: Method, proceed: Handler) -> Handler:
        """See Interceptor."""
        log = LOG.debug if method.is_probe else LOG.info
        slow_s = 0.0 if method.streams_requests or method.streams_responses else self.slow_s

        async def handle(exchange: Exchange) -> None:
            started = time.perf_counter()
            try:
                await proceed(exchange)
            finally:
                seconds = time.perf_counter() - started
                fields = _fields(exchange, seconds)
                log("call", **fields)
                if slow_s and seconds >= slow_s:
                    LOG.warning("slow_call", **fields, threshold_ms=slow_s * 1000)

        return handle


def _fields(exchange: Exchange, seconds: float) -> dict[str, object]:
    call = exchange.call
    fields: dict[str, object] = {
        "request_id": call.request_id,
        "principal": exchange.principal_name,
        "method": call.method.removeprefix("/"),
        "status": exchange.code.name,
        "duration_ms": round(seconds * 1000, 3),
    }
    if exchange.reason is not None:
        fields["reason"] = exchange.reason.name
    if trace_id := trace_id_in(call.trace):
        fields["trace_id"] = trace_id
    return fields


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counts and times every call by method and status."""

    telemetry: Telemetry
    name: str = "metrics"
    after: Sequence[str] = ("request_id",)

    def wrap(self, method: Method, proceed: Handler) -> Handler:
        """See Interceptor."""
        observe = self.telemetry.calls_of(method.service, method.name)
        in_flight = self.telemetry.in_flight(method.service, method.name)

        async def handle(exchange: Exchange) -> None:
            started = time.perf_counter()
            in_flight.calls += 1
            try:
                await proceed(exchange)
            finally:
                in_flight.calls -= 1
                observe(exchange.code.name, time.perf_counter() - started)

        return handle


@dataclass(frozen=True, slots=True)
class Authentication:
    """Finds out who calls, and which service passes the call on; both must be known.

    Who sends no `authorization` and has shown a client certificate is whom that names, as if they had sent their token:
    calls to other services on their behalf carry it.

    A stream of answers ends when its caller's token does, so that a revoked key works no longer than its last token. A
    call that is answered once, an upload among them, is let finish.
    """

    authenticator: Authenticator
    certificates: CertificateTokens | None = None
    """None: certificates name nobody."""
    name: str = "authentication"
    after: Sequence[str] = ("request_id", "status")

    def wrap(self, method: Method, proceed: Handler) -> Handler:
        """See Interceptor."""
        if method.permission is None:
            return proceed
        authenticate, certificates = self.authenticator.authenticate, self.certificates

        async def handle(exchange: Exchange) -> None:
            call = exchange.call
            if certificates is not None and not call.metadata.get("authorization") and (shown := call.certificate()):
                authorization = await certificates.authorization(shown)
                call.metadata = {**call.metadata, "authorization": authorization}
            exchange.call.principal = await authenticate(exchange.call.metadata.get("authorization"))
            exchange.principal_name = exchange.call.principal.name
            if (service := exchange.call.metadata.get(SERVICE_KEY)) is not None:
                exchange.call.service = (await authenticate(service)).name
            expire_us = exchange.call.principal.expire_time_us
            if expire_us and method.streams_responses and exchange.streams is not None:
                exchange.streams.expire_in(expire_us / 1e6 - time.time())
            await proceed(exchange)

        return handle


@dataclass(frozen=True, slots=True)
class Authorization:
    """Refuses a principal that has the permission of the method nowhere.

    Whether it has it in the workspace of what is asked for is known once the request is read: `Call.workspace` and
    `Call.admits` are how a service asks.
    """

    name: str = "authorization"
    after: Sequence[str] = ("authentication",)

    def wrap(self, method: Method, proceed: Handler) -> Handler:
        """See Interceptor."""
        permission = method.permission
        if permission is None:
            return proceed

        async def handle(exchange: Exchange) -> None:
            principal = exchange.call.principal
            if not principal.may(permission):
                raise permission_denied(principal, permission)
            exchange.call.permission = permission
            await proceed(exchange)

        return handle
