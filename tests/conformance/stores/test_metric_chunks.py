"""What MetricUnit promises of chunks (metrics/domain/ports.py), over every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway_server.metrics.domain.chunks import WRITER, Axis, Move, NewChunk, NewRows, Range
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.domain.records import Segment, SeriesDefinition, WriterCursor
from trackway_server.tracking.domain.ports import TrackingUnit

RUN, OTHER = "a" * 32, "f" * 32
CURSOR = WriterCursor("b" * 32, RUN, "admin", "default", 1, 3)
SECOND = WriterCursor("c" * 32, RUN, "admin", "default", 1, 3)

Store = Transactions[TrackingUnit]


@pytest.fixture(params=ADAPTERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_tracking_store(request.param, tmp_path) as opened:
        yield opened


async def filled(store: Store) -> list[int]:
    """Three series, and two writers with the segments 0, 10 and 20 each."""

    def fill(unit: TrackingUnit) -> list[int]:
        for cursor in (CURSOR, SECOND):
            unit.metrics.put_writer(cursor)
            for first in (0, 10, 20):
                segment = Segment(first, first + 10, first + 1, b"\0\0\0\0", b"%d" % first)
                unit.metrics.add_segment(cursor.writer_id, segment)
        definitions = [SeriesDefinition(n, n, f"k{n}", "") for n in range(3)]
        return unit.metrics.define_series(CURSOR, definitions).tolist()

    return await store.write(fill)


def rows(series: Sequence[int], steps: tuple[int, int] = (0, 9), times: tuple[int, int] = (0, 9)) -> NewRows:
    """A row set with a chunk for each of `series`."""
    writers = np.array([(CURSOR.writer_id.encode(), 7, 0, 9)], dtype=WRITER)
    chunks = [NewChunk(one, b"values %d" % one, b"rollup %d" % one) for one in series]
    return NewRows(7, *steps, *times, writers, b"rows", chunks)


async def test_segments_wait_by_writer_and_sequence(store: Store) -> None:
    await filled(store)
    waiting = await store.read(lambda unit: unit.metrics.waiting_segments(RUN, 4))
    assert [(one.writer_id[0], one.first_sequence, one.point_count) for one in waiting] == [
        ("b", 0, 1),
        ("b", 10, 11),
        ("b", 20, 21),
        ("c", 0, 1),
    ]
    assert waiting[0].series_count == 1
    assert await store.read(lambda unit: unit.metrics.count_segments()) == 6
    assert await store.read(lambda unit: unit.metrics.waiting_subjects("", 5)) == [RUN]
    assert await store.read(lambda unit: unit.metrics.waiting_subjects(RUN, 5)) == []


async def test_a_move_puts_chunks_in_the_place_of_segments(store: Store) -> None:
    series = await filled(store)
    move = Move([("b" * 32, 0), ("b" * 32, 10), ("c" * 32, 0)], [], [rows(series[:2]), rows(series[2:])])
    assert await store.write(lambda unit: unit.metrics.move(RUN, move))
    left = await store.read(lambda unit: unit.metrics.waiting_segments(RUN, 10))
    assert [(one.writer_id[0], one.first_sequence) for one in left] == [("b", 20), ("c", 10), ("c", 20)]
    entries = await store.read(lambda unit: unit.metrics.chunks(series, None))
    assert [entry.series for entry in entries] == series
    assert entries[0].rows == entries[1].rows != entries[2].rows
    assert (entries[0].point_count, entries[0].min_step, entries[0].max_step) == (7, 0, 9)
    assert entries[0].writers.tolist() == [(b"b" * 32, 7, 0, 9)]
    number = entries[1].number
    assert await store.read(lambda unit: unit.metrics.chunk_values([number])) == {number: b"values %d" % series[1]}
    assert await store.read(lambda unit: unit.metrics.chunk_rollups([number])) == {number: b"rollup %d" % series[1]}
    row_set = entries[1].rows
    assert await store.read(lambda unit: unit.metrics.chunk_rows([row_set, 10**9])) == {row_set: b"rows"}


async def test_a_move_merges_chunks_and_drops_the_rows_that_nobody_shares(store: Store) -> None:
    series = await filled(store)
    await store.write(lambda unit: unit.metrics.move(RUN, Move([("b" * 32, 0)], [], [rows(series[:2])])))
    first, second = await store.read(lambda unit: unit.metrics.chunks(series, None))
    one = Move([("b" * 32, 10)], [first.number], [rows(series[:1])])
    assert await store.write(lambda unit: unit.metrics.move(RUN, one))
    assert first.rows in await store.read(lambda unit: unit.metrics.chunk_rows([first.rows]))
    other = Move([("b" * 32, 20)], [second.number], [rows(series[1:2])])
    assert await store.write(lambda unit: unit.metrics.move(RUN, other))
    assert not await store.read(lambda unit: unit.metrics.chunk_rows([first.rows]))
    entries = await store.read(lambda unit: unit.metrics.chunks(series, None))
    assert [entry.series for entry in entries] == series[:2]
    assert {entry.number for entry in entries}.isdisjoint({first.number, second.number})


@pytest.mark.parametrize(
    ("subject_id", "segments", "gone"),
    [(RUN, [("b" * 32, 0), ("b" * 32, 1)], []), (RUN, [("b" * 32, 0)], [10**6]), (OTHER, [("b" * 32, 0)], [])],
    ids=["segment", "chunk", "subject"],
)
async def test_a_move_of_what_is_not_there_stores_nothing(
    store: Store, subject_id: str, segments: list[tuple[str, int]], gone: list[int]
) -> None:
    series = await filled(store)
    move = Move(segments, gone, [rows(series)])
    assert not await store.write(lambda unit: unit.metrics.move(subject_id, move))
    assert await store.read(lambda unit: unit.metrics.count_segments()) == 6
    assert await store.read(lambda unit: unit.metrics.chunks(series, None)) == []


async def test_chunks_are_chosen_by_step_and_by_time(store: Store) -> None:
    series = await filled(store)
    spans = [(-(2**63), -1), (0, 9), (5, 20), (21, 2**63 - 1)]
    added = [rows(series[:1], steps=span, times=(span[0] // 2, span[1] // 2)) for span in spans]
    await store.write(lambda unit: unit.metrics.move(RUN, Move([("b" * 32, 0)], [], added)))

    async def found(axis: Axis, first: int, last: int) -> list[int]:
        entries = await store.read(lambda unit: unit.metrics.chunks(series, Range(axis, first, last)))
        return [entry.max_step for entry in entries]

    assert await found(Axis.STEP, 9, 9) == [9, 20]
    assert await found(Axis.STEP, 10, 10) == [20]
    assert await found(Axis.STEP, -(2**63), 2**63 - 1) == [last for _, last in spans]
    assert await found(Axis.TIME, 5, 9) == [20]
    assert await found(Axis.TIME, 2**62 - 1, 2**63 - 1) == [2**63 - 1]


async def test_one_holder_at_a_time_compacts_a_subject(store: Store) -> None:
    async def lease(holder: str, now: int, until: int, subject_id: str = RUN) -> bool:
        return await store.write(lambda unit: unit.metrics.lease_compaction(subject_id, holder, now, until))

    assert await lease("one", 0, 10)
    assert not await lease("two", 9, 20)
    assert await lease("two", 9, 20, OTHER)
    assert await lease("one", 9, 20)
    assert await lease("two", 20, 30)
    assert await lease("two", 21, 21)
    assert await lease("one", 21, 30)
