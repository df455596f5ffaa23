"""ReadSeries, ReadBuckets, ReadAggregates, ReadValues and Follow, in this process, over every store, from segments and
from chunks."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.tracking_service import RUN, Clock, append, bits, call, ingest, open_writer, points, series, start
from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway.api.metrics.v1 import ingest_pb2 as pb
from trackway.api.metrics.v1 import series_pb2
from trackway.api.tracking.v1 import resources_pb2
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway_server.core.auth.principal import Principal, Role
from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.compaction import CompactionLimits, SubjectCompaction
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.module import serve

OTHER_RUN = "e" * 32
RANKS = 4
STEPS = 50
ANY = {"keys": ["loss"], "any_context": True}


@dataclass
class Served:
    """The service and its store."""

    service: Any
    store: Transactions[TrackingUnit]

    async def compact(self) -> None:
        for run in (RUN, OTHER_RUN):
            compaction = SubjectCompaction(self.store, Clock(), "test", CompactionLimits(points_per_series=0))
            while await compaction.step(run):
                pass

    async def all(self, method: str, request: Any) -> list[Any]:
        return [answer async for answer in getattr(self.service, method)(request, call())]


@pytest.fixture(params=ADAPTERS)
async def served(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Served]:
    async with open_tracking_store(request.param, tmp_path) as store:
        settings = TrackingSettings(follow_poll_seconds=0.01)
        async with serve(store, settings, Clock()) as binding:
            yield Served(binding.servicer, store)


@pytest.fixture(params=["segments", "chunks"])
async def ranks(request: pytest.FixtureRequest, served: Served) -> Served:
    """Two runs; in the first, four ranks log `loss` of 50 steps, and the first rank `acc` without a context."""
    for rank in range(RANKS):
        values = [float(step * 10 + rank) for step in range(STEPS)]
        records = [series(0, "loss", rank=str(rank)), points(values, 0, at=3)]
        records += [series(1, "acc"), points([0.5, math.nan], 1, at=3 + STEPS, first_step=10)] if not rank else []
        count = 3 + STEPS + (3 if not rank else 0)
        if not rank:
            records[2].sequence_offset = 2
        message = append(0, start(), *records, count=count)
        answers = await ingest(served.service, [open_writer(1, writer_id=f"{rank}" * 32), message])
        assert answers.error is None
        assert answers.durable == count
        assert not answers.refused_records
    message = append(0, start(), series(0, "loss", rank="0"), points([1.0, 2.0], 0, at=2), count=4)
    assert (await ingest(served.service, [open_writer(1, OTHER_RUN, "f" * 32), message])).error is None
    if request.param == "chunks":
        await served.compact()
    return served


async def test_many_series_of_many_runs_in_one_call(ranks: Served) -> None:
    request = rpc.ReadSeriesRequest(run_ids=[RUN, OTHER_RUN, RUN], series={"any_context": True})
    found = [answer.points for answer in await ranks.all("ReadSeries", request)]
    assert [(one.subject_id, one.key, dict(one.context)) for one in found] == [
        (RUN, "acc", {}),
        *((RUN, "loss", {"rank": one.context["rank"]}) for one in found[1:5]),
        (OTHER_RUN, "loss", {"rank": "0"}),
    ]
    assert {one.context["rank"] for one in found[1:5]} == {"0", "1", "2", "3"}
    of_rank = next(one for one in found if one.context.get("rank") == "3")
    assert list(of_rank.values) == [float(step * 10 + 3) for step in range(STEPS)]
    assert bits(found[0].values) == bits([0.5, math.nan])


async def test_points_are_chosen_by_step_and_by_time(ranks: Served) -> None:
    chosen = {"keys": ["loss"], "context": {"rank": "1"}}
    for limits, steps in (
        ({"min_step": 10, "max_step": 12}, [10, 11, 12]),
        ({"max_step": -1}, []),
        ({"min_step": 48}, [48, 49]),
        ({"min_time_us": 8}, []),
        ({"max_time_us": 7, "max_step": 0}, [0]),
    ):
        request = rpc.ReadSeriesRequest(run_ids=[RUN], series=chosen, range=limits)
        answers = await ranks.all("ReadSeries", request)
        assert [step for answer in answers for step in answer.points.steps] == steps


async def test_buckets_of_series_and_of_writers(ranks: Served) -> None:
    request = rpc.ReadBucketsRequest(run_ids=[RUN], series=ANY, max_buckets=7)
    found = [answer.buckets for answer in await ranks.all("ReadBuckets", request)]
    assert len(found) == RANKS
    one = next(each for each in found if each.context["rank"] == "2")
    assert one.level == 3
    assert list(one.counts) == [8] * 6 + [2]
    assert list(one.first_steps) == [0, 8, 16, 24, 32, 40, 48]
    assert list(one.last_steps) == [7, 15, 23, 31, 39, 47, 49]
    assert list(one.first_values) == [float(step * 10 + 2) for step in one.first_steps] == list(one.min_values)
    assert list(one.max_steps) == list(one.last_steps)
    assert sum(one.sums) == sum(step * 10 + 2 for step in range(STEPS))
    request = rpc.ReadBucketsRequest(run_ids=[RUN], series={"keys": ["acc"]}, by_writer=True, axis=series_pb2.AXIS_TIME)
    (buckets,) = [answer.buckets for answer in await ranks.all("ReadBuckets", request)]
    assert buckets.writer_id == "0" * 32
    assert list(buckets.nan_counts) == [1]
    assert (list(buckets.first_values), list(buckets.last_steps)) == ([0.5], [11])
    assert bits(buckets.last_values) == bits([math.nan])


async def test_ranks_come_together_step_by_step(ranks: Served) -> None:
    request = rpc.ReadAggregatesRequest(run_ids=[RUN, OTHER_RUN], series=ANY, across_context_keys=["rank"])
    found = [answer.aggregate for answer in await ranks.all("ReadAggregates", request)]
    assert [(one.subject_id, one.member_count, dict(one.context)) for one in found] == [
        (RUN, RANKS, {}),
        (OTHER_RUN, 1, {}),
    ]
    assert list(found[0].first_steps) == list(found[0].last_steps) == list(range(STEPS))
    assert set(found[0].counts) == {RANKS}
    assert list(found[0].min_values) == [step * 10.0 for step in range(STEPS)]
    assert list(found[0].mean_values) == [step * 10 + 1.5 for step in range(STEPS)]
    assert list(found[0].max_values) == [step * 10.0 + 3 for step in range(STEPS)]
    request.max_buckets = 7
    (buckets, _) = [answer.aggregate for answer in await ranks.all("ReadAggregates", request)]
    assert list(buckets.counts) == [32] * 6 + [8]
    assert list(buckets.max_values) == [step * 10.0 + 3 for step in (7, 15, 23, 31, 39, 47, 49)]
    assert buckets.mean_values[0] == np.mean([step * 10 + rank for step in range(8) for rank in range(4)])
    apart = rpc.ReadAggregatesRequest(run_ids=[RUN], series=ANY)
    assert len(await ranks.all("ReadAggregates", apart)) == RANKS


async def test_writers_of_one_series_come_together(served: Served) -> None:
    for number, value in enumerate([1.0, 5.0]):
        message = append(0, start(), series(0), points([value, value * 10], 0, at=2), count=4)
        assert (await ingest(served.service, [open_writer(1, writer_id=f"{number}" * 32), message])).error is None
    request = rpc.ReadAggregatesRequest(run_ids=[RUN], series={"keys": ["loss"]}, across_writers=True)
    (found,) = [answer.aggregate for answer in await served.all("ReadAggregates", request)]
    assert (found.member_count, list(found.counts)) == (2, [2, 2])
    assert (list(found.min_values), list(found.mean_values)) == ([1.0, 10.0], [3.0, 30.0])
    request.across_writers = False
    (found,) = [answer.aggregate for answer in await served.all("ReadAggregates", request)]
    assert (found.member_count, list(found.counts)) == (1, [1, 1])


async def test_values_at_steps(ranks: Served) -> None:
    request = rpc.ReadValuesRequest(
        run_ids=[RUN, OTHER_RUN], series={"any_context": True}, steps=[60, 1, 11, -1], match=rpc.STEP_MATCH_EXACT
    )
    found = [answer.values for answer in await ranks.all("ReadValues", request)]
    assert [(one.subject_id[0], one.key, list(one.asked_steps)) for one in found] == [
        ("0", "acc", [11]),
        *[("0", "loss", [1, 11])] * RANKS,
        ("e", "loss", [1]),
    ]
    request.match = rpc.STEP_MATCH_AT_OR_BEFORE
    found = [answer.values for answer in await ranks.all("ReadValues", request)]
    assert [(list(one.asked_steps), list(one.steps)) for one in found] == [
        ([11, 60], [11, 11]),
        *[([1, 11, 60], [1, 11, 49])] * RANKS,
        ([1, 11, 60], [1, 1, 1]),
    ]


async def test_what_is_not_there_is_told(ranks: Served) -> None:
    requests = {
        "ReadSeries": rpc.ReadSeriesRequest(run_ids=[RUN], series={"keys": ["absent"]}),
        "ReadBuckets": rpc.ReadBucketsRequest(run_ids=[RUN], series={"keys": ["loss"]}),
        "ReadAggregates": rpc.ReadAggregatesRequest(run_ids=[OTHER_RUN], series={"keys": ["acc"]}),
        "ReadValues": rpc.ReadValuesRequest(run_ids=[RUN], series={"context": {"a": "b"}}, steps=[1], match=1),
    }
    for method, request in requests.items():
        with pytest.raises(DomainError) as caught:
            await ranks.all(method, request)
        assert caught.value.reason is Reason.SERIES_NOT_FOUND
    many = rpc.ReadSeriesRequest(run_ids=[RUN], series={"keys": [f"k{number}" for number in range(10_001)]})
    with pytest.raises(DomainError) as caught:
        await ranks.all("ReadSeries", many)
    assert caught.value.reason is Reason.LIMIT_EXCEEDED


async def test_a_run_of_another_workspace_is_not_there(ranks: Served) -> None:
    stranger = call(Principal("stranger", {"elsewhere": Role.ADMIN}))
    requests = {
        "ReadSeries": rpc.ReadSeriesRequest(run_ids=[RUN]),
        "ReadBuckets": rpc.ReadBucketsRequest(run_ids=[RUN]),
        "ReadAggregates": rpc.ReadAggregatesRequest(run_ids=[RUN]),
        "ReadValues": rpc.ReadValuesRequest(run_ids=[RUN], steps=[1], match=1),
        "Follow": rpc.FollowRequest(run_ids=[RUN]),
    }
    for method, request in requests.items():
        with pytest.raises(DomainError) as caught:
            await anext(getattr(ranks.service, method)(request, stranger))
        assert caught.value.reason is Reason.RUN_NOT_FOUND


async def test_follow_gives_history_then_what_comes_and_ends_with_the_run(ranks: Served) -> None:
    request = rpc.FollowRequest(run_ids=[RUN], series=ANY, until_end=True)
    seen: list[float] = []
    position = b""
    async with aclosing(ranks.service.Follow(request, call())) as answers, asyncio.timeout(120):
        async for answer in answers:
            seen += [value for chunk in answer.points for value in chunk.values]
            if answer.caught_up and len(seen) == RANKS * STEPS:
                position = answer.position
                break
    assert sorted(seen) == sorted(float(step * 10 + rank) for step in range(STEPS) for rank in range(RANKS))
    await grow(ranks)
    resumed = rpc.FollowRequest(run_ids=[RUN], series=ANY, until_end=True, position=position)
    ended = rpc.UpdateRunRequest(run_id=RUN, status=resources_pb2.RUN_STATUS_FINISHED)
    later: list[float] = []
    async with aclosing(ranks.service.Follow(resumed, call())) as answers, asyncio.timeout(120):
        async for answer in answers:
            later += [value for chunk in answer.points for value in chunk.values]
            if later == [7.0, 8.0]:
                await ranks.service.UpdateRun(ended, call())
    assert later == [7.0, 8.0]
    resumed.series.keys[0] = "acc"
    with pytest.raises(DomainError) as caught:
        await anext(ranks.service.Follow(resumed, call()))
    assert caught.value.reason is Reason.RESUME_TOKEN_INVALID


async def grow(served: Served) -> None:
    """Two more points of the last rank."""
    first = 3 + STEPS
    more = append(first, pb.Record(points=points([7.0, 8.0], 0, first_step=100).points), count=2)
    answers = await ingest(served.service, [open_writer(2, writer_id=f"{RANKS - 1}" * 32), more])
    assert (answers.error, answers.durable) == (None, first + 2)
