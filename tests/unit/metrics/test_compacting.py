"""The compactor: when it works, what it leaves alone, what it tells, and that replicas do not do the same work."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from support.blocks import block
from support.tracking_service import Clock
from support.tracking_stores import open_tracking_store
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.telemetry import Telemetry
from trackway_server.metrics.chunk_codec import ChunkCorruptError, decode_rollup, decode_rows, decode_values
from trackway_server.metrics.compacting import Compactor
from trackway_server.metrics.compaction import CompactionLimits, SubjectCompaction
from trackway_server.metrics.domain.chunks import ROLLED_UP_POINTS
from trackway_server.metrics.domain.points import Block
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.domain.records import Segment, SeriesDefinition, WriterCursor
from trackway_server.metrics.domain.session import Accepted
from trackway_server.metrics.ingest import build_commit
from trackway_server.metrics.query import MetricQueries
from trackway_server.metrics.telemetry import CompactionTelemetry
from trackway_server.tracking.domain.ports import TrackingUnit

T = TypeVar("T")
RUN, WRITER = "a" * 32, "b" * 32
CURSOR = WriterCursor(WRITER, RUN, "admin", "default", 1, 1)
EVERYTHING = CompactionLimits(points_per_series=0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Transactions[TrackingUnit]]:
    async with open_tracking_store("memory", tmp_path) as opened:
        yield opened


async def commit(store: Transactions[TrackingUnit], one: Block) -> None:
    """Store a block as a commit of the writer, whose series 0 to 99 are defined with it."""
    end = int(one.sequences[-1]) + 1
    segment = build_commit([Accepted(int(one.sequences[0]), end, 0, (), (one,), (), (), 0)]).segment
    assert isinstance(segment, Segment)

    def put(unit: TrackingUnit) -> None:
        if unit.metrics.writer(WRITER) is None:
            unit.metrics.put_writer(CURSOR)
            unit.metrics.define_series(CURSOR, [SeriesDefinition(0, number, f"k{number}", "") for number in range(100)])
        unit.metrics.add_segment(WRITER, segment)

    await store.write(put)


async def trickle(store: Transactions[TrackingUnit], first: int, commits: int, series: int = 1) -> None:
    """Commits of one row each."""
    for step in range(first, first + commits):
        await commit(store, block(step, [step], {number: [float(step)] for number in range(series)}))


async def segments(store: Transactions[TrackingUnit]) -> int:
    return await store.read(lambda unit: unit.metrics.count_segments())


async def chunk_sizes(store: Transactions[TrackingUnit], key: str = "k0") -> list[int]:
    (series,) = await store.read(lambda unit: unit.metrics.series(RUN, key, None))
    entries = await store.read(lambda unit: unit.metrics.chunks([series.number], None))
    return sorted(entry.point_count for entry in entries)


async def test_points_that_trickle_in_make_few_chunks(store: Transactions[TrackingUnit]) -> None:
    compaction = SubjectCompaction(store, Clock(), "one", EVERYTHING)
    moved = 0
    for turn in range(64):
        await trickle(store, 1 + 4 * turn, 4)
        done = await compaction.step(RUN)
        assert done is not None
        moved += done.stored_bytes
        sizes = await chunk_sizes(store)
        assert sum(sizes) == 4 * (turn + 1)
        assert len(sizes) <= 7
    assert await chunk_sizes(store) == [256]


async def test_few_points_of_many_series_stay_as_they_are(store: Transactions[TrackingUnit]) -> None:
    compaction = SubjectCompaction(store, Clock(), "one", CompactionLimits(points_per_series=8))
    await trickle(store, 1, 7, series=100)
    assert await compaction.step(RUN) is None
    await trickle(store, 8, 1, series=100)
    done = await compaction.step(RUN)
    assert done is not None and (done.points, done.chunks) == (800, 100)


async def test_series_logged_together_share_their_rows(store: Transactions[TrackingUnit]) -> None:
    await trickle(store, 1, 9, series=50)
    await commit(store, block(10, [10, 11], {99: [1.0, 2.0]}))
    await SubjectCompaction(store, Clock(), "one", EVERYTHING).step(RUN)
    numbers = await store.read(lambda unit: [one.number for one in unit.metrics.series_page(RUN, "", 0, 100)])
    entries = await store.read(lambda unit: unit.metrics.chunks(numbers, None))
    assert len(entries) == 51
    assert len({entry.rows for entry in entries}) == 2


async def test_large_chunks_tell_their_buckets(store: Transactions[TrackingUnit]) -> None:
    random = np.random.default_rng(7)
    values = random.standard_normal(3 * ROLLED_UP_POINTS)
    values[100], values[2000] = np.nan, 1e9
    await commit(store, block(1, list(range(len(values))), {0: values.tolist()}))
    await SubjectCompaction(store, Clock(), "one", EVERYTHING).step(RUN)
    (series,) = await store.read(lambda unit: unit.metrics.series(RUN, "k0", None))
    (entry,) = await store.read(lambda unit: unit.metrics.chunks([series.number], None))
    packed = await store.read(lambda unit: unit.metrics.chunk_rollups([entry.number]))
    rollup = decode_rollup(packed[entry.number])
    assert rollup["count"].sum() == len(values)
    assert rollup["nan_count"].tolist() == [1, *[0] * 11]
    assert rollup["high"].max() == 1e9
    (spiked,) = rollup[rollup["high"] == 1e9]
    assert (spiked["high_at"], spiked["high_step"]) == (2000, 2000)
    assert np.allclose(rollup["sum"].sum(), np.nansum(values))


async def test_two_replicas_do_not_do_the_same_work(store: Transactions[TrackingUnit]) -> None:
    clock = Clock()
    await trickle(store, 1, 10)

    class Meanwhile:
        """The store of a compactor that another one overtakes between its lease and its move."""

        read = staticmethod(store.read)
        overtaken = False

        async def write(self, work: Callable[[TrackingUnit], T]) -> T:
            result = await store.write(work)
            if not self.overtaken:
                self.overtaken = True
                assert await SubjectCompaction(store, clock, "two", EVERYTHING).step(RUN) is None
            return result

    assert await SubjectCompaction(Meanwhile(), clock, "one", EVERYTHING).step(RUN) is not None
    assert await chunk_sizes(store) == [10]


async def test_a_lease_that_ran_out_costs_work_and_no_points(store: Transactions[TrackingUnit]) -> None:
    clock = Clock()
    await trickle(store, 1, 10)

    class Slow:
        """The store of a compactor that stands still for an hour once it has its lease."""

        read = staticmethod(store.read)
        stood_still = False

        async def write(self, work: Callable[[TrackingUnit], T]) -> T:
            result = await store.write(work)
            if not self.stood_still:
                self.stood_still = True
                clock.time_us += 3600 * 1_000_000
                assert await SubjectCompaction(store, clock, "two", EVERYTHING).step(RUN) is not None
            return result

    assert await SubjectCompaction(Slow(), clock, "one", EVERYTHING).step(RUN) is None
    assert await chunk_sizes(store) == [10]
    counted = [len(chunk.column) async for chunk in MetricQueries(store).points(RUN, "k0", None)]
    assert counted == [10]


async def test_the_background_task_compacts_what_is_quiet_and_tells(store: Transactions[TrackingUnit]) -> None:
    telemetry = Telemetry()
    counts = CompactionTelemetry(telemetry, "tracking")
    await trickle(store, 1, 10)
    compactor = Compactor(store, Clock(), quiet_seconds=0.01, limits=EVERYTHING, counts=counts)
    task = asyncio.create_task(compactor.run())
    try:
        async with asyncio.timeout(60):
            while await segments(store) or not told(telemetry, "trackway_compaction_points_total"):
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert told(telemetry, "trackway_compaction_points_total") == 10
    assert told(telemetry, "trackway_compaction_segments_total") == 10


async def test_room_freed_beside_ingestion_is_given_back_when_that_ends(tmp_path: Path) -> None:
    async with open_tracking_store("sqlite", tmp_path) as store:
        await trickle(store, 1, 60, series=100)
        compactor = Compactor(store, Clock(), quiet_seconds=0.01, limits=EVERYTHING)
        compactor.mark(RUN)  # points have just come: no time to shrink the file
        task = asyncio.create_task(compactor.run())
        try:
            async with asyncio.timeout(60):
                while await segments(store) or free_pages(tmp_path):
                    await asyncio.sleep(0.05)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def free_pages(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder / 'tracking.db'}?mode=ro", uri=True)) as connection:
        return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


async def test_what_fails_is_told_and_stops_nothing_else(store: Transactions[TrackingUnit]) -> None:
    telemetry = Telemetry()

    class Full:
        """A store that takes nothing."""

        read = staticmethod(store.read)

        async def write(self, work: Callable[[TrackingUnit], T]) -> T:
            raise DomainError(Reason.STORAGE_FULL, "The disk is full.")

    await trickle(store, 1, 10)
    counts = CompactionTelemetry(telemetry, "tracking")
    compactor = Compactor(Full(), Clock(), quiet_seconds=0.01, limits=EVERYTHING, counts=counts)
    task = asyncio.create_task(compactor.run())
    try:
        async with asyncio.timeout(60):
            while not told(telemetry, "trackway_compaction_failures_total", reason="STORAGE_FULL"):
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert told(telemetry, "trackway_compaction_last_failure_time_seconds") > 0
    assert await segments(store) == 10


def told(telemetry: Telemetry, name: str, **labels: str) -> float:
    """The value of a counter or gauge."""
    return telemetry.registry.get_sample_value(name, {"service": "tracking", **labels}) or 0.0


@pytest.mark.parametrize("decode", [decode_rows, decode_values, decode_rollup])
@pytest.mark.parametrize("data", [b"", b"TWV1", b"TWR1\6\0\0\0" + bytes(40), b"TWV1\1\0\0\0" + bytes(8)])
def test_what_is_no_chunk_is_refused(decode: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(ChunkCorruptError):
        decode(data)
