"""Streams that end early: the status reaches a client that is still writing, and one that waits."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from support.refusals import refused
from support.toy_service import AUTHORIZED, Toy, toy_server
from trackway_server.core.errors import DomainError, Reason

TRIALS = 40


async def write_until_refused(call) -> grpc.RpcError:
    """Write without awaiting anything from the server, as a careless client does."""
    try:
        await call.write(Toy(text="refuse"))
        for _ in range(200):
            await call.write(Toy(data=b"x" * 1000))
        await call.done_writing()
        if hasattr(call, "read"):
            while await call.read() is not grpc.aio.EOF:
                pass
        await call
    except grpc.RpcError as error:
        return error
    except asyncio.InvalidStateError:  # the status came while writing
        pass
    code = await call.code()
    assert code is not grpc.StatusCode.OK
    return grpc.aio.AioRpcError(code, None, await call.trailing_metadata(), await call.details())


@pytest.mark.parametrize("method", ["Up", "Both"])
async def test_a_status_set_while_the_client_writes_is_never_lost(method: str) -> None:
    async with toy_server() as toys:
        toys.servicer.refusal = DomainError(Reason.STORAGE_FULL, "Full.")
        reasons = [
            refused(await write_until_refused(toys.call(method)(metadata=AUTHORIZED))).reason for _ in range(TRIALS)
        ]
    assert reasons == ["STORAGE_FULL"] * TRIALS


@pytest.mark.parametrize("method", ["Up", "Both"])
async def test_a_refused_key_reaches_a_client_that_writes_on(method: str) -> None:
    async with toy_server() as toys:
        reasons = [refused(await write_until_refused(toys.call(method)())).reason for _ in range(TRIALS)]
    assert reasons == ["CREDENTIALS_MISSING"] * TRIALS


@pytest.mark.parametrize("requests", [0, 1])
async def test_a_client_that_waits_without_half_closing_is_answered(requests: int) -> None:
    async with toy_server() as toys:
        call = toys.call("Both")()
        for _ in range(requests):
            await call.write(Toy())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
    assert refused(caught.value).reason == "CREDENTIALS_MISSING"


async def test_a_servicer_may_pass_over_a_broken_message() -> None:
    """A refusal while iterating is raised to the servicer, which may answer it as a message."""
    from support.toy_service import ToyServicer

    class Tolerant(ToyServicer):
        async def Both(self, requests, call):
            requests = aiter(requests)
            while True:
                try:
                    request = await anext(requests)
                except StopAsyncIteration:
                    return
                except DomainError as error:
                    yield Toy(text=error.reason.name[:10])
                else:
                    yield request

    async with toy_server(Tolerant()) as toys:
        call = toys.call("Both")(metadata=AUTHORIZED)
        answers = []
        for request in (Toy(text="a"), Toy(text="x" * 11), Toy(text="b")):
            await call.write(request)
            answers.append((await call.read()).text)
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
    assert answers == ["a", "INVALID_FI", "b"]


async def test_a_client_that_leaves_ends_the_servicers_generator() -> None:
    async with toy_server() as toys:
        call = toys.call("Down")(Toy(text="wait", count=1), metadata=AUTHORIZED)
        await call.read()
        await toys.servicer.waiting.wait()
        call.cancel()
        while not toys.servicer.cancelled:
            await asyncio.sleep(0)


async def test_many_streams_at_once() -> None:
    async with toy_server() as toys:

        async def talk(number: int) -> None:
            call = toys.call("Both")(metadata=AUTHORIZED)
            for step in range(20):
                await call.write(Toy(count=number * 100 + step))
                assert (await call.read()).count == number * 100 + step
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF

        async with asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(talk(number))


async def test_a_client_that_leaves_an_upload_leaves_nothing_behind() -> None:
    async with toy_server() as toys:
        call = toys.call("Up")(metadata=AUTHORIZED)
        await call.write(Toy(text="wait"))
        await toys.servicer.waiting.wait()
        call.cancel()
        while not toys.servicer.cancelled:
            await asyncio.sleep(0)
        assert await toys.call("Once")(Toy(text="a"), metadata=AUTHORIZED)
