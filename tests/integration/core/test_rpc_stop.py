"""Stopping: not ready, drain with a grace, then force."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2

from support.refusals import refused
from support.toy_service import AUTHORIZED, Toy, ToyServer, send, toy_server


async def health_of(toys: ToyServer, service: str = "") -> int:
    check = toys.channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        health_pb2.HealthCheckRequest.SerializeToString,
        health_pb2.HealthCheckResponse.FromString,
    )
    return (await check(health_pb2.HealthCheckRequest(service=service))).status


async def test_a_call_in_progress_ends_well() -> None:
    async with toy_server() as toys:
        call = toys.call("Once")(Toy(text="wait"), metadata=AUTHORIZED)
        await toys.servicer.waiting.wait()
        stopping = asyncio.create_task(toys.server.stop(grace=30))
        await asyncio.sleep(0)
        assert not toys.server.health.serving
        toys.servicer.released.set()
        assert await call == Toy(text="wait")
        await stopping


async def test_not_ready_is_seen_before_calls_are_refused() -> None:
    async with toy_server() as toys:
        assert await health_of(toys) == health_pb2.HealthCheckResponse.SERVING
        waits = asyncio.Event()

        async def stop() -> None:
            waits.set()
            await toys.server.stop(grace=1, wait=0.3)

        stopping = asyncio.create_task(stop())
        await waits.wait()
        assert await health_of(toys) == health_pb2.HealthCheckResponse.NOT_SERVING
        assert await send(toys, "Once", Toy(text="a"))
        await stopping


@pytest.mark.parametrize("method", ["Up", "Both"])
async def test_an_idle_stream_is_told_at_once(method: str) -> None:
    async with toy_server() as toys:
        call = toys.call(method)(metadata=AUTHORIZED)
        await call.write(Toy(text="a"))
        if method == "Both":
            assert await call.read() == Toy(text="a")
        while not toys.servicer.seen:
            await asyncio.sleep(0)
        stopping = asyncio.create_task(toys.server.stop(grace=60))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await (call.read() if method == "Both" else call)
        assert refused(caught.value).reason == "SHUTTING_DOWN"
        await stopping


async def test_a_watch_is_told_at_once() -> None:
    async with toy_server() as toys:
        call = toys.call("Down")(Toy(text="wait", count=1), metadata=AUTHORIZED)
        await call.read()
        await toys.servicer.waiting.wait()
        stopping = asyncio.create_task(toys.server.stop(grace=60))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert refused(caught.value).reason == "SHUTTING_DOWN"
        await stopping
        assert toys.servicer.cancelled == 1


async def test_a_busy_stream_is_told_at_its_next_message() -> None:
    async with toy_server() as toys:
        call = toys.call("Both")(metadata=AUTHORIZED)
        stopping = None
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            for number in range(100_000):
                await call.write(Toy(count=number))
                if await call.read() is grpc.aio.EOF:
                    await call
                if number == 20:
                    stopping = asyncio.create_task(toys.server.stop(grace=60))
        assert refused(caught.value).reason == "SHUTTING_DOWN"
        assert stopping is not None
        await stopping


async def test_what_outlives_the_grace_is_cancelled() -> None:
    async with toy_server() as toys:
        call = toys.call("Once")(Toy(text="wait"), metadata=AUTHORIZED)
        await toys.servicer.waiting.wait()
        await toys.server.stop(grace=0.1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        while not toys.servicer.cancelled:
            await asyncio.sleep(0)
