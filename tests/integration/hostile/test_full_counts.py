"""R10: a great many metric names, and as many idle streams as a principal may have. Memory stays bounded, the limit is
clear, others are served. The full counts run in `make faults`."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from support.training import run_id
from trackway._ingest.sync import sync_spools
from trackway._ingest.writer import Writer
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.client import Client
from trackway.errors import ResourceExhausted
from trackway.testing import LocalServer
from trackway_server.core.ids import new_id

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"
NAMES = 1_000_000 if FULL else 5_000
STREAMS = 10_000 if FULL else 300
MIB = 1 << 20

pytestmark = [pytest.mark.timeout(2400 if FULL else 240), pytest.mark.xdist_group("hostile")]


def memory(server: LocalServer, what: str) -> int:
    """VmRSS or VmHWM of the server's process, in bytes."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


async def test_a_million_metric_names_of_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")
    limit = {"TRACKWAY_TRACKING_MAX_SERIES_PER_WRITER": str(NAMES)}
    with LocalServer(environment=limit) as server, Client(server.uri, token=server.token, timeout=120) as client:
        before = memory(server, "VmHWM")
        writer = Writer.open(run_id(1), uri=server.uri, spool_root=str(tmp_path), owns_run=True)
        writer.run_start(start_time_us=1)
        for number in range(NAMES + 10):
            writer.log_metric(f"layer/{number}", number / 3, 0)
        writer.set_status(3)
        writer.close()
        sending = asyncio.create_task(asyncio.to_thread(sync_spools, tmp_path, token=server.token))
        slowest = 0.0
        while not sending.done():
            began = asyncio.get_running_loop().time()
            await asyncio.to_thread(client.tracking.get_experiment, "0")
            slowest = max(slowest, asyncio.get_running_loop().time() - began)
            await asyncio.sleep(0.05)
        report = await sending
        assert report.ok
        (one,) = client.tracking.read_series(run_id(1), f"layer/{NAMES - 1}")
        assert one.values.tolist() == [(NAMES - 1) / 3]
        run = client.tracking.get_run(run_id(1))
        assert run.info.status == "FINISHED"
        assert run.info.refused_count == 20  # ten definitions beyond the limit, and the points of those
        assert len(run.data.metrics) == min(NAMES, 10_000)
        (listed,) = client.tracking.search_runs(["0"])
        assert len(listed.data.metrics) <= 100_000
        grown = memory(server, "VmHWM") - before
        if FULL:
            with capsys.disabled():
                print(f"\n{NAMES:,} names: the server grew by {grown / MIB:.0f} MiB; others waited {slowest:.1f} s")
        assert grown < 600 * MIB


async def test_idle_streams_up_to_the_limit_and_one_more(capsys: pytest.CaptureFixture[str]) -> None:
    limit = {"TRACKWAY_RPC_MAX_CALLS_PER_PRINCIPAL": str(STREAMS)}
    with LocalServer(environment=limit) as server:
        address, metadata = server.uri.removeprefix("trackway://"), [("authorization", f"Bearer {server.token}")]
        before = memory(server, "VmRSS")
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with AsyncExitStack() as stack:
            channels = [
                await stack.enter_async_context(grpc.aio.insecure_channel(address, options=options)) for _ in range(10)
            ]
            streams: list[Any] = []

            async def open_one(number: int) -> None:
                stream: Any = TrackingServiceStub(channels[number % 10]).Ingest(metadata=metadata)
                streams.append(stream)
                opening = ingest_pb2.OpenWriter(subject_id="f" * 32, writer_id=new_id(), epoch=1)
                await stream.write(ingest_pb2.IngestRequest(open=opening))
                answer = await stream.read()
                assert answer is not grpc.aio.EOF, await stream.details()
                assert answer.HasField("opened")

            for start in range(0, STREAMS, 100):
                await asyncio.gather(*map(open_one, range(start, start + 100)))
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(address, options=options))
            surplus = TrackingServiceStub(channel).Ingest(metadata=metadata)
            assert (await surplus.code(), "calls" in await surplus.details()) == (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                True,
            )
            grown = memory(server, "VmRSS") - before
            if FULL:
                with capsys.disabled():
                    print(f"\n{STREAMS:,} idle streams: the server grew by {grown / MIB:.0f} MiB")
            assert grown < 50 * MIB + STREAMS * 150 * 1024
            for stream in streams:
                stream.cancel()
        with Client(server.uri, token=server.token, timeout=60) as client:
            for _ in range(200):
                try:
                    assert client.tracking.get_experiment("0").name == "Default"
                    break
                except ResourceExhausted:  # the server has not counted all of them out yet
                    await asyncio.sleep(0.1)
            else:
                raise AssertionError("the streams that ended are still counted")
        assert "call_failed" not in server.log
