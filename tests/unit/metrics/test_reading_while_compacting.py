"""A read that spans transactions, while points come in and move from segments to chunks and on to others.

What was there when it began is answered exactly once and in order, bit for bit; of what came meanwhile, of each writer
as much as was seen, from its beginning and without a gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from support.blocks import BITS
from support.examples import examples
from support.tracking_service import Clock
from trackway_server.metrics.compaction import CompactionLimits, SubjectCompaction
from trackway_server.metrics.domain.chunks import Axis, Range
from trackway_server.metrics.domain.points import Block
from trackway_server.metrics.domain.ports import Series
from trackway_server.metrics.domain.records import Segment, SeriesDefinition, WriterCursor
from trackway_server.metrics.domain.session import Accepted
from trackway_server.metrics.ingest import build_commit
from trackway_server.metrics.point_reader import PointReader, ReadLimits
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.store.memory import MemoryTracking

RUN = "a" * 32
WRITERS = tuple(letter * 32 for letter in "bcd")
CLOCK = Clock()
LIMITS = st.builds(ReadLimits, points=st.integers(1, 8), segments=st.integers(1, 4))
STEPS = st.integers(-4, 4)

Logged = tuple[int, int, int, int]
"""Ordinal, time, step and the bits of the value."""


@dataclass
class World:
    """A run of three writers that log one series, over the reference adapter."""

    store: MemoryTracking = field(default_factory=MemoryTracking)
    logged: dict[str, list[Logged]] = field(default_factory=lambda: {writer: [] for writer in WRITERS})
    ordinals: dict[str, int] = field(default_factory=dict)

    async def begin(self) -> Series:
        """Define the series for every writer."""

        def define(unit: TrackingUnit) -> list[Series]:
            for number, writer_id in enumerate(WRITERS):
                cursor = WriterCursor(writer_id, RUN, "admin", "default", 1, 1)
                unit.metrics.put_writer(cursor)
                unit.metrics.define_series(cursor, [SeriesDefinition(0, number, "loss", "")])
            return unit.metrics.series(RUN, "loss", None)

        return (await self.store.write(define))[0]

    async def append(self, writer: int, records: Sequence[Sequence[tuple[int, int, int]]]) -> None:
        """One commit of one writer; a record is one or more (step, time, bits)."""
        writer_id = WRITERS[writer]
        first = self.ordinals.get(writer_id, 1)
        rows = [(first + place, *row) for place, record in enumerate(records) for row in record]
        block = Block(
            np.array([row[0] for row in rows], dtype=np.uint64),
            np.array([row[2] for row in rows], dtype=np.int64),
            np.array([row[1] for row in rows], dtype=np.int64),
            np.array([writer], dtype=np.uint32),
            np.array([[row[3]] for row in rows], dtype=np.uint64).view(np.float64),
        )
        end = first + len(records)
        segment = build_commit([Accepted(first, end, 0, (), (block,), (), (), 0)]).segment
        assert isinstance(segment, Segment)
        await self.store.write(lambda unit: unit.metrics.add_segment(writer_id, segment))
        self.ordinals[writer_id] = end
        self.logged[writer_id] += [(row[0], row[2], row[1], row[3]) for row in rows]

    async def compact(self, limits: CompactionLimits) -> None:
        """One step of the compactor."""
        await SubjectCompaction(self.store, CLOCK, "compactor", limits).step(RUN)

    async def act(self, action: tuple[str, tuple[object, ...]]) -> None:
        """Append or compact."""
        name, arguments = action
        await getattr(self, name)(*arguments)


ROW = st.tuples(STEPS, st.integers(0, 3), BITS)
RECORD = st.one_of(st.lists(ROW, min_size=1, max_size=1), st.lists(ROW, min_size=2, max_size=4))
APPENDING = st.tuples(
    st.just("append"), st.tuples(st.sampled_from([0, 0, 1, 2]), st.lists(RECORD, min_size=1, max_size=8))
)
COMPACTION = st.builds(
    CompactionLimits,
    step_points=st.sampled_from([1, 10, 100]),
    merged_points=st.sampled_from([0, 5, 1000]),
    chunk_points=st.integers(1, 12),
    points_per_series=st.just(0),
)
COMPACTING = st.tuples(st.just("compact"), st.tuples(COMPACTION))
ACTIONS = st.lists(st.one_of(APPENDING, COMPACTING), max_size=10)


@settings(max_examples=examples(80), deadline=None)
@given(
    before=ACTIONS,
    meanwhile=st.lists(ACTIONS, max_size=6),
    limits=LIMITS,
    within=st.none() | st.builds(Range, st.sampled_from(Axis), STEPS, STEPS),
    data=st.data(),
)
def test_a_read_finds_every_point_once(
    before: list[tuple[str, tuple[object, ...]]],
    meanwhile: list[list[tuple[str, tuple[object, ...]]]],
    limits: ReadLimits,
    within: Range | None,
    data: st.DataObject,
) -> None:
    async def run() -> None:
        world = World()
        series = await world.begin()
        for action in before:
            await world.act(action)
        there = {writer: list(points) for writer, points in world.logged.items()}
        after = {
            writer: data.draw(st.integers(0, points[-1][0]))
            for writer, points in there.items()
            if points and data.draw(st.booleans())
        }
        found: dict[str, list[Logged]] = {writer: [] for writer in WRITERS}
        order: list[str] = []
        pending = list(meanwhile)
        async for chunk in PointReader(world.store, limits).read(series, within, after):
            column = chunk.column
            bits = column.values.view(np.uint64).tolist()
            rows = zip(column.sequences.tolist(), column.times.tolist(), column.steps.tolist(), bits, strict=True)
            found[chunk.writer_id] += rows
            order.append(chunk.writer_id)
            for action in pending.pop(0) if pending else ():
                await world.act(action)
        assert order == sorted(order)

        def asked(writer: str, points: Sequence[Logged]) -> list[Logged]:
            later = [point for point in points if point[0] > after.get(writer, -1)]
            return [point for point in later if within is None or chosen(within, point)]

        for writer in WRITERS:
            everything = asked(writer, world.logged[writer])
            assert found[writer] == everything[: len(found[writer])]
            assert len(found[writer]) >= len(asked(writer, there[writer]))

    asyncio.run(run())


def chosen(within: Range, point: Logged) -> bool:
    """Whether a point is in the range."""
    return within.first <= (point[2] if within.axis is Axis.STEP else point[1]) <= within.last


@settings(max_examples=examples(30), deadline=None)
@given(actions=ACTIONS, more=ACTIONS)
def test_the_same_points_give_the_same_answers_in_every_state(
    actions: list[tuple[str, tuple[object, ...]]], more: list[tuple[str, tuple[object, ...]]]
) -> None:
    async def run() -> None:
        world = World()
        series = await world.begin()
        for action in [*actions, *more]:
            await world.act(action)
        limits = CompactionLimits(points_per_series=0)
        while await SubjectCompaction(world.store, CLOCK, "compactor", limits).step(RUN):
            pass
        assert await world.store.read(lambda unit: unit.metrics.count_segments()) == 0
        chunks = await world.store.read(lambda unit: unit.metrics.chunks([series.number], None))
        assert sum(entry.point_count for entry in chunks) == sum(map(len, world.logged.values()))
        found: dict[str, int] = {}
        async for chunk in PointReader(world.store).read(series):
            found[chunk.writer_id] = found.get(chunk.writer_id, 0) + len(chunk.column)
        assert found == {writer: len(points) for writer, points in world.logged.items() if points}

    asyncio.run(run())
