"""Ingest over a real gRPC connection: opening, acknowledging, and refusals that arrive before their status."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from support.refusals import refused
from support.tracking_service import RUN, append, open_writer, params, points, series, start
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.core.auth.authenticator import InsecureAuthenticator
from trackway_server.core.clock import SystemClock
from trackway_server.core.rpc.server import build_server
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.module import open_module


@pytest.fixture
async def tracking(tmp_path: Path) -> AsyncIterator[Any]:
    async with open_module(TrackingSettings(data_dir=tmp_path), SystemClock()) as binding:
        server = build_server([binding], InsecureAuthenticator())
        port = server.listen_tcp("127.0.0.1", 0)
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield TrackingServiceStub(channel)
        await server.stop(grace=1.0)


async def opened(tracking: Any, epoch: int, **fields: Any) -> Any:
    """A stream whose opening has been answered."""
    stream = tracking.Ingest()
    await stream.write(open_writer(epoch, **fields))
    assert (await stream.read()).HasField("opened")
    return stream


async def begin(tracking: Any) -> Any:
    stream = await opened(tracking, 1)
    await stream.write(append(0, start(), series(0)))
    assert (await stream.read()).acknowledged.durable_sequence == 2
    return stream


async def status_of(stream: Any) -> Any:
    """The refusal that ends a stream, after its half-close."""
    await stream.done_writing()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        while await stream.read() is not grpc.aio.EOF:
            pass
        await stream
    return refused(caught.value)


async def test_points_are_acknowledged_and_read_back(tracking: Any) -> None:
    stream = await begin(tracking)
    values = np.random.default_rng(0).normal(size=200_000)
    for first in range(0, len(values), 50_000):
        block = points(values[first : first + 50_000].tolist(), 0, first_step=first)
        await stream.write(append(2 + first, block, count=50_000))
    durable = 2
    while durable < 2 + len(values):
        durable = (await stream.read()).acknowledged.durable_sequence
    await stream.done_writing()
    assert await stream.read() is grpc.aio.EOF
    assert await stream.code() is grpc.StatusCode.OK
    chunks = [
        part.points
        async for part in tracking.ReadSeries(rpc.ReadSeriesRequest(run_ids=[RUN], series={"keys": ["loss"]}))
    ]
    assert np.array_equal(np.concatenate([np.asarray(chunk.values) for chunk in chunks]), values)
    run = (await tracking.GetRun(rpc.GetRunRequest(run_id=RUN))).run
    assert (run.metrics[0].count, run.metrics[0].last_step) == (len(values), len(values) - 1)


async def test_a_newer_stream_fences_the_older(tracking: Any) -> None:
    older = await begin(tracking)
    newer = await opened(tracking, 2)
    await older.write(append(2, params(a="1")))
    answer = (await older.read()).refused
    assert (answer.durable_sequence, answer.retryable) == (2, False)
    ended = await status_of(older)
    assert (ended.code, ended.reason) == (grpc.StatusCode.ABORTED, "WRITER_FENCED")
    assert ended.metadata["epoch"] == "2"
    await newer.write(append(2, params(a="2")))
    assert (await newer.read()).acknowledged.durable_sequence == 3
    await newer.done_writing()


async def test_a_gap_is_told_with_what_is_durable(tracking: Any) -> None:
    stream = await begin(tracking)
    await stream.write(append(7, params(a="1")))
    answer = (await stream.read()).refused
    assert answer.durable_sequence == 2
    ended = await status_of(stream)
    assert (ended.code, ended.reason) == (grpc.StatusCode.OUT_OF_RANGE, "SEQUENCE_GAP")
    assert ended.metadata["durable_sequence"] == "2"


async def test_the_refusal_arrives_while_the_client_writes_on(tracking: Any) -> None:
    stream = await opened(tracking, 1)
    for number in range(50):
        await stream.write(append(number, params(a="1")))
    answer = (await stream.read()).refused
    assert answer.retryable
    ended = await status_of(stream)
    assert (ended.code, ended.reason) == (grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND")


async def test_a_client_that_does_not_half_close_gets_the_status_all_the_same(tracking: Any) -> None:
    stream = await opened(tracking, 1)
    await stream.write(append(0, params(a="1")))
    assert (await stream.read()).HasField("refused")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        while await stream.read() is not grpc.aio.EOF:
            pass
        await stream
    assert refused(caught.value).reason == "RUN_NOT_FOUND"


async def test_a_message_that_breaks_a_limit_is_a_refusal_too(tracking: Any) -> None:
    stream = await begin(tracking)
    await stream.write(append(2, count=0))
    answer = (await stream.read()).refused
    assert answer.durable_sequence == 2
    ended = await status_of(stream)
    assert (ended.code, ended.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")


async def test_a_cancelled_stream_keeps_what_was_acknowledged(tracking: Any) -> None:
    stream = await begin(tracking)
    await stream.write(append(2, params(a="1")))
    assert (await stream.read()).acknowledged.durable_sequence == 3
    stream.cancel()
    again = tracking.Ingest()
    await again.write(open_writer(2))
    assert (await again.read()).opened.durable_sequence == 3
    await again.done_writing()
