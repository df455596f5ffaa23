"""Attack 30 over the wire: who knows a writer id and a run can neither rewrite nor extend what that writer recorded."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from support.refusals import refused
from support.tracking_service import RUN, WRITER, append, open_writer, params, points, series, start
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.core.auth.principal import Principal, Role
from trackway_server.core.clock import SystemClock
from trackway_server.core.rpc.server import build_server
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.module import open_module

SUMS = [zlib.crc32(bytes([number])).to_bytes(4, "little") for number in range(6)]
PREFIX = zlib.crc32(b"".join(SUMS[:4]))


class NamedAuthenticator:
    """Takes callers for who they say they are."""

    async def authenticate(self, authorization: str | None) -> Principal:
        return Principal(authorization or "anyone", {"default": Role.EDITOR})


@pytest.fixture
async def tracking(tmp_path: Path) -> AsyncIterator[Any]:
    """A service on which ann's writer has recorded a run."""
    async with open_module(TrackingSettings(data_dir=tmp_path), SystemClock()) as binding:
        server = build_server([binding], NamedAuthenticator())
        port = server.listen_tcp("127.0.0.1", 0)
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = TrackingServiceStub(channel)
            records = start(), series(0), params(lr="0.1"), points([1.0], 0, at=3)
            recorded = append(0, *records, record_checksums=b"".join(SUMS[:4]))
            assert await told(stub, "ann", open_writer(10), recorded) == "OK"
            yield stub
        await server.stop(grace=1.0)


async def told(stub: Any, who: str, *messages: Any) -> str:
    """How a stream of these messages ends."""
    stream = stub.Ingest(metadata=(("authorization", who),))
    try:
        for message in messages:
            await stream.write(message)
            if (await stream.read()).HasField("refused"):
                break
        await stream.done_writing()
        while await stream.read() is not grpc.aio.EOF:
            pass
    except grpc.aio.AioRpcError as error:
        return refused(error).reason
    return "OK"


OVERWRITE = append(0, start(), series(0), params(lr="666"), points([6.0], 0, at=3))
EXTEND = append(4, params(evil="1"), record_checksums=SUMS[4], prefix_checksum=PREFIX)


@pytest.mark.parametrize(
    ("who", "messages", "reason"),
    [
        ("eve", [open_writer(11), EXTEND], "WRITER_FOREIGN"),
        ("eve", [open_writer(2**63 - 1), EXTEND], "WRITER_FOREIGN"),
        ("ann", [open_writer(10), EXTEND], "WRITER_FENCED"),
        ("ann", [open_writer(11, run_id="e" * 32), EXTEND], "WRITER_FOREIGN"),
        ("ann", [open_writer(11, workspace="other"), EXTEND], "WORKSPACE_NOT_FOUND"),
        ("ann", [open_writer(11, writer_id=WRITER.upper()), EXTEND], "INVALID_FIELD"),
        ("ann", [open_writer(11), append(3, params(evil="1"), record_checksums=SUMS[5])], "WRITER_DIVERGED"),
        ("ann", [open_writer(11), append(5, params(evil="1"))], "SEQUENCE_GAP"),
        ("ann", [open_writer(11), OVERWRITE], "OK"),  # what is there already is passed over
    ],
)
async def test_a_writers_history_stays_as_it_is(tracking: Any, who: str, messages: list[Any], reason: str) -> None:
    assert await told(tracking, who, *messages) == reason
    run = (await tracking.GetRun(rpc.GetRunRequest(run_id=RUN))).run
    assert {param: run.params[param] for param in run.params} == {"lr": "0.1"}
    chunks = [
        part.points
        async for part in tracking.ReadSeries(rpc.ReadSeriesRequest(run_ids=[RUN], series={"keys": ["loss"]}))
    ]
    assert [value for chunk in chunks for value in chunk.values] == [1.0]
    more = append(4, params(later="1"), record_checksums=SUMS[4], prefix_checksum=PREFIX)
    assert await told(tracking, "ann", open_writer(2**62), more) == "OK"


async def test_another_writer_of_the_run_is_another_writer(tracking: Any) -> None:
    """Who may write the run may add to it under an id of their own; it is listed as theirs."""
    opening = open_writer(1, writer_id="1" * 32)
    assert await told(tracking, "eve", opening, append(0, series(0), points([6.0], 0, at=1))) == "OK"
    writers = (await tracking.ListWriters(rpc.ListWritersRequest(run_id=RUN))).writers
    assert [writer.writer_id for writer in writers] == ["1" * 32, WRITER]
