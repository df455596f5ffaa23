"""Two Tracking servers on one PostgreSQL: who is heard by one is not lost for the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from pydantic import SecretStr

from support.postgres import postgres_database
from support.tracking_service import RUN, append, open_writer, start
from trackway.api.metrics.v1 import ingest_pb2 as pb
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.core.auth.authenticator import InsecureAuthenticator
from trackway_server.core.clock import SystemClock
from trackway_server.core.rpc.server import build_server
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.module import open_module

BEATING, QUIET = RUN, "1" * 32
HEARTBEAT = pb.IngestRequest(heartbeat=pb.WriterHeartbeat())


@pytest.fixture
async def replicas(tmp_path: Path) -> AsyncIterator[list[Any]]:
    async with AsyncExitStack() as stack:
        stubs = []
        url = SecretStr(stack.enter_context(postgres_database()))
        for name in ("one", "two"):
            settings = TrackingSettings(data_dir=tmp_path / name, database_url=url, lost_after_seconds=4)
            server = build_server(
                [await stack.enter_async_context(open_module(settings, SystemClock()))], InsecureAuthenticator()
            )
            port = server.listen_tcp("127.0.0.1", 0)
            await server.start()
            stack.push_async_callback(server.stop, grace=1.0)
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
            stubs.append(TrackingServiceStub(await stack.enter_async_context(channel)))
        yield stubs


async def test_who_is_heard_by_one_server_is_not_lost_for_the_other(replicas: list[Any]) -> None:
    streams = [await begun(replicas[0], run_id) for run_id in (BEATING, QUIET)]
    beating = asyncio.create_task(beat(streams[0]))
    await until(lambda: lost(replicas[1], QUIET), "the quiet run is lost, for the other server too")
    await until(lambda: lost(replicas[0], QUIET), "it is lost for its own server")
    await until(lambda: found(replicas[1], BEATING), "the other one is not")  # or not again, where a machine stalls
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    # Its writer goes to the other server, where its first message takes the mark away for both.
    moved = replicas[1].Ingest()
    await moved.write(open_writer(2, QUIET, writer_id=QUIET))
    assert (await moved.read()).opened.durable_sequence == 1
    await moved.write(HEARTBEAT)
    await until(lambda: found(replicas[0], QUIET), "it is back")
    for stream in (*streams, moved):
        stream.cancel()


async def begun(replica: Any, run_id: str) -> Any:
    """A stream that has started a run."""
    stream = replica.Ingest()
    await stream.write(open_writer(1, run_id, writer_id=run_id))
    assert (await stream.read()).opened.heartbeat_interval_ms == 1000
    await stream.write(append(0, start()))
    assert (await stream.read()).acknowledged.durable_sequence == 1
    return stream


async def beat(stream: Any) -> None:
    while True:
        await stream.write(HEARTBEAT)
        await asyncio.sleep(0.2)


async def lost(replica: Any, run_id: str) -> bool:
    run = (await replica.GetRun(rpc.GetRunRequest(run_id=run_id))).run
    return bool(run.lost_since_us)


async def found(replica: Any, run_id: str) -> bool:
    return not await lost(replica, run_id)


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Return when the condition holds. Raises AssertionError when it does not, in half a minute."""
    try:
        async with asyncio.timeout(30):
            while not await condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not in 30 s: {what}") from None
