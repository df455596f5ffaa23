"""One step of compaction: some segments of a subject become chunks.

A step leases the subject, reads segments, encodes chunks in a thread, and stores them in one transaction that removes
what they were made of. Killed at any place it has stored nothing, or all. Should two compact a subject at once after
all (a lease that ran out), the second finds its segments gone and stores nothing.

Segments of a writer are taken in the order of their sequences, oldest first, so that of each writer the chunks hold
earlier points than the segments that are left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from trackway_server.core.clock import Clock
from trackway_server.metrics.chunk_building import (
    Group,
    GroupRows,
    Member,
    NewBlock,
    chunks_of,
    group_rows,
    groups,
    new_blocks,
    new_rows,
)
from trackway_server.metrics.chunk_codec import decode_rows, decode_values
from trackway_server.metrics.domain.chunks import CHUNK_POINTS, Move, NewChunk, NewRows, WaitingSegment
from trackway_server.metrics.domain.points import Int64s, UInt32s
from trackway_server.metrics.domain.ports import IngestUnit, Transactions
from trackway_server.metrics.telemetry import Compacted

LEASE_US = 300 * 1_000_000
"""How long a subject stays another's that has vanished; a step takes seconds."""


@dataclass(frozen=True, slots=True)
class CompactionLimits:
    """How much a step takes, and what is worth a step."""

    step_points: int = 524_288
    """New points of a step; one segment may go beyond."""
    step_segments: int = 1024
    """Segments of a step."""
    merged_points: int = 2_097_152
    """Points of a step that stand in chunks already and are merged with new ones."""
    chunk_points: int = CHUNK_POINTS
    """Points of a full chunk."""
    batch_points: int = 524_288
    """Points that are decoded at once, beside the new ones."""
    points_per_series: int = 32
    """Segments with fewer points a series, about, stay segments: chunks of theirs would take more room."""
    due_points: int = 262_144
    """From so many waiting points on a subject is compacted, however busy."""
    due_segments: int = 512
    """The same of waiting segments."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a step works on."""

    segments: list[tuple[str, bytes]]
    numbers: dict[str, tuple[UInt32s, Int64s]]


@dataclass(frozen=True, slots=True)
class SubjectCompaction:
    """Compacts subjects of one store, as `holder`."""

    transactions: Transactions[IngestUnit]
    clock: Clock
    holder: str
    limits: CompactionLimits = CompactionLimits()

    async def due(self, subject_id: str) -> bool:
        """Whether enough waits to be compacted while more comes in."""
        waiting = await self._waiting(subject_id, self.limits.due_segments)
        points = sum(segment.point_count for segment in waiting)
        return (points >= self.limits.due_points or len(waiting) >= self.limits.due_segments) and self._worth(waiting)

    async def step(self, subject_id: str) -> Compacted | None:
        """Move some points of a subject; None where there is nothing (worth) to be moved, or another one is at it.

        Raises DomainError where the store cannot take it, SegmentCorruptError where something stored is damaged.
        """
        waiting = await self._waiting(subject_id, self.limits.step_segments)
        chosen = self._chosen(waiting)
        if not self._worth(chosen) or not await self._lease(subject_id, LEASE_US):
            return None
        try:
            return await self._move(subject_id, chosen)
        except _GoneError:
            return None
        finally:
            await asyncio.shield(self._lease(subject_id, 0))

    async def _waiting(self, subject_id: str, limit: int) -> list[WaitingSegment]:
        return await self.transactions.read(lambda unit: unit.metrics.waiting_segments(subject_id, limit))

    async def _lease(self, subject_id: str, length_us: int) -> bool:
        now_us = self.clock.now_us()
        return await self.transactions.write(
            lambda unit: unit.metrics.lease_compaction(subject_id, self.holder, now_us, now_us + length_us)
        )

    def _chosen(self, waiting: Sequence[WaitingSegment]) -> list[WaitingSegment]:
        chosen: list[WaitingSegment] = []
        points = 0
        for segment in waiting:
            if chosen and points + segment.point_count > self.limits.step_points:
                break
            chosen.append(segment)
            points += segment.point_count
        return chosen

    def _worth(self, segments: Sequence[WaitingSegment]) -> bool:
        series: dict[str, int] = {}
        for segment in segments:
            series[segment.writer_id] = max(series.get(segment.writer_id, 0), segment.series_count)
        points = sum(segment.point_count for segment in segments)
        return bool(segments) and points >= self.limits.points_per_series * sum(series.values())

    async def _move(self, subject_id: str, chosen: Sequence[WaitingSegment]) -> Compacted | None:
        keys = [(segment.writer_id, segment.first_sequence) for segment in chosen]
        taken = await self.transactions.read(partial(_take, keys))
        if len(taken.segments) != len(keys):
            return None
        blocks = await asyncio.to_thread(new_blocks, taken.segments, taken.numbers)
        plan = await self._plan(blocks)
        added: list[NewRows] = []
        for group in plan:
            added += await self._build(group)
        merged = [entry.number for group in plan for member in group.members for entry in member.merged]
        move = Move(keys, merged, added)
        if not await self.transactions.write(lambda unit: unit.metrics.move(subject_id, move)):
            return None
        return Compacted(
            sum(segment.point_count for segment in chosen),
            len(chosen),
            sum(len(rows.chunks) for rows in added),
            sum(len(data) for _, data in taken.segments),
            sum(len(rows.data) + sum(len(chunk.values) + len(chunk.rollup) for chunk in rows.chunks) for rows in added),
        )

    async def _plan(self, blocks: Sequence[NewBlock]) -> list[Group]:
        series = sorted({number for new in blocks for number in new.series.tolist()})
        entries = await self.transactions.read(lambda unit: unit.metrics.chunks(series, None))
        return await asyncio.to_thread(groups, blocks, entries, self.limits.merged_points, self.limits.chunk_points)

    async def _build(self, group: Group) -> list[NewRows]:
        """The chunks of a group, a batch of its members at a time."""
        packed = await self._read(lambda unit: unit.metrics.chunk_rows(group.row_sets), group.row_sets)
        rows = await asyncio.to_thread(_group_rows, group, packed, self.limits.chunk_points)
        at_once = max(1, self.limits.batch_points // group.point_count)
        pieces: list[list[NewChunk]] = [[] for _ in rows.pieces]
        for start in range(0, len(group.members), at_once):
            members = group.members[start : start + at_once]
            numbers = [entry.number for member in members for entry in member.merged]
            values = await self._read(partial(_values, numbers), numbers)
            for place, chunks in enumerate(await asyncio.to_thread(_chunks, group, rows, members, values)):
                pieces[place] += chunks
        return await asyncio.to_thread(lambda: list(map(new_rows, rows.pieces, pieces)))

    async def _read(self, work: Callable[[IngestUnit], dict[int, bytes]], numbers: Collection[int]) -> dict[int, bytes]:
        """What of chunks is read by `work`, all of `numbers`."""
        if not numbers:
            return {}
        found = await self.transactions.read(work)
        if not found.keys() >= set(numbers):
            raise _GoneError
        return found


class _GoneError(Exception):
    """A chunk that was to be merged is no longer there: another one compacts or purges the subject."""


def _take(keys: Sequence[tuple[str, int]], unit: IngestUnit) -> _Taken:
    """The bytes of segments, as far as they are still there, and the numbers of their writers' series."""
    of_writer: dict[str, list[int]] = {}
    for writer_id, first_sequence in keys:
        of_writer.setdefault(writer_id, []).append(first_sequence)
    segments, numbers = [], {}
    for writer_id, first_sequences in of_writer.items():
        segments += [(writer_id, data) for data in unit.metrics.segment_data(writer_id, first_sequences)]
        numbers[writer_id] = unit.metrics.defined_series(writer_id)
    return _Taken(segments, numbers)


def _values(numbers: Sequence[int], unit: IngestUnit) -> dict[int, bytes]:
    return unit.metrics.chunk_values(numbers)


def _group_rows(group: Group, packed: dict[int, bytes], chunk_points: int) -> GroupRows:
    return group_rows(group, [decode_rows(packed[number]) for number in group.row_sets], chunk_points)


def _chunks(group: Group, rows: GroupRows, members: Sequence[Member], values: dict[int, bytes]) -> list[list[NewChunk]]:
    return chunks_of(group, rows, members, {number: decode_values(data) for number, data in values.items()})
