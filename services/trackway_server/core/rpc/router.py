"""From a path to its handler: one generic handler for all RPCs, which also answers those that do not exist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.dispatch import Handler, dispatch
from trackway_server.core.rpc.exchange import Exchange, Streams
from trackway_server.core.rpc.interceptors import Interceptor, compose
from trackway_server.core.rpc.method import Method

# One entry in logs and metrics for whatever strangers ask for.
STRANGER = Method("unknown", "unknown", True, True, Empty, lambda *_: None, None)


class Router(grpc.GenericRpcHandler):  # type: ignore[misc,unused-ignore]
    """Handlers by path. Messages stay bytes until the chain's innermost layer, so gRPC's own decoder has no say."""

    def __init__(self, methods: Iterable[Method], interceptors: Sequence[Interceptor]) -> None:
        self._live: set[Streams] = set()
        self._handlers = {method.path: self._handler(method, interceptors) for method in methods}
        self._refusal = compose(interceptors, STRANGER, _refuse_stranger)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        """The handler of the path, or the one that refuses unknown paths."""
        path = handler_call_details.method
        return self._handlers.get(path) or self._refusing(path)

    def unary(self) -> dict[str, Any]:
        """What answers the methods without streams, by path, for calls that come without a connection."""
        return {path: handler.unary_unary for path, handler in self._handlers.items() if handler.unary_unary}

    def stop_streams(self, *, idle_for: float) -> None:
        """Tell every open stream that the server stops; those idle for so many seconds end now."""
        for streams in list(self._live):
            streams.stop(idle_for=idle_for)

    def _handler(self, method: Method, interceptors: Sequence[Interceptor]) -> grpc.RpcMethodHandler[Any, Any]:
        chain = compose(interceptors, method, dispatch(method))
        if not method.streams_requests and not method.streams_responses:
            return grpc.unary_unary_rpc_method_handler(_unary(method, chain))
        handle = self._streaming(method, chain)
        if not method.streams_responses:
            return grpc.stream_unary_rpc_method_handler(handle)
        if not method.streams_requests:
            return grpc.unary_stream_rpc_method_handler(handle)
        return grpc.stream_stream_rpc_method_handler(handle)

    def _streaming(self, method: Method, chain: Handler) -> Any:
        async def handle(raw: Any, context: grpc.aio.ServicerContext[Any, Any]) -> bytes | None:
            exchange = Exchange(method, raw, context)
            await self._run(chain, exchange)
            if method.streams_responses:
                return None
            await _end_with_trailers_alone(exchange)
            return exchange.raw  # type: ignore[no-any-return]

        return handle

    def _refusing(self, path: str) -> grpc.RpcMethodHandler[Any, Any]:
        """A handler that refuses calls of an unknown path, whatever their shape."""

        async def handle(raw: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
            exchange = Exchange(STRANGER, raw, context)
            exchange.call.method = path
            await self._run(self._refusal, exchange)

        return grpc.stream_stream_rpc_method_handler(handle)

    async def _run(self, chain: Handler, exchange: Exchange) -> None:
        streams = exchange.streams = Streams(exchange.context, half_closed=not exchange.method.streams_requests)
        self._live.add(streams)
        try:
            await chain(exchange)
        finally:
            streams.close()
            self._live.discard(streams)


def _unary(method: Method, chain: Handler) -> Any:
    async def handle(raw: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        exchange = Exchange(method, raw, context)
        await chain(exchange)
        await _end_with_trailers_alone(exchange)
        return exchange.raw  # type: ignore[no-any-return]

    return handle


async def _end_with_trailers_alone(exchange: Exchange) -> None:
    """End a refused call without a message: even an empty one would keep gRPC clients from repeating it themselves."""
    if exchange.code is not grpc.StatusCode.OK:
        context = exchange.context
        await context.abort(exchange.code, context.details(), context.trailing_metadata())


async def _refuse_stranger(exchange: Exchange) -> None:
    raise DomainError(Reason.UNKNOWN_METHOD, f"This server has no method {exchange.call.method}.")
