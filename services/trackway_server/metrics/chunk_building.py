"""Making chunks of segments and of smaller chunks: what is merged with what, and how it is cut and encoded.

Series that have the same rows, before and now, are a *group*: their rows are joined, sorted and encoded once. A chunk
is merged with new points only where it has no more points than what comes to it: so each point is rewritten as often as
its chunk doubles, and a series has few small chunks however slowly its points trickle in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trackway_server.metrics.chunk_codec import encode_rollup, encode_rows, encode_values
from trackway_server.metrics.codec import decode_segment
from trackway_server.metrics.domain.chunks import (
    CHUNK_POINTS,
    ROLLED_UP_POINTS,
    ChunkEntry,
    NewChunk,
    NewRows,
    Rows,
    join_rows,
    only_used_writers,
    places_of,
    roll_up,
)
from trackway_server.metrics.domain.points import Block, Float64s, Int64s, UInt32s, merge_blocks


@dataclass(frozen=True, slots=True, eq=False)
class NewBlock:
    """Points that leave segments: those of one writer and of series that it logged together."""

    writer_id: str
    block: Block
    series: Int64s
    """The store's numbers of the block's series."""


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A series of a group: where its new points stand in each of the group's blocks, and its chunks to be merged."""

    series: int
    positions: tuple[int, ...]
    merged: tuple[ChunkEntry, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Series with equal rows."""

    blocks: tuple[NewBlock, ...]
    row_sets: tuple[int, ...]
    """The row sets of the chunks to be merged."""
    members: list[Member]

    @property
    def point_count(self) -> int:
        """Points of each member."""
        merged = sum(entry.point_count for entry in self.members[0].merged)
        return merged + sum(new.block.row_count for new in self.blocks)


@dataclass(frozen=True, slots=True, eq=False)
class GroupRows:
    """The rows of a group, in order and cut to the size of chunks."""

    order: npt.NDArray[np.intp] | None
    pieces: tuple[Rows, ...]


def new_blocks(segments: Iterable[tuple[str, bytes]], numbers: dict[str, tuple[UInt32s, Int64s]]) -> list[NewBlock]:
    """The points of segments, given with their writers; `numbers` are each writer's and the store's of its series."""
    of_writer: dict[str, list[Block]] = {}
    for writer_id, data in segments:
        of_writer.setdefault(writer_id, []).extend(decode_segment(data))
    found = []
    for writer_id, blocks in of_writer.items():
        own, stored = numbers[writer_id]
        order = np.argsort(own)
        for block in merge_blocks(blocks):
            places = order[np.searchsorted(own, block.series, sorter=order)]
            found.append(NewBlock(writer_id, block, stored[places]))
    return found


def groups(
    blocks: Sequence[NewBlock], entries: Iterable[ChunkEntry], merged_points: int, chunk_points: int = CHUNK_POINTS
) -> list[Group]:
    """What is to be made of the blocks and of the chunks that their series have and that have fewer than
    `chunk_points`: of those `merged_points` at most."""
    open_chunks: dict[int, list[ChunkEntry]] = {}
    for entry in entries:
        if entry.point_count < chunk_points:
            open_chunks.setdefault(entry.series, []).append(entry)
    sources: dict[int, list[tuple[int, int]]] = {}
    for index, new in enumerate(blocks):
        for position, series in enumerate(new.series.tolist()):
            sources.setdefault(series, []).append((index, position))
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], Group] = {}
    for series, places in sources.items():
        count = sum(blocks[index].block.row_count for index, _ in places)
        merged = _to_merge(count, open_chunks.get(series, ()), merged_points)
        merged_points -= sum(entry.point_count for entry in merged)
        chosen = tuple(index for index, _ in places)
        row_sets = tuple(entry.rows for entry in merged)
        if (chosen, row_sets) not in found:
            found[chosen, row_sets] = Group(tuple(blocks[index] for index in chosen), row_sets, [])
        member = Member(series, tuple(position for _, position in places), merged)
        found[chosen, row_sets].members.append(member)
    return list(found.values())


def _to_merge(count: int, open_chunks: Sequence[ChunkEntry], most: int) -> tuple[ChunkEntry, ...]:
    """Of the chunks that are not full those to be merged with `count` points, `most` points of them at most."""
    merged = []
    for entry in sorted(open_chunks, key=lambda entry: (entry.point_count, entry.number)):
        if entry.point_count > count or entry.point_count > most:
            break
        merged.append(entry)
        count += entry.point_count
        most -= entry.point_count
    return tuple(merged)


def group_rows(group: Group, row_sets: Sequence[Rows], chunk_points: int = CHUNK_POINTS) -> GroupRows:
    """The rows of a group, cut at `chunk_points`; `row_sets` are those that it names, decoded."""
    rows = join_rows([*(_rows_of(new) for new in group.blocks), *row_sets])
    order = rows.order()
    if order is not None:
        rows = rows.taken(order)
    pieces = (slice(start, start + chunk_points) for start in range(0, len(rows), chunk_points))
    return GroupRows(order, tuple(only_used_writers(rows.taken(piece)) for piece in pieces))


def _rows_of(new: NewBlock) -> Rows:
    block = new.block
    nobody_else = np.zeros(block.row_count, dtype=np.uint32)
    return Rows(block.steps, block.times, block.sequences, places_of(block.sequences), nobody_else, (new.writer_id,))


def chunks_of(
    group: Group, rows: GroupRows, members: Sequence[Member], merged: dict[int, Float64s]
) -> list[list[NewChunk]]:
    """The chunks of some members, for each piece of the rows; `merged` are the values of their chunks, by number."""
    found: list[list[NewChunk]] = [[] for _ in rows.pieces]
    for member in members:
        of_blocks = (
            new.block.values[:, position] for new, position in zip(group.blocks, member.positions, strict=True)
        )
        values = np.concatenate([*of_blocks, *(merged[entry.number] for entry in member.merged)])
        if rows.order is not None:
            values = values[rows.order]
        start = 0
        for piece, chunks in zip(rows.pieces, found, strict=True):
            chunks.append(_chunk(member.series, piece, values[start : start + len(piece)]))
            start += len(piece)
    return found


def _chunk(series: int, rows: Rows, values: Float64s) -> NewChunk:
    rollup = encode_rollup(roll_up(rows, values)) if len(values) >= ROLLED_UP_POINTS else b""
    return NewChunk(series, encode_values(values), rollup)


def new_rows(piece: Rows, chunks: Sequence[NewChunk]) -> NewRows:
    """A piece of a group's rows with its chunks, to be stored."""
    return NewRows(
        len(piece),
        int(piece.steps.min()),
        int(piece.steps.max()),
        int(piece.times.min()),
        int(piece.times.max()),
        piece.directory(),
        encode_rows(piece),
        chunks,
    )
