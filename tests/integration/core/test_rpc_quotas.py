"""Limits on calls over a real server: each refused with what is allowed, and when to try again."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from support.raw_http2 import raw_connection
from support.refusals import Refused, refused
from support.toy_service import AUTHORIZED, Toy, ToyServer, send, toy_server
from trackway_server.core.rpc.config import RpcSettings


async def refusal(toys: ToyServer, method: str, *requests: Any) -> Refused:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await send(toys, method, *requests)
    return refused(caught.value)


async def test_calls_beyond_the_rate_are_refused_with_a_time_to_try_again() -> None:
    settings = RpcSettings(calls_per_second=0.5, call_burst=3)
    async with toy_server(settings=settings) as toys:
        for _ in range(3):
            await send(toys, "Once", Toy())
        found = await refusal(toys, "Once", Toy())
        assert (found.code, found.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED")
        assert found.metadata == {"limit": "calls_per_second", "maximum": "0.5"}
        assert 1 <= found.retry_after <= 2
        assert (await refusal(toys, "Both", Toy())).reason == "LIMIT_EXCEEDED"
        for _ in range(5):  # health is asked by machinery, and is not counted
            await HealthStub(toys.channel).Check(health_pb2.HealthCheckRequest())


async def test_a_refused_key_takes_nothing_of_a_principals_share() -> None:
    async with toy_server(settings=RpcSettings(calls_per_second=0.01, call_burst=1)) as toys:
        for _ in range(3):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await send(toys, "Once", Toy(), metadata=())
            assert refused(caught.value).reason == "CREDENTIALS_MISSING"
        await send(toys, "Once", Toy())


async def test_calls_at_once_are_bounded_and_free_again_when_they_end() -> None:
    async with toy_server(settings=RpcSettings(max_calls_per_principal=2)) as toys:
        streams = [toys.call("Both")(metadata=AUTHORIZED) for _ in range(2)]
        for stream in streams:
            await stream.write(Toy(text="a"))
            assert (await stream.read()).text == "a"
        found = await refusal(toys, "Once", Toy())
        assert (found.reason, found.metadata) == ("LIMIT_EXCEEDED", {"limit": "calls_at_once", "maximum": "2"})
        assert found.retry_after == 1
        streams[0].cancel()
        await streams[1].done_writing()
        assert await streams[1].read() is grpc.aio.EOF
        await eventually(send, toys, "Once", Toy())


@pytest.mark.parametrize("messages", [0, 1])
async def test_a_stream_that_falls_silent_is_ended(messages: int) -> None:
    async with toy_server(settings=RpcSettings(first_message_s=0.2, stream_idle_s=0.3)) as toys:
        call = toys.call("Both")(metadata=AUTHORIZED)
        for _ in range(messages):
            await call.write(Toy())
            await call.read()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async with asyncio.timeout(5):
                await call.read()
        found = refused(caught.value)
        assert found.reason == "DEADLINE_EXCEEDED"
        assert "0.3 seconds" in found.message if messages else "0.2 seconds" in found.message
        await send(toys, "Both", Toy())


async def test_headers_are_bounded() -> None:
    async with toy_server(settings=RpcSettings(max_header_bytes=4096)) as toys:
        await send(toys, "Once", Toy(), metadata=(*AUTHORIZED, ("x", "y" * 2_000)))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await send(toys, "Once", Toy(), metadata=(*AUTHORIZED, ("x", "y" * 5_000)))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # the transport's own, without ErrorInfo
        await send(toys, "Once", Toy())


async def test_a_decompression_bomb_is_refused_by_its_size_when_decompressed() -> None:
    async with toy_server() as toys:
        for method in ("Once", "Both"):
            make = toys.call(method)
            bomb = Toy(data=bytes(64 << 20))
            given = bomb if method == "Once" else iter([bomb])
            call = make(given, metadata=AUTHORIZED, compression=grpc.Compression.Gzip)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await (call if method == "Once" else call.read())
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await send(toys, "Once", Toy())


async def test_streams_beyond_those_of_a_connection_wait_their_turn() -> None:
    async with toy_server(settings=RpcSettings(max_streams_per_connection=3)) as toys:
        streams = [toys.call("Both")(metadata=AUTHORIZED) for _ in range(3)]
        for stream in streams:
            await stream.write(Toy())
            await stream.read()
        waiting = asyncio.create_task(send(toys, "Once", Toy()))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        streams[0].cancel()
        assert await asyncio.wait_for(waiting, 5) == [Toy()]


async def test_connections_beyond_those_allowed_are_closed() -> None:
    async with toy_server(settings=RpcSettings(max_connections=3)) as toys, AsyncExitStack() as stack:
        await send(toys, "Once", Toy())
        readers = [(await stack.enter_async_context(raw_connection(toys.port)))[0] for _ in range(5)]
        async with asyncio.timeout(5):
            first_bytes = [await reader.read(1) for reader in readers]
        assert first_bytes == [b"\0"] * 2 + [b""] * 3
        await send(toys, "Once", Toy())


async def eventually(call: Any, *arguments: Any) -> Any:
    """The answer, as soon as the server has noticed that others have ended."""
    async with asyncio.timeout(5):
        while True:
            try:
                return await call(*arguments)
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
                await asyncio.sleep(0.02)
