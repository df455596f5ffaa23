"""The heart of the onion: calls the servicer in the shape of its RPC, and turns its messages into bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing

from trackway_server.core.rpc.exchange import Exchange
from trackway_server.core.rpc.method import Method

Handler = Callable[[Exchange], Awaitable[None]]
"""Handles a call; raises to refuse it."""


def dispatch(method: Method) -> Handler:
    """The handler that calls the RPC's implementation."""
    return _answer_with_stream(method) if method.streams_responses else _answer_once(method)


def _answer_once(method: Method) -> Handler:
    implementation = method.implementation

    async def answer(exchange: Exchange) -> None:
        response = await implementation(exchange.message, exchange.call)
        exchange.raw = response.SerializeToString()

    return answer


def _answer_with_stream(method: Method) -> Handler:
    implementation = method.implementation

    async def answer(exchange: Exchange) -> None:
        streams = exchange.streams
        assert streams is not None
        async with aclosing(implementation(exchange.message, exchange.call)) as responses:
            async for response in responses:
                await streams.write(response.SerializeToString())

    return answer
