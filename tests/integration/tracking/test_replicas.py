"""Two Tracking servers on one PostgreSQL: for a writer they are one, whichever it reaches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from pydantic import SecretStr

from support.postgres import opened_postgres, postgres_database
from support.tracking_service import RUN, append, open_writer, params, points, series, start
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.core.auth.authenticator import InsecureAuthenticator
from trackway_server.core.clock import SystemClock
from trackway_server.core.rpc.server import build_server
from trackway_server.metrics.domain.records import SeriesDefinition, WriterCursor
from trackway_server.metrics.domain.summaries import SUMMARY
from trackway_server.metrics.query import MetricQueries
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.domain.model import RunStart
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.runs import start_run
from trackway_server.tracking.module import open_module
from trackway_server.tracking.store.sql import SqlTracking


@pytest.fixture
def url() -> Iterator[str]:
    with postgres_database() as url:
        yield url


@pytest.fixture
async def replicas(url: str, tmp_path: Path) -> AsyncIterator[list[Any]]:
    async with AsyncExitStack() as stack:
        stubs = []
        for name in ("one", "two"):
            settings = TrackingSettings(data_dir=tmp_path / name, database_url=SecretStr(url))
            binding = await stack.enter_async_context(open_module(settings, SystemClock()))
            server = build_server([binding], InsecureAuthenticator())
            port = server.listen_tcp("127.0.0.1", 0)
            await server.start()
            stack.push_async_callback(server.stop, grace=1.0)
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
            stubs.append(TrackingServiceStub(await stack.enter_async_context(channel)))
        yield stubs


async def opened(replica: Any, epoch: int, durable: int, **fields: Any) -> Any:
    """A stream whose opening has been answered, with this durable sequence."""
    stream = replica.Ingest()
    await stream.write(open_writer(epoch, **fields))
    assert (await stream.read()).opened.durable_sequence == durable
    return stream


async def stored(replica: Any) -> list[float]:
    chunks = [
        part.points
        async for part in replica.ReadSeries(rpc.ReadSeriesRequest(run_ids=[RUN], series={"keys": ["loss"]}))
    ]
    return [value for chunk in chunks for value in chunk.values]


async def test_a_writer_reconnects_to_either_and_each_fences_the_other(replicas: list[Any]) -> None:
    stream = await opened(replicas[0], 1, 0)
    await stream.write(append(0, start(), series(0)))
    assert (await stream.read()).acknowledged.durable_sequence == 2
    durable = 2
    for epoch in range(2, 10):
        newer = await opened(replicas[epoch % 2], epoch, durable)
        await stream.write(append(durable, points([-1.0], 0)))
        assert (await stream.read()).refused.durable_sequence == durable  # fenced by the other server
        await stream.done_writing()
        stream = newer
        overlap = max(2, durable - 1)  # what is there already is sent again
        values = [float(number) for number in range(overlap, durable + 2)]
        await stream.write(append(overlap, points(values, 0), count=len(values)))
        assert (await stream.read()).acknowledged.durable_sequence == durable + 2
        durable += 2
    await stream.done_writing()
    assert await stored(replicas[0]) == await stored(replicas[1]) == [float(number) for number in range(2, durable)]
    for replica in replicas:
        (loss,) = (await replica.GetRun(rpc.GetRunRequest(run_id=RUN))).run.metrics
        assert (loss.count, loss.last_value) == (durable - 2, durable - 1)


async def test_many_writers_of_one_run_over_both(replicas: list[Any]) -> None:
    """They start it at the same time, define the same series, and both servers fold and are read meanwhile."""
    writers, rounds = 8, 5

    async def write(number: int) -> None:
        writer_id, durable = f"{number:032x}", 0
        for epoch in range(1, rounds + 1):
            stream = await opened(replicas[(number + epoch) % 2], epoch, durable, writer_id=writer_id)
            first = [start(experiment_name="together"), series(0), series(1, "acc"), params(shared="1")]
            records = [*(first if epoch == 1 else []), points([float(number)], 0), points([float(epoch)], 1)]
            await stream.write(append(durable, *records))
            durable += len(records)
            assert (await stream.read()).acknowledged.durable_sequence == durable
            await stream.done_writing()
            await replicas[epoch % 2].GetRun(rpc.GetRunRequest(run_id=RUN))

    await asyncio.gather(*(write(number) for number in range(writers)))
    for replica in replicas:
        run = (await replica.GetRun(rpc.GetRunRequest(run_id=RUN))).run
        assert {series.key: series.count for series in run.metrics} == {"loss": 40, "acc": 40}
        assert (dict(run.params), run.refused_count) == ({"shared": "1"}, 0)
        assert sorted(await stored(replica)) == sorted([float(number) for number in range(writers)] * rounds)


async def test_an_experiment_that_two_servers_make_at_once_is_one(url: str) -> None:
    async with opened_postgres("tracking", url) as first, opened_postgres("tracking", url) as second:
        stores = [SqlTracking(first), SqlTracking(second)]
        begin = RunStart(experiment_name="new", start_time_us=1)
        starts = [
            stores[number % 2].write(lambda unit, number=number: start_run(unit, "default", f"{number:032x}", begin, 1))
            for number in range(16)
        ]
        runs = await asyncio.gather(*starts)
        assert len({run.experiment_id for run, _ in runs}) == 1


async def test_summaries_are_folded_once_whoever_folds(url: str) -> None:
    """Two servers fold one subject while points arrive through both: a lost or doubled one would be miscounted."""
    cursor = WriterCursor("b" * 32, RUN, "admin", "default", 1, 0, 0, {}, 1)
    async with opened_postgres("tracking", url) as first, opened_postgres("tracking", url) as second:
        stores = [SqlTracking(first), SqlTracking(second)]

        def define(unit: TrackingUnit) -> int:
            unit.metrics.put_writer(cursor)
            return int(unit.metrics.define_series(cursor, [SeriesDefinition(0, 0, "loss", "")])[0])

        one_point = np.zeros(1, dtype=SUMMARY)
        one_point["series"], one_point["count"] = await stores[0].write(define), 1

        async def add(store: SqlTracking) -> None:
            for _ in range(30):
                await store.write(lambda unit: unit.metrics.add_unfolded(RUN, one_point))

        async def fold(store: SqlTracking) -> None:
            for _ in range(15):
                await MetricQueries(store).fold(None)

        await asyncio.gather(*(work(store) for store in stores for work in (add, add, fold, fold)))
        await asyncio.gather(*(MetricQueries(store).fold(None) for store in stores))
        (folded,) = await stores[0].read(lambda unit: unit.metrics.summaries([int(one_point["series"][0])]))
        assert folded["count"] == 120
