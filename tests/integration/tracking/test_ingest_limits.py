"""What Ingest takes before it refuses or waits, over a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from support.refusals import refused
from support.tracking_service import append, open_writer, params, points, series, start
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.core.auth.principal import Principal, Role
from trackway_server.core.clock import SystemClock
from trackway_server.core.ids import new_id
from trackway_server.core.rpc.server import build_server
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.module import open_module

MIB = 1 << 20


class NamedAuthenticator:
    """Takes callers for who they say they are."""

    async def authenticate(self, authorization: str | None) -> Principal:
        return Principal(authorization or "anyone", {"default": Role.EDITOR})


@asynccontextmanager
async def tracking(folder: Path, **settings: Any) -> AsyncIterator[TrackingServiceStub]:
    async with open_module(TrackingSettings(data_dir=folder, **settings), SystemClock()) as binding:
        server = build_server([binding], NamedAuthenticator())
        port = server.listen_tcp("127.0.0.1", 0)
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield TrackingServiceStub(channel)
        await server.stop(grace=1.0)


async def begun(stub: Any, who: str = "ann") -> tuple[Any, str]:
    """A stream of a new run, with one series defined."""
    run_id = new_id()
    stream = stub.Ingest(metadata=(("authorization", who),))
    await stream.write(open_writer(1, run_id, new_id()))
    assert (await stream.read()).HasField("opened")
    await stream.write(append(0, start(), series(0)))
    assert (await stream.read()).acknowledged.durable_sequence == 2
    return stream, run_id


async def test_an_append_beyond_what_opened_told_is_refused(tmp_path: Path) -> None:
    async with tracking(tmp_path, max_append_bytes=4 * MIB) as stub:
        stream = stub.Ingest(metadata=(("authorization", "ann"),))
        await stream.write(open_writer(1))
        assert (await stream.read()).opened.max_append_bytes == 4 * MIB
        await stream.write(append(0, start(), params(a="x" * 3 * MIB)))
        assert (await stream.read()).acknowledged.durable_sequence == 2
        await stream.write(append(2, params(b="x" * 2 * MIB), params(c="x" * 2 * MIB)))
        answer = (await stream.read()).refused
        assert (answer.durable_sequence, answer.retryable) == (2, False)
        await stream.done_writing()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stream.read()
        found = refused(caught.value)
        assert (found.code, found.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED")
        assert found.metadata == {"limit": "append_bytes", "maximum": str(4 * MIB)}


async def test_one_principals_bulk_writes_do_not_hold_up_another(tmp_path: Path) -> None:
    """Attack 27. The noisy one's streams share 1 MiB of memory; the quiet one's single points keep coming through."""
    async with tracking(tmp_path, held_bytes_per_principal=MIB, held_bytes_per_stream=MIB) as stub:
        ending = asyncio.Event()

        async def bulk() -> int:
            stream, _ = await begun(stub, "noisy")
            reading = asyncio.create_task(_read_all(stream))
            at = 2
            while not ending.is_set():
                await stream.write(append(at, points([0.5] * 20_000, 0), count=20_000))
                at += 20_000
            await stream.done_writing()
            assert await reading == at
            return at - 2

        noise = [asyncio.create_task(bulk()) for _ in range(6)]
        stream, run_id = await begun(stub, "quiet")
        slowest = 0.0
        loop = asyncio.get_running_loop()
        for number in range(2, 22):
            started = loop.time()
            await stream.write(append(number, points([1.0], 0)))
            while (await stream.read()).acknowledged.durable_sequence <= number:
                pass
            slowest = max(slowest, loop.time() - started)
        await stub.GetRun(rpc.GetRunRequest(run_id=run_id))
        ending.set()
        assert all(count > 0 for count in await asyncio.gather(*noise))
        assert slowest < 5


async def _read_all(stream: Any) -> int:
    durable = 0
    while (response := await stream.read()) is not grpc.aio.EOF:
        durable = response.acknowledged.durable_sequence
    return durable


async def test_a_stream_that_ends_gives_its_share_back(tmp_path: Path) -> None:
    """Cancelled, refused and ended in order: the next one has all of the memory again."""
    async with tracking(tmp_path, held_bytes_per_principal=MIB, held_bytes_per_stream=MIB) as stub:
        for how in ("cancel", "refuse", "end") * 3:
            stream, _ = await begun(stub)
            for number in range(4):
                await stream.write(append(2 + number * 40_000, points([0.5] * 40_000, 0), count=40_000))
            if how == "refuse":
                await stream.write(append(10**9, params(a="1")))
            if how == "cancel":
                stream.cancel()
            else:
                await stream.done_writing()
                with suppress(grpc.aio.AioRpcError):
                    await _read_all(stream)
        async with asyncio.timeout(20):
            stream, _ = await begun(stub)
            await stream.write(append(2, points([0.5] * 60_000, 0), count=60_000))
            assert (await stream.read()).acknowledged.durable_sequence == 60_002
