"""A network that swallows everything: calls end by their deadline, the uplink notices, resumes, and loses nothing."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from support.fault_proxy import fault_proxy
from support.replicas import replicas
from support.tracking_service import open_writer
from support.training import exactly, run_id
from trackway._ingest.sender import read_state
from trackway._ingest.spool import Link
from trackway._ingest.watch import Watch
from trackway._ingest.writer import Writer
from trackway._rpc import channel
from trackway.aio import AsyncClient
from trackway.errors import DeadlineExceeded, Unavailable


@pytest.fixture(autouse=True)
def _quick_and_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRACKWAY_PROFILE", str(tmp_path / "profile.toml"))
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")
    monkeypatch.setattr(channel, "KEEPALIVE_MS", 1000)
    monkeypatch.setattr(channel, "KEEPALIVE_ANSWER_MS", 1000)


async def test_unary_calls_end_by_their_deadline_and_go_on_when_the_network_heals(tmp_path: Path) -> None:
    async with replicas(tmp_path, count=1) as (server,):
        uri = f"trackway://127.0.0.1:{server.proxy.port}"
        async with AsyncClient(uri, timeout=1.0) as client, AsyncClient(uri, timeout=1.0) as late:
            await client.tracking.get_experiment("0")
            server.proxy.hole = True
            for each in (client, late, client):
                began = time.monotonic()
                with pytest.raises((DeadlineExceeded, Unavailable)):
                    await each.tracking.get_experiment("0")
                assert time.monotonic() - began < 2.0
            server.proxy.hole = False
            async with asyncio.timeout(10):
                while True:
                    try:
                        await client.tracking.get_experiment("0")
                        break
                    except (DeadlineExceeded, Unavailable):
                        continue


async def test_an_open_stream_ends_when_its_network_is_gone(tmp_path: Path) -> None:
    async with replicas(tmp_path, count=1) as (server,):
        async with AsyncClient(f"trackway://127.0.0.1:{server.proxy.port}") as client:
            stream = client.tracking._stub.Ingest()
            await stream.write(open_writer(1))
            assert (await stream.read()).HasField("opened")
            server.proxy.hole = True
            began = time.monotonic()
            async with asyncio.timeout(10):
                assert (await stream.code()).name == "UNAVAILABLE"
            assert time.monotonic() - began > 0.5


async def test_the_uplink_notices_and_resumes_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    async with replicas(tmp_path / "data", count=1) as (server,), fault_proxy(server.port) as direct:
        spools = tmp_path / "spools"
        uri = f"trackway://127.0.0.1:{server.proxy.port}"
        writer = Writer.open(run_id(1), uri=uri, spool_root=str(spools), owns_run=True)
        writer.run_start(start_time_us=1)
        sending = asyncio.create_task(Watch(spools).run())
        logged = 0

        async def train(seconds: float, until: int | None = None) -> None:
            nonlocal logged
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for _ in range(50):
                    writer.log_metric("loss", logged / 7, logged)
                    logged += 1
                await asyncio.sleep(0.01)
                if until is not None and link() == until:
                    return
            assert until is None, f"the link is {link()} after {seconds} seconds"

        def link() -> int:
            return read_state(next(spools.glob("*/*"))).link

        for _ in range(2):
            await train(20, Link.CONNECTED)
            await train(0.3)
            server.proxy.hole = True
            await train(20, Link.UNREACHABLE)
            server.proxy.hole = False
        await train(20, Link.CONNECTED)
        writer.set_status(3)
        state = await asyncio.to_thread(writer.finish, 30)
        sending.cancel()
        await asyncio.wait([sending])
        assert (state.durable, state.refused) == (True, ())
        async with AsyncClient(f"trackway://127.0.0.1:{direct.port}") as client:
            (series,) = await client.tracking.read_series(run_id(1), "loss")
        exactly([int(step) for step in series.steps], logged)


async def test_a_server_that_takes_seconds_to_connect_to_is_reached(tmp_path: Path) -> None:
    """Far away, or on a machine with too much to do."""
    async with replicas(tmp_path, count=1) as (server,):
        server.proxy.delay = 0.7  # each way: longer than the longest pause between two attempts
        async with AsyncClient(f"trackway://127.0.0.1:{server.proxy.port}", timeout=30.0) as client:
            assert (await client.tracking.get_experiment("0")).name == "Default"
