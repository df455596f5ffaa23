"""What LivenessRows promises, on every adapter, and the rounds of several servers beside one another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.tracking_service import RUN, WRITER, Clock
from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway_server.core.telemetry import Telemetry
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.domain.records import SubjectRecord, WriterCursor
from trackway_server.metrics.liveness import Liveness
from trackway_server.tracking.domain.model import RunStart, RunStatus, StatusChange
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.runs import create_run, delete_run, find_run, load_runs, update_run
from trackway_server.tracking.purging import PurgedRun, Purger

SECOND = 1_000_000
MANY = [f"{number:032x}" for number in range(1_000)]


@pytest.fixture(params=ADAPTERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Transactions[TrackingUnit]]:
    async with open_tracking_store(request.param, tmp_path) as opened:
        yield opened


def by_stream(unit: TrackingUnit, now_us: int, *payloads: object) -> None:
    writer = WriterCursor(WRITER, RUN, "admin", "default", 1)
    unit.subjects.apply(writer, [SubjectRecord(n, payload) for n, payload in enumerate(payloads)], [], now_us)


async def rounds(store: Transactions[TrackingUnit], clock: Clock, seconds: int) -> int:
    """Hold rounds for so long, with nobody heard; how many runs were marked."""
    server, marked = Liveness(store, clock, 120, Telemetry(), "tracking"), 0
    for _ in range(seconds // 10):
        clock.time_us += 10 * SECOND
        marked += await server.hold_round()
    return marked


async def lost_since(store: Transactions[TrackingUnit]) -> int:
    return await store.read(lambda unit: load_runs(unit, [find_run(unit, "default", RUN)])[0].lost_since_us)


async def test_what_is_heard_is_never_noted_earlier_and_takes_the_mark_away(store) -> None:
    def work(unit: TrackingUnit) -> None:
        unit.liveness.hear([RUN, "x" * 32], [], 100)
        unit.liveness.hear([RUN], [], 50)
        assert unit.liveness.silent(101, 10) == sorted([RUN, "x" * 32])
        assert unit.liveness.silent(100, 10) == []
        assert unit.liveness.mark([RUN], 100) == 0
        assert unit.liveness.mark([RUN], 101) == 1
        assert unit.liveness.mark([RUN], 101) == 0
        assert unit.liveness.silent(101, 10) == ["x" * 32]
        assert unit.liveness.lost_since([RUN, "x" * 32]) == {RUN: 100}
        unit.liveness.forget(["x" * 32], 100)
        assert unit.liveness.awaits_any()
        unit.liveness.forget(["x" * 32], 101)
        assert not unit.liveness.awaits_any()
        unit.liveness.hear([RUN], [], 200)
        assert unit.liveness.lost_since([RUN]) == {}
        unit.liveness.forget([RUN])
        assert unit.liveness.silent(300, 10) == []

    await store.write(work)


async def test_many_at_once(store) -> None:
    await store.write(lambda unit: unit.liveness.hear(MANY, MANY, 5))
    assert await store.read(lambda unit: unit.liveness.silent(6, 700)) != []
    assert await store.write(lambda unit: unit.liveness.mark(MANY, 6)) == len(MANY)
    assert await store.read(lambda unit: unit.liveness.lost_since(MANY)) == dict.fromkeys(MANY, 5)
    await store.write(lambda unit: unit.liveness.forget(MANY))
    assert await store.read(lambda unit: unit.liveness.lost_since(MANY)) == {}


async def test_silence_counts_from_the_end_of_the_last_pause_of_all_servers(store) -> None:
    async def listen(now_us: int) -> int:
        return await store.write(lambda unit: unit.liveness.listen(now_us, 30))

    assert await listen(1_000) == 1_000
    assert await listen(1_030) == 1_000
    assert await listen(1_025) == 1_000  # the clock of another server
    assert await listen(1_060) == 1_000
    assert await listen(1_091) == 1_091
    assert await listen(500) == 500  # the clock was put back


async def test_a_silent_run_is_lost_and_comes_back(store) -> None:
    clock = Clock(10**15)
    await store.write(lambda unit: by_stream(unit, clock.now_us(), RunStart()))
    assert await rounds(store, clock, 100) == 0
    assert await rounds(store, clock, 200) == 1
    assert await lost_since(store) > 10**15 - SECOND
    server = Liveness(store, clock, 120, Telemetry(), "tracking")
    server.heard(RUN, WRITER)
    await server.hold_round()
    assert await lost_since(store) == 0


async def test_only_running_runs_that_a_stream_wrote_are_lost(store) -> None:
    clock = Clock(10**15)

    def work(unit: TrackingUnit) -> None:
        create_run(unit, "default", "a" * 32, RunStart(), 1)
        by_stream(unit, clock.now_us(), RunStart(), StatusChange(RunStatus.FINISHED))

    await store.write(work)
    # Resumed by a call, not by a stream: nobody is expected to speak.
    change = StatusChange(RunStatus.RUNNING)
    await store.write(lambda unit: update_run(unit, "default", RUN, change, "", 1))
    assert await rounds(store, clock, 300) == 0
    await store.write(lambda unit: by_stream(unit, clock.now_us(), StatusChange(RunStatus.RUNNING)))
    await store.write(lambda unit: delete_run(unit, "default", RUN))
    assert await rounds(store, clock, 300) == 0
    assert not await store.read(lambda unit: unit.liveness.awaits_any())


async def test_servers_hold_rounds_beside_one_another(store) -> None:
    clock = Clock(10**15)
    await store.write(lambda unit: by_stream(unit, clock.now_us(), RunStart()))
    servers = [Liveness(store, clock, 120, Telemetry(), "tracking") for _ in range(4)]
    marked: list[int] = []
    for number in range(30):
        clock.time_us += 10 * SECOND
        for place, server in enumerate(servers):
            for run_id in (MANY[:200], [RUN] if number < 3 else [])[place % 2]:
                server.heard(run_id, run_id)
        marked += await asyncio.gather(*(server.hold_round() for server in servers))
    assert sum(marked) == 1
    assert await lost_since(store) > 10**15 + 20 * SECOND


async def test_a_lost_run_that_goes_for_good_is_forgotten(store) -> None:
    clock = Clock(10**15)
    await store.write(lambda unit: by_stream(unit, clock.now_us(), RunStart()))
    assert await rounds(store, clock, 300) == 1
    await store.write(lambda unit: delete_run(unit, "default", RUN))
    purged = [one async for one in Purger(store, clock, 0).purge()]
    assert purged == [PurgedRun(RUN, 0)]
    assert await store.read(lambda unit: unit.liveness.lost_since([RUN])) == {}
