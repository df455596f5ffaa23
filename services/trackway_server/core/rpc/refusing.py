"""The layer that turns what a call raises into its status."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
import structlog

from trackway_server.core.correlation import REQUEST_ID_KEY
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.dispatch import Handler
from trackway_server.core.rpc.exchange import Exchange
from trackway_server.core.rpc.method import Method
from trackway_server.core.rpc.status import DETAILS_KEY, status_of

LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StatusMapping:
    """Maps refusals by the total table; everything else is INTERNAL, told to the log under the request id."""

    name: str = "status"
    after: Sequence[str] = ("request_id", "access_log", "metrics")

    def wrap(self, method: Method, proceed: Handler) -> Handler:
        """See Interceptor."""
        is_stream = method.streams_requests

        async def handle(exchange: Exchange) -> None:
            try:
                await proceed(exchange)
            except DomainError as error:
                await _refuse(exchange, error)
            except asyncio.CancelledError:
                if exchange.streams is None or exchange.streams.ended_by is None:
                    exchange.code = _why_cancelled(exchange)
                    raise
                await _refuse(exchange, exchange.streams.ended_by)
            except Exception as error:
                await _refuse(exchange, _defect(exchange, error))
            else:
                if is_stream and exchange.streams is not None:
                    await exchange.streams.drain()

        return handle


async def _refuse(exchange: Exchange, error: DomainError) -> None:
    if error.reason in {Reason.MALFORMED_REQUEST, Reason.UNKNOWN_METHOD}:
        error.metadata.setdefault("method", exchange.call.method)
    if error.reason is Reason.INTERNAL:
        error.metadata.setdefault("request_id", exchange.call.request_id)
    status = status_of(error)
    exchange.code = status.code
    exchange.reason = error.reason
    exchange.raw = b""
    if exchange.streams is not None:
        await exchange.streams.drain()
    context = exchange.context
    context.set_code(status.code)
    context.set_details(status.message)
    context.set_trailing_metadata(((REQUEST_ID_KEY, exchange.call.request_id), (DETAILS_KEY, status.details)))


def _defect(exchange: Exchange, error: Exception) -> DomainError:
    request_id = exchange.call.request_id
    LOG.error("call_failed", request_id=request_id, method=exchange.call.method, exc_info=error)
    message = f"The server failed; its log says why under request id {request_id}."
    return DomainError(Reason.INTERNAL, message, request_id=request_id)


def _why_cancelled(exchange: Exchange) -> grpc.StatusCode:
    left = exchange.context.time_remaining()
    return grpc.StatusCode.DEADLINE_EXCEEDED if left is not None and left <= 0 else grpc.StatusCode.CANCELLED
