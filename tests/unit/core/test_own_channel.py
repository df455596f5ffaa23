"""The channel of a process to its own services, without the socket."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from trackway.api.auth.v1.auth_service_pb2 import GetSelfRequest
from trackway_server.core.rpc.own_channel import OwnChannel

PATH = "/a.Service/Method"


async def nowhere() -> grpc.aio.Channel:
    return grpc.aio.insecure_channel("unix:/nowhere/at/all")


async def own(answer: Any, most_bytes: int = 100) -> Any:
    channel = OwnChannel(await nowhere())
    channel.shorten({PATH: answer}, most_bytes)
    return channel.unary_unary(PATH)


async def refusal(call: Any, raw: bytes = b"x", **options: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(raw, **options)
    return refused.value


async def test_a_call_carries_bytes_and_metadata() -> None:
    async def answer(raw: bytes, context: Any) -> bytes:
        assert context.invocation_metadata() == (("key", "value"),)
        assert 0 < context.time_remaining() <= 9
        return raw + context.peer().encode()

    assert await (await own(answer))(b"hello ", metadata=(("key", "value"),), timeout=9) == b"hello unix:"
    channel = OwnChannel(await nowhere())
    channel.shorten({PATH: answer}, 100)
    typed: Any = channel.unary_unary(PATH, GetSelfRequest.SerializeToString, bytes.decode)
    assert await typed(GetSelfRequest(), metadata=(("key", "value"),), timeout=9) == "unix:"


async def test_a_refusal_is_an_error_with_its_trailers() -> None:
    async def answer(raw: bytes, context: Any) -> bytes:
        context.set_code(grpc.StatusCode.NOT_FOUND)
        context.set_details("why")
        context.set_trailing_metadata((("a", "b"), ("c-bin", b"d")))
        await context.abort(grpc.StatusCode.NOT_FOUND, context.details(), context.trailing_metadata())

    error = await refusal(await own(answer))
    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "why")
    assert list(error.trailing_metadata()) == [("a", "b"), ("c-bin", b"d")]


async def test_what_takes_too_long_or_is_too_large_is_refused_as_by_grpc() -> None:
    async def never(raw: bytes, context: Any) -> bytes:
        await asyncio.Event().wait()
        return raw

    assert (await refusal(await own(never), timeout=0.01)).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert (await refusal(await own(never, 3), b"four")).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_service_that_is_away_for_a_moment_is_asked_again() -> None:
    asked: list[bytes] = []

    async def answer(raw: bytes, context: Any) -> bytes:
        asked.append(raw)
        if len(asked) < 3:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "", ())
        return b"here"

    assert await (await own(answer))(b"x") == b"here"
    assert (await refusal(await own(_away))).code() is grpc.StatusCode.UNAVAILABLE


async def _away(raw: bytes, context: Any) -> bytes:
    await context.abort(grpc.StatusCode.UNAVAILABLE, "", ())
    return raw


async def test_what_the_server_does_not_answer_goes_over_the_socket() -> None:
    channel = OwnChannel(await nowhere())
    assert (await refusal(channel.unary_unary(PATH))).code() is grpc.StatusCode.UNAVAILABLE
    assert isinstance(channel.unary_stream(PATH), grpc.aio.UnaryStreamMultiCallable)
