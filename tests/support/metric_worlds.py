"""A run whose writers log series, over any store, with a compactor: what reads of metrics are tested on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st

from support.tracking_service import Clock
from trackway_server.metrics.compaction import CompactionLimits, SubjectCompaction
from trackway_server.metrics.domain.points import Block
from trackway_server.metrics.domain.ports import Series, Transactions
from trackway_server.metrics.domain.records import SeriesDefinition, WriterCursor
from trackway_server.metrics.domain.session import Accepted
from trackway_server.metrics.ingest import build_commit
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.store.memory import MemoryTracking

RUN = "a" * 32
WRITERS = tuple(letter * 32 for letter in "bcd")
KEYS = ("loss", "acc")

Action = tuple[str, tuple[object, ...]]
Logged = tuple[str, int, int, int, float]
"""Key, ordinal, time, step and value."""

STEPS = st.integers(-4, 12)
RECORD = st.lists(st.tuples(STEPS, st.integers(0, 3)), min_size=1, max_size=4)
"""One or more (step, time)."""
APPENDING = st.tuples(
    st.just("append"),
    st.tuples(
        st.integers(0, 2),
        st.lists(RECORD, min_size=1, max_size=5),
        st.sampled_from([(0,), (1,), (0, 1)]),
    ),
)
SKIPPING = st.tuples(st.just("skip"), st.tuples(st.integers(0, 2), st.integers(1, 3)))
COMPACTING = st.tuples(st.just("compact"), st.tuples(st.integers(1, 30), st.sampled_from([0, 5, 1000])))
ACTIONS = st.lists(st.one_of(APPENDING, APPENDING, SKIPPING, COMPACTING), max_size=8)


@dataclass
class MetricWorld:
    """Three writers that log two series. Every value is different, so that a point can be told by it."""

    store: Transactions[TrackingUnit] = field(default_factory=MemoryTracking)
    logged: dict[str, list[Logged]] = field(default_factory=lambda: {writer: [] for writer in WRITERS})
    ordinals: dict[str, int] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)
    ended: bool = False
    _values: itertools.count[int] = field(default_factory=itertools.count)

    async def begin(self) -> None:
        """Define the series for every writer."""

        def define(unit: TrackingUnit) -> None:
            for number, writer_id in enumerate(WRITERS):
                cursor = WriterCursor(writer_id, RUN, "admin", "default", 1, 0)
                unit.metrics.put_writer(cursor)
                unit.metrics.define_series(
                    cursor, [SeriesDefinition(0, 2 * number + place, key, "") for place, key in enumerate(KEYS)]
                )
            self.series = {key: unit.metrics.series(RUN, key, "")[0] for key in KEYS}

        await self.store.write(define)

    async def append(self, writer: int, records: Sequence[Sequence[tuple[int, int]]], keys: Sequence[int]) -> None:
        """One commit of one writer."""
        first = self.ordinals.get(WRITERS[writer], 0)
        rows = [(first + place, *row) for place, record in enumerate(records) for row in record]
        values = np.array([[float(next(self._values)) for _ in keys] for _ in rows])
        block = Block(
            np.array([row[0] for row in rows], dtype=np.uint64),
            np.array([row[2] for row in rows], dtype=np.int64),
            np.array([row[1] for row in rows], dtype=np.int64),
            np.array([2 * writer + key for key in keys], dtype=np.uint32),
            values,
        )
        await self.commit(writer, block, first + len(records))

    async def commit(self, writer: int, block: Block, end: int) -> None:
        """One commit of one writer, whose own numbers of the series are 2 * writer and the next."""
        writer_id, first = WRITERS[writer], self.ordinals.get(WRITERS[writer], 0)
        segment = build_commit([Accepted(first, end, 0, (), (block,), (), (), 0)]).segment
        assert segment is not None

        def commit(unit: TrackingUnit) -> None:
            unit.metrics.add_segment(writer_id, segment)
            self._move(unit, writer_id, end)

        await self.store.write(commit)
        self.ordinals[writer_id] = end
        columns = (block.sequences.tolist(), block.times.tolist(), block.steps.tolist())
        for position, own in enumerate(block.series.tolist()):
            key = KEYS[own - 2 * writer]
            rows = zip(*columns, block.values[:, position].tolist(), strict=True)
            self.logged[writer_id] += [(key, *row) for row in rows]

    async def skip(self, writer: int, records: int) -> None:
        """One commit of one writer that has no points."""
        writer_id = WRITERS[writer]
        self.ordinals[writer_id] = self.ordinals.get(writer_id, 0) + records
        await self.store.write(lambda unit: self._move(unit, writer_id, self.ordinals[writer_id]))

    async def compact(self, step_points: int, merged_points: int) -> None:
        """One step of the compactor."""
        limits = CompactionLimits(step_points=step_points, merged_points=merged_points, points_per_series=0)
        await SubjectCompaction(self.store, Clock(), "compactor", limits).step(RUN)

    async def compact_all(self) -> None:
        """The compactor until nothing waits."""
        compaction = SubjectCompaction(self.store, Clock(), "compactor", CompactionLimits(points_per_series=0))
        while await compaction.step(RUN):
            pass

    async def act(self, action: Action) -> None:
        """One of ACTIONS."""
        name, arguments = action
        await getattr(self, name)(*arguments)

    def of_key(self, key: str) -> list[Logged]:
        """All points of a series."""
        return [point for points in self.logged.values() for point in points if point[0] == key]

    def _move(self, unit: TrackingUnit, writer_id: str, end: int) -> None:
        cursor = unit.metrics.writer(writer_id)
        assert cursor is not None
        unit.metrics.put_writer(replace(cursor, durable_sequence=end))
