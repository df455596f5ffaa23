"""Metrics of a version in production: the Ingest of the registry, and what is read of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from pydantic import SecretStr

from support.postgres import postgres_database
from support.refusals import refused
from support.registry_serving import Upstream, serve_registry, serve_upstream
from support.registry_worlds import SOURCE
from support.tracking_service import WRITER, append, bits, open_writer, params, points, series, start
from trackway.api.common.v1.errors_pb2 import ErrorReason
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.registry.v1 import model_registry_service_pb2 as pb

ONE = {"name": "digits", "version": 1}
ODD = [0.1, float("nan"), float("-inf"), -0.0, 5e-324]


@dataclass
class Registries:
    """Registries over one database: two on PostgreSQL, on SQLite one that is named twice."""

    stubs: list[Any]


@pytest.fixture(params=["sqlite", "postgres"])
async def registries(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Registries]:
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(serve_upstream(Upstream()))
        if request.param == "sqlite":
            served = await stack.enter_async_context(serve_registry(tmp_path, upstream))
            stubs: list[Any] = [served.stub, served.stub]
        else:
            url = SecretStr(stack.enter_context(postgres_database()))
            stubs = [
                (await stack.enter_async_context(serve_registry(tmp_path, upstream, database_url=url))).stub
                for _ in range(2)
            ]
        await stubs[0].CreateModel(pb.CreateModelRequest(name="digits"))
        await stubs[0].CreateVersion(pb.CreateVersionRequest(name="digits", source=SOURCE))
        yield Registries(stubs)


async def opened(stub: Any, epoch: int, durable: int = 0, subject: str = "digits/1", **fields: Any) -> Any:
    """A stream whose opening has been answered, with this durable sequence."""
    stream = stub.Ingest()
    await stream.write(open_writer(epoch, subject, **fields))
    answer = await stream.read()
    assert answer.opened.durable_sequence == durable, answer
    assert answer.opened.heartbeat_interval_ms == 0
    return stream


async def refusal(stream: Any) -> str:
    """The reason for which a stream ends: of its message, and the same of its status."""
    answer = await stream.read()
    await stream.done_writing()
    reason = ErrorReason.Name(answer.refused.reason).removeprefix("ERROR_REASON_")
    assert not answer.refused.retryable
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await stream.read()
        await stream
    assert refused(ended.value).reason == reason
    return reason


async def refused_opening(stub: Any, subject: str, **fields: Any) -> str:
    stream = stub.Ingest()
    await stream.write(open_writer(1, subject, **fields))
    return await refusal(stream)


async def stored(stub: Any, key: str = "latency", **asked: Any) -> list[float]:
    request = pb.ReadVersionSeriesRequest(**ONE, key=key, **asked)
    return [value async for part in stub.ReadVersionSeries(request) for value in part.points.values]


async def test_points_are_stored_and_read_bit_for_bit_by_every_replica(registries: Registries) -> None:
    one, two = registries.stubs
    stream = await opened(one, 1, labels={"host": "a"})
    await stream.write(
        append(0, series(0, "latency"), series(1, "latency", replica="a"), points(ODD, 0, at=2), count=7)
    )
    assert (await stream.read()).acknowledged.durable_sequence == 7
    newer = await opened(two, 2, 7, labels={"host": "a"})  # the balancer sends it elsewhere
    await newer.write(append(5, points([9.0, 9.0, 2.5], 1), count=3))  # what is there already is sent again
    assert (await newer.read()).acknowledged.durable_sequence == 8
    await stream.write(append(7, points([3.0], 0)))
    assert await refusal(stream) == "WRITER_FENCED"
    await newer.done_writing()
    for stub in (one, two):
        assert bits(await stored(stub)) == bits(ODD)
        assert await stored(stub, context={"replica": "a"}) == [2.5]
        assert len(await stored(stub, any_context=True)) == 6
        listed = await stub.ListVersionSeries(pb.ListVersionSeriesRequest(**ONE))
        assert [(each.key, dict(each.context), each.count) for each in listed.series] == [
            ("latency", {}, 5),
            ("latency", {"replica": "a"}, 1),
        ]
        (writer,) = (await stub.ListVersionWriters(pb.ListVersionWritersRequest(**ONE))).writers
        assert (writer.writer_id, dict(writer.labels), writer.durable_sequence) == (WRITER, {"host": "a"}, 8)
        assert writer.last_heard_time_us > 0


async def test_other_records_are_refused_alone(registries: Registries) -> None:
    stub = registries.stubs[0]
    stream = await opened(stub, 1)
    await stream.write(append(0, start(), series(0, "latency"), params(lr="1"), points([1.5], 0)))
    answer = (await stream.read()).acknowledged
    assert answer.durable_sequence == 4
    assert [(each.sequence, each.reason) for each in answer.refused] == [
        (0, ErrorReason.ERROR_REASON_RECORD_UNSUPPORTED),
        (2, ErrorReason.ERROR_REASON_RECORD_UNSUPPORTED),
    ]
    assert "takes metrics and no record of the kind 'params'" in answer.refused[1].message
    await stream.write(ingest_pb2.IngestRequest(heartbeat=ingest_pb2.WriterHeartbeat()))  # without effect
    await stream.done_writing()
    assert await stream.read() is grpc.aio.EOF
    assert await stored(stub) == [1.5]


async def test_lists_have_pages(registries: Registries) -> None:
    stub = registries.stubs[0]
    for number in range(3):
        stream = await opened(stub, 1, writer_id=f"{number:032x}")
        await stream.write(append(0, series(0, f"key {number}"), points([float(number)], 0)))
        assert (await stream.read()).acknowledged.durable_sequence == 2
        await stream.done_writing()
    keys, writers, token = [], [], ""
    for _ in range(3):
        page = await stub.ListVersionSeries(pb.ListVersionSeriesRequest(**ONE, page_size=1, page_token=token))
        keys += [each.key for each in page.series]
        token = page.next_page_token
    assert (keys, token) == (["key 0", "key 1", "key 2"], "")
    for _ in range(3):
        listed = await stub.ListVersionWriters(pb.ListVersionWritersRequest(**ONE, page_size=1, page_token=token))
        writers += [each.writer_id for each in listed.writers]
        token = listed.next_page_token
    assert (writers, token) == ([f"{number:032x}" for number in range(3)], "")
    only = await stub.ListVersionSeries(pb.ListVersionSeriesRequest(**ONE, key="key 1"))
    assert [each.last_value for each in only.series] == [1.0]
    for wrong in ("x", "series/digits/1/x", "series/digits/1/" + "9" * 30, "series/other/1/1", "writers/digits/1/a"):
        with pytest.raises(grpc.aio.AioRpcError) as invalid:
            await stub.ListVersionSeries(pb.ListVersionSeriesRequest(**ONE, page_token=wrong))
        assert refused(invalid.value).reason == "PAGE_TOKEN_INVALID"


async def test_there_must_be_such_a_version(registries: Registries) -> None:
    stub = registries.stubs[0]
    assert await refused_opening(stub, "digits/2") == "MODEL_VERSION_NOT_FOUND"
    assert await refused_opening(stub, "other/1") == "MODEL_NOT_FOUND"
    assert await refused_opening(stub, "digits/1", workspace="other") == "WORKSPACE_NOT_FOUND"
    assert await refused_opening(stub, "0" * 32) == "INVALID_FIELD"  # a run's
    for request in (
        pb.ListVersionSeriesRequest(name="digits", version=2),
        pb.ListVersionWritersRequest(name="digits", version=2),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as missing:
            await getattr(stub, type(request).__name__.removesuffix("Request"))(request)
        assert refused(missing.value).reason == "MODEL_VERSION_NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await stored(stub)
    assert refused(missing.value).reason == "SERIES_NOT_FOUND"


async def test_a_version_is_written_in_any_stage_until_it_is_deleted(registries: Registries) -> None:
    one, two = registries.stubs
    stream = await opened(one, 1)
    for durable, stage in ((0, "Production"), (2, "Archived")):
        await one.TransitionStage(pb.TransitionStageRequest(**ONE, stage=stage))
        records = [*([series(0, "latency")] if not durable else []), points([1.0], 0)]
        await stream.write(append(durable, *records))
        assert (await stream.read()).acknowledged.durable_sequence == durable + len(records)
    await two.DeleteVersion(pb.DeleteVersionRequest(**ONE))
    await stream.write(append(3, points([2.0], 0)))
    assert await refusal(stream) == "MODEL_VERSION_NOT_FOUND"
    assert await refused_opening(two, "digits/1") == "MODEL_VERSION_NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as gone:
        await stored(two)
    assert refused(gone.value).reason == "MODEL_VERSION_NOT_FOUND"
    # The number is never given again: the next version begins with nothing.
    await two.CreateVersion(pb.CreateVersionRequest(name="digits", source=SOURCE))
    listed = await two.ListVersionSeries(pb.ListVersionSeriesRequest(name="digits", version=2))
    assert list(listed.series) == []


async def test_metrics_go_with_the_model_to_its_new_name_while_they_are_written(registries: Registries) -> None:
    one, two = registries.stubs
    stream = await opened(one, 1)
    await stream.write(append(0, series(0, "latency"), points([1.0], 0)))
    assert (await stream.read()).acknowledged.durable_sequence == 2
    await two.RenameModel(pb.RenameModelRequest(name="digits", new_name="numbers"))
    await stream.write(append(2, points([2.0], 0)))
    assert (await stream.read()).acknowledged.durable_sequence == 3
    await stream.done_writing()
    listed = await one.ListVersionSeries(pb.ListVersionSeriesRequest(name="numbers", version=1))
    assert [(each.key, each.count) for each in listed.series] == [("latency", 2)]
    assert await refused_opening(two, "digits/1") == "MODEL_NOT_FOUND"
    stream = await opened(two, 2, 3, subject="numbers/1")
    await stream.done_writing()
