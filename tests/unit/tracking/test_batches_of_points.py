"""LogBatch with points, over every store: stored once, with the rest of the batch, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.tracking_service import RUN, Clock, call, params, points, series
from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway_server.core.auth.principal import Principal, Role
from trackway_server.core.errors import DomainError, Reason
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.module import serve

WRITER, OTHER_WRITER = "ab" * 16, "cd" * 16


@pytest.fixture(params=ADAPTERS)
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    async with open_tracking_store(request.param, tmp_path) as store:
        async with serve(store, TrackingSettings(), Clock()) as binding:
            await binding.servicer.CreateRun(rpc.CreateRunRequest(run_id=RUN), call())
            yield binding.servicer


def records(*given: ingest_pb2.Record, **fields: Any) -> ingest_pb2.AppendRecords:
    for number, record in enumerate(given):
        record.sequence_offset = number
    return ingest_pb2.AppendRecords(**{"record_count": len(given), **fields}, records=given)


def two_points(*values: float) -> ingest_pb2.AppendRecords:
    return records(series(0, "loss"), points(values or (0.5, 0.25), 0, one_record=True))


async def log(service: Any, *, caller: Any = None, **fields: Any) -> None:
    request = rpc.LogBatchRequest(**{"run_id": RUN, "writer_id": WRITER, **fields})
    await service.LogBatch(request, caller or call())


async def stored(service: Any) -> list[float]:
    request = rpc.ReadSeriesRequest(run_ids=[RUN], series={"keys": ["loss"]})
    try:
        return [value async for answer in service.ReadSeries(request, call()) for value in answer.points.values]
    except DomainError as refused:
        assert refused.reason is Reason.SERIES_NOT_FOUND
        return []


async def run(service: Any) -> Any:
    return (await service.GetRun(rpc.GetRunRequest(run_id=RUN), call())).run


async def refusal(service: Any, **fields: Any) -> Reason:
    with pytest.raises(DomainError) as refused:
        await log(service, **fields)
    return refused.value.reason


async def test_points_are_stored_once_with_what_else_is_in_the_batch(service: Any) -> None:
    param = ingest_pb2.ParamsSet(params={"lr": "0.1"})
    for _ in range(2):
        await log(service, params=param, points=two_points(), writer_labels={"by": "me"})
    assert await stored(service) == [0.5, 0.25]
    found = await run(service)
    assert (dict(found.params), found.metrics[0].count, found.metrics[0].last_value) == ({"lr": "0.1"}, 2, 0.25)
    await log(service, points=two_points(), writer_id=OTHER_WRITER)
    assert sorted(await stored(service)) == [0.25, 0.25, 0.5, 0.5]


async def test_what_is_refused_leaves_nothing(service: Any) -> None:
    await log(service, params=ingest_pb2.ParamsSet(params={"lr": "0.1"}))
    other = ingest_pb2.ParamsSet(params={"lr": "0.2"})
    assert await refusal(service, params=other, points=two_points()) is Reason.PARAM_IMMUTABLE
    new = ingest_pb2.ParamsSet(params={"new": "1"})
    undefined = records(points((1.0,), 0))
    assert await refusal(service, params=new, points=undefined) is Reason.SERIES_UNDEFINED
    assert await refusal(service, params=new, points=records(series(0, ""))) is Reason.INVALID_FIELD
    assert await refusal(service, params=new, points=records(params(a="1"))) is Reason.INVALID_FIELD
    assert await refusal(service, params=new, points=two_points(), writer_id="") is Reason.INVALID_FIELD
    later = records(series(0, "loss"), first_sequence=5)
    assert await refusal(service, params=new, points=later) is Reason.INVALID_FIELD
    assert await stored(service) == []
    assert dict((await run(service)).params) == {"lr": "0.1"}


async def test_a_writer_says_one_thing_and_belongs_to_one_principal(service: Any) -> None:
    await log(service, points=two_points())
    longer = records(series(0, "loss"), series(1, "more"), points((1.0,), 0, one_record=True))
    assert await refusal(service, points=longer) is Reason.WRITER_DIVERGED
    somebody = call(Principal("somebody", {"default": Role.EDITOR}))
    assert await refusal(service, points=two_points(), caller=somebody) is Reason.WRITER_FOREIGN
    assert await stored(service) == [0.5, 0.25]


async def test_points_need_a_run_that_takes_them(service: Any) -> None:
    assert await refusal(service, run_id="e" * 32, points=two_points()) is Reason.RUN_NOT_FOUND
    stranger = call(Principal("stranger", {"other": Role.ADMIN}))
    assert await refusal(service, points=two_points(), caller=stranger) is Reason.RUN_NOT_FOUND
    await service.DeleteRun(rpc.DeleteRunRequest(run_id=RUN), call())
    assert await refusal(service, points=two_points()) is Reason.RUN_DELETED
