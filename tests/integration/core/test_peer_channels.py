"""Channels from service to service: over all replicas that serve, and no others."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
from pydantic import SecretStr

from support.toy_service import AUTHORIZED, KEY, POLICY, SERVICE, Toy, ToyServer, ToyServicer, toy_server
from trackway_server.core.auth.authenticator import AdminKeyAuthenticator
from trackway_server.core.rpc.call import ServiceBinding
from trackway_server.core.rpc.peers import peer_channel
from trackway_server.core.rpc.server import build_server

ONCE = f"/{SERVICE.full_name}/Once"


@pytest.fixture
async def pair():
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(toy_server()) for _ in range(2)]


def dialled(toys: list[ToyServer]) -> str:
    return "ipv4:" + ",".join(f"127.0.0.1:{toy.port}" for toy in toys)


async def once(channel: grpc.aio.Channel) -> None:
    method = channel.unary_unary(ONCE, Toy.SerializeToString, Toy.FromString)
    assert await method(Toy(text="a"), metadata=AUTHORIZED, timeout=30) == Toy(text="a")


async def several(channel: grpc.aio.Channel, toys: list[ToyServer]) -> list[int]:
    """How many of some calls each server had."""
    before = [len(toy.servicer.seen) for toy in toys]
    for _ in range(6):
        await once(channel)
    return [len(toy.servicer.seen) - count for toy, count in zip(toys, before, strict=True)]


async def test_calls_go_round_and_leave_a_replica_that_is_about_to_stop(pair: list[ToyServer]) -> None:
    first, second = pair
    async with peer_channel(dialled(pair)) as channel, asyncio.timeout(60):
        while not all(await several(channel, pair)):  # the second connection may come later
            pass
        first.server.health.set_serving(False)
        while (await several(channel, pair))[0]:
            pass
        first.server.health.set_serving(True)
        second.server.health.set_serving(False)
        while (await several(channel, pair))[1]:
            pass


async def test_a_replica_that_goes_costs_no_call(pair: list[ToyServer]) -> None:
    first, _ = pair
    async with peer_channel(dialled(pair)) as channel, asyncio.timeout(60):
        while not all(await several(channel, pair)):
            pass
        calls = [asyncio.create_task(once(channel)) for _ in range(50)]
        await asyncio.sleep(0)
        await first.server.stop(grace=5)
        await asyncio.gather(*calls)
        assert await several(channel, pair) == [0, 6]


async def test_a_process_that_stops_goes_on_calling_itself(tmp_path: Path) -> None:
    binding = ServiceBinding(SERVICE, ToyServicer(), POLICY)
    server = build_server([binding], AdminKeyAuthenticator(SecretStr(KEY)))
    server.listen_unix(tmp_path / "own.sock")
    await server.start()
    assert not server.health.serving
    async with peer_channel(f"unix:{tmp_path / 'own.sock'}") as channel:
        await once(channel)
    await server.stop(grace=0.2)
