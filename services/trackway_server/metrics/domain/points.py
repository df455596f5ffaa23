"""Points as columns: a block is rows by series, one sequence, time and step a row, one value a row and series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Float64s: TypeAlias = npt.NDArray[np.float64]
Int64s: TypeAlias = npt.NDArray[np.int64]
UInt64s: TypeAlias = npt.NDArray[np.uint64]
UInt32s: TypeAlias = npt.NDArray[np.uint32]
Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """`rows x series` points of one writer, in the order in which they were logged.

    `sequences` never fall; they repeat where one record carried several rows. `series` are the writer's own numbers,
    none twice. Steps and times may come in any order.
    """

    sequences: UInt64s
    times: Int64s
    steps: Int64s
    series: UInt32s
    values: Float64s
    """Shape `(rows, series)`."""

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return len(self.sequences)

    @property
    def point_count(self) -> int:
        """Number of points."""
        return self.values.size

    def from_sequence(self, sequence: int) -> Block:
        """The rows whose ordinal is `sequence` or greater."""
        start = int(np.searchsorted(self.sequences, np.uint64(sequence)))
        if start == 0:
            return self
        return Block(self.sequences[start:], self.times[start:], self.steps[start:], self.series, self.values[start:])

    def column(self, position: int) -> Column:
        """The points of the series at `position`."""
        return Column(self.sequences, self.times, self.steps, np.ascontiguousarray(self.values[:, position]))


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Points of one series and one writer: four arrays of one length."""

    sequences: UInt64s
    times: Int64s
    steps: Int64s
    values: Float64s

    def __len__(self) -> int:
        return len(self.sequences)


def join_columns(parts: Sequence[Column]) -> Column:
    """All points of `parts`, in the order of their sequences; rows of one sequence keep their order."""
    if len(parts) == 1:
        return parts[0]
    sequences = np.concatenate([part.sequences for part in parts])
    times = np.concatenate([part.times for part in parts])
    steps = np.concatenate([part.steps for part in parts])
    values = np.concatenate([part.values for part in parts])
    if bool((sequences[1:] >= sequences[:-1]).all()):
        return Column(sequences, times, steps, values)
    order = np.argsort(sequences, kind="stable")
    return Column(sequences[order], times[order], steps[order], values[order])


def merge_blocks(blocks: Iterable[Block]) -> list[Block]:
    """The same points with the blocks of equal series joined, each in the order of its rows."""
    groups: dict[bytes, list[Block]] = {}
    for block in blocks:
        if block.row_count:
            groups.setdefault(block.series.tobytes(), []).append(block)
    return [_join(group) for group in groups.values()]


def _join(blocks: list[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    sequences = np.concatenate([block.sequences for block in blocks])
    times = np.concatenate([block.times for block in blocks])
    steps = np.concatenate([block.steps for block in blocks])
    values = np.concatenate([block.values for block in blocks])
    if bool((sequences[1:] >= sequences[:-1]).all()):
        return Block(sequences, times, steps, blocks[0].series, values)
    order = np.argsort(sequences, kind="stable")
    return Block(sequences[order], times[order], steps[order], blocks[0].series, values[order])
