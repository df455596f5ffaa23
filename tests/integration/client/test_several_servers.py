"""Several servers in one address: calls take turns, and none fails because one of the servers dies."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from support.certificates import Authority
from support.replicas import Replica, address, replicas
from support.training import exactly, run_id
from trackway import config
from trackway._ingest.watch import Watch
from trackway._ingest.writer import Writer
from trackway.aio import AsyncClient
from trackway.errors import Unavailable


@pytest.fixture(autouse=True)
def _nothing_of_the_tester(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRACKWAY_PROFILE", str(tmp_path / "profile.toml"))
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")


async def calls(client: AsyncClient, count: int = 20) -> None:
    for _ in range(count):
        await client.tracking.get_experiment("0")


@contextlib.asynccontextmanager
async def load(client: AsyncClient) -> AsyncIterator[list[Any]]:
    """Eight callers at once inside the block; the list is what their calls ended with: None, or an error."""
    ended: list[Any] = []

    async def call() -> None:
        while True:
            try:
                await client.tracking.get_experiment("0")
                ended.append(None)
            except Exception as error:
                ended.append(error)

    callers = [asyncio.create_task(call()) for _ in range(8)]
    try:
        yield ended
    finally:
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)


async def carries(client: AsyncClient, replica: Replica) -> bool:
    """Whether calls reach this server."""
    before = replica.proxy.carried
    await calls(client)
    return replica.proxy.carried > before + 200


async def until_carries(client: AsyncClient, replica: Replica, wanted: bool) -> None:
    async with asyncio.timeout(15):
        while await carries(client, replica) is not wanted:
            await asyncio.sleep(0.05)


async def test_calls_take_turns_among_the_servers_that_serve(tmp_path: Path) -> None:
    async with replicas(tmp_path) as (one, two), AsyncClient(address([one, two])) as client:
        await until_carries(client, one, True)
        await until_carries(client, two, True)
        one.server.health.set_serving(False)
        await until_carries(client, one, False)
        one.server.health.set_serving(True)
        await until_carries(client, one, True)


async def test_a_server_that_dies_costs_no_call(tmp_path: Path) -> None:
    async with replicas(tmp_path) as pair, AsyncClient(address(pair)) as client:
        await calls(client)
        async with load(client) as ended:
            for replica in (*pair, *pair):
                await asyncio.sleep(0.3)
                await replica.proxy.die()
                await asyncio.sleep(0.3)
                await replica.proxy.start()
                await until_carries(client, replica, True)
        assert len(ended) > 100
        assert [error for error in ended if error is not None] == []


async def test_one_server_of_several_is_enough_and_none_is_told(tmp_path: Path) -> None:
    async with replicas(tmp_path) as pair:
        uri = address(pair)
        await pair[0].proxy.die()
        async with AsyncClient(uri) as client:
            await calls(client)
        await pair[1].proxy.die()
        async with AsyncClient(uri) as client:
            with pytest.raises(Unavailable, match="no server answers at"):
                await client.tracking.get_experiment("0")


async def test_names_in_a_list_are_looked_up(tmp_path: Path) -> None:
    async with replicas(tmp_path) as (one, two):
        ports = (one.proxy.port, two.proxy.port)
        named = f"trackway://localhost:{ports[0]},no-such-host.invalid:1,127.0.0.1:{ports[1]}"
        async with AsyncClient(named) as client:
            await until_carries(client, one, True)
            await until_carries(client, two, True)
        async with AsyncClient("trackway://no-such-host.invalid:1,nor-this.invalid:1") as client:
            with pytest.raises(Unavailable, match="no host of"):
                await client.tracking.get_experiment("0")


async def test_with_tls_all_must_be_valid_for_the_first_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("localhost")
    credentials = grpc.ssl_server_credentials([(pair.key.read_bytes(), pair.cert.read_bytes())])
    files = {"ca_file": str(authority.file)}
    async with replicas(tmp_path / "data", credentials=credentials) as (one, two):
        ports = (one.proxy.port, two.proxy.port)
        listed = config.resolve(f"trackways://localhost:{ports[0]},127.0.0.1:{ports[1]}", files=files)
        async with AsyncClient(listed) as client:
            await until_carries(client, one, True)
            await until_carries(client, two, True)
        wrong = config.resolve(address([one, two], "trackways"), files=files)
        async with AsyncClient(wrong) as client:
            with pytest.raises(Unavailable, match="is for other names"):
                await client.tracking.get_experiment("0")


async def test_a_server_that_dies_costs_no_point(tmp_path: Path) -> None:
    async with replicas(tmp_path / "data") as pair, AsyncClient(address(pair)) as client:
        spools = tmp_path / "spools"
        writer = Writer.open(run_id(1), uri=address(pair), spool_root=str(spools), owns_run=True)
        writer.run_start(start_time_us=1)
        watch = Watch(spools)
        sending = asyncio.create_task(watch.run())
        logged = 0
        for replica in (*pair, *pair):
            for _ in range(40):
                for _ in range(50):
                    writer.log_metric("loss", logged / 7, logged)
                    logged += 1
                await asyncio.sleep(0.01)
            await replica.proxy.die()
            await asyncio.sleep(0.1)
            await replica.proxy.start()
        writer.set_status(3)
        state = await asyncio.to_thread(writer.finish, 30)
        sending.cancel()
        await asyncio.wait([sending])
        assert (state.durable, state.refused) == (True, ())
        (series,) = await client.tracking.read_series(run_id(1), "loss")
        exactly([int(step) for step in series.steps], logged)
