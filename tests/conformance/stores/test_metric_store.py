"""What MetricUnit promises (metrics/domain/ports.py), over every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.domain.records import Segment, SeriesDefinition, WriterCursor
from trackway_server.metrics.domain.summaries import SUMMARY
from trackway_server.tracking.domain.ports import TrackingUnit

RUN = "a" * 32
CURSOR = WriterCursor("b" * 32, RUN, "admin", "default", 7, 3, 2**32 - 1, {"host": "h"}, 5)

Store = Transactions[TrackingUnit]


@pytest.fixture(params=ADAPTERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_tracking_store(request.param, tmp_path) as opened:
        yield opened


def defined(sequence: int, series_id: int, key: str, context: str = "") -> SeriesDefinition:
    return SeriesDefinition(sequence, series_id, key, context)


async def test_a_cursor_comes_back_and_changes(store: Store) -> None:
    assert await store.read(lambda unit: unit.metrics.writer(CURSOR.writer_id)) is None
    await store.write(lambda unit: unit.metrics.put_writer(CURSOR))
    assert await store.read(lambda unit: unit.metrics.writer(CURSOR.writer_id)) == CURSOR
    moved = replace(CURSOR, epoch=2**63 - 1, durable_sequence=2**63 - 1, labels={}, last_heard_us=6)
    await store.write(lambda unit: unit.metrics.put_writer(moved))
    assert await store.read(lambda unit: unit.metrics.writer(CURSOR.writer_id)) == moved


async def test_writers_that_never_wrote_are_forgotten(store: Store) -> None:
    unused = [replace(CURSOR, writer_id=letter * 32, durable_sequence=0, last_heard_us=99) for letter in "123"]
    kept = [
        replace(CURSOR, writer_id="4" * 32, durable_sequence=1, last_heard_us=99),
        replace(CURSOR, writer_id="5" * 32, durable_sequence=0, last_heard_us=100),
    ]

    def put(unit: TrackingUnit) -> None:
        for cursor in [*unused, *kept]:
            unit.metrics.put_writer(cursor)

    await store.write(put)
    assert await store.write(lambda unit: unit.metrics.drop_unused_writers(100, 2)) == 2
    assert await store.write(lambda unit: unit.metrics.drop_unused_writers(100, 2)) == 1
    assert await store.write(lambda unit: unit.metrics.drop_unused_writers(100, 2)) == 0
    assert await store.read(lambda unit: unit.metrics.writers(RUN, "", 10)) == kept


async def test_what_raises_is_undone(store: Store) -> None:
    def fail(unit: TrackingUnit) -> None:
        unit.metrics.put_writer(CURSOR)
        unit.metrics.define_series(CURSOR, [defined(0, 0, "loss")])
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        await store.write(fail)
    assert await store.read(lambda unit: unit.metrics.writer(CURSOR.writer_id)) is None
    assert await store.read(lambda unit: unit.metrics.series(RUN, "loss", None)) == []


async def test_writers_are_listed_by_id(store: Store) -> None:
    cursors = [replace(CURSOR, writer_id=letter * 32) for letter in "cabd"]

    def put(unit: TrackingUnit) -> None:
        for cursor in [*cursors, replace(CURSOR, writer_id="e" * 32, subject_id="f" * 32)]:
            unit.metrics.put_writer(cursor)

    await store.write(put)
    page = await store.read(lambda unit: unit.metrics.writers(RUN, "a" * 32, 2))
    assert [cursor.writer_id[0] for cursor in page] == ["b", "c"]


async def test_two_writers_share_the_series_of_a_subject(store: Store) -> None:
    other = replace(CURSOR, writer_id="c" * 32)
    first = [defined(0, 0, "loss"), defined(1, 5, "loss", '{"rank":"1"}')]

    def define(unit: TrackingUnit) -> tuple[np.ndarray, np.ndarray]:
        unit.metrics.put_writer(CURSOR)
        unit.metrics.put_writer(other)
        one = unit.metrics.define_series(CURSOR, first)
        return one, unit.metrics.define_series(other, [defined(0, 3, "loss", '{"rank":"1"}'), defined(1, 4, "acc")])

    one, two = await store.write(define)
    assert one[1] == two[0]
    assert len({*one.tolist(), *two.tolist()}) == 3
    own, stored = await store.read(lambda unit: unit.metrics.defined_series(CURSOR.writer_id))
    assert dict(zip(own.tolist(), stored.tolist(), strict=True)) == {0: one[0], 5: one[1]}
    shared = int(one[1])
    assert await store.read(lambda unit: unit.metrics.columns(shared)) == [("b" * 32, 5), ("c" * 32, 3)]


async def test_series_are_paged_by_key_and_context(store: Store) -> None:
    contexts = ["", '{"rank":"1"}', '{"rank":"2"}']
    names = [(key, context) for key in ("b", "a", "ä", "B") for context in contexts]

    def define(unit: TrackingUnit) -> None:
        unit.metrics.put_writer(CURSOR)
        definitions = [defined(n, n, key, context) for n, (key, context) in enumerate(names)]
        unit.metrics.define_series(CURSOR, definitions)

    await store.write(define)
    found, after = [], 0
    while page := await store.read(lambda unit, at=after: unit.metrics.series_page(RUN, "", at, 5)):
        found += page
        after = page[-1].number
    assert sorted((one.key, one.context) for one in found) == sorted(names)
    assert [one.key for one in found] == sorted(key for key, _ in names)
    assert found[0].context == ""
    of_key = await store.read(lambda unit: unit.metrics.series_page(RUN, "a", 0, 10))
    assert of_key == await store.read(lambda unit: unit.metrics.series(RUN, "a", None))
    (one,) = await store.read(lambda unit: unit.metrics.series(RUN, "a", contexts[2]))
    assert one.context == contexts[2]
    bare = await store.read(lambda unit: unit.metrics.series_of_subjects([RUN, "f" * 32], "", 3))
    assert [series.key for series in bare] == ["B", "a", "b"]


async def test_many_series_are_defined_at_once(store: Store) -> None:
    definitions = [defined(n, n, f"k{n % 7}", f'{{"n":"{n}"}}') for n in range(1500)]

    def define(unit: TrackingUnit) -> int:
        unit.metrics.put_writer(CURSOR)
        return len(set(unit.metrics.define_series(CURSOR, definitions).tolist()))

    assert await store.write(define) == 1500


async def test_segments_come_back_in_order(store: Store) -> None:
    segments = [Segment(n, n + 10, 10, bytes([n]), b"data%d" % n) for n in (0, 10, 20, 30)]

    def add(unit: TrackingUnit) -> None:
        unit.metrics.put_writer(CURSOR)
        for segment in segments:
            unit.metrics.add_segment(CURSOR.writer_id, segment)

    await store.write(add)
    index = await store.read(lambda unit: unit.metrics.segment_index(CURSOR.writer_id, 9, 2))
    assert [(entry.first_sequence, entry.end_sequence, entry.point_count, entry.series) for entry in index] == [
        (10, 20, 10, b"\n"),
        (20, 30, 10, b"\x14"),
    ]
    for after, first in ((-1, [0]), (8, [0]), (9, [10]), (38, [30]), (39, []), (2**62, [])):
        found = await store.read(lambda unit, at=after: unit.metrics.segment_index(CURSOR.writer_id, at, 1))
        assert [entry.first_sequence for entry in found] == first
    data = await store.read(lambda unit: unit.metrics.segment_data(CURSOR.writer_id, [30, 0]))
    assert data == [b"data0", b"data30"]


async def test_unfolded_summaries_are_taken_once(store: Store) -> None:
    parts = [np.full(1, number, dtype=SUMMARY) for number in (1, 2, 3)]

    def add(unit: TrackingUnit) -> None:
        for part in parts:
            unit.metrics.add_unfolded(RUN, part)

    await store.write(add)
    assert await store.read(lambda unit: unit.metrics.unfolded_subjects(None)) == [RUN]
    assert await store.read(lambda unit: unit.metrics.unfolded_subjects(["f" * 32])) == []
    taken = await store.write(lambda unit: unit.metrics.take_unfolded(RUN, 2))
    assert [part.tolist() for part in taken.parts] == [part.tolist() for part in parts[:2]]
    await store.write(lambda unit: unit.metrics.put_back(RUN, taken.number, parts[0]))
    rest = await store.write(lambda unit: unit.metrics.take_unfolded(RUN, 2, taken.number))
    assert (rest.number, [part.tolist() for part in rest.parts]) == (taken.number, [parts[0].tolist()])
    assert not (await store.write(lambda unit: unit.metrics.take_unfolded(RUN, 2, taken.number))).parts
    assert len((await store.write(lambda unit: unit.metrics.take_unfolded(RUN, 2))).parts) == 1
    assert await store.read(lambda unit: unit.metrics.unfolded_subjects([RUN])) == []


async def test_summaries_are_replaced(store: Store) -> None:
    def define(unit: TrackingUnit) -> list[int]:
        unit.metrics.put_writer(CURSOR)
        return unit.metrics.define_series(CURSOR, [defined(n, n, f"k{n}") for n in range(3)]).tolist()

    numbers = await store.write(define)
    extreme = np.zeros(2, dtype=SUMMARY)
    extreme["series"] = numbers[:2]
    extreme["last_key"], extreme["min_key"] = 2**63 - 1, -(2**63)
    await store.write(lambda unit: unit.metrics.put_summaries(extreme))
    extreme["count"] = 9
    await store.write(lambda unit: unit.metrics.put_summaries(extreme[:1]))
    found = await store.read(lambda unit: unit.metrics.summaries(numbers))
    assert found["count"].tolist() == [9, 0]
    assert found["last_key"].tolist() == [2**63 - 1] * 2
    assert found["min_key"].tolist() == [-(2**63)] * 2
