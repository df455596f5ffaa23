"""Chunks: the points of one series, many commits and writers together, in the order of their steps.

A chunk has a *row set*, which says of each point step, time, writer, sequence and place in its record, and values.
Series that were logged together have equal rows, and share one row set. A *roll-up* tells of every 256 points of a
chunk what a chart draws of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from trackway_server.metrics.domain.points import Bools, Column, Float64s, Int64s, UInt32s, UInt64s
from trackway_server.metrics.domain.summaries import NO_MAXIMUM, NO_MINIMUM, keys_of, values_of

CHUNK_POINTS = 65_536
"""Points of a full chunk; it is never written again."""
BUCKET_POINTS = 256
"""Points of a bucket of a roll-up; the last of a chunk may have fewer."""
ROLLED_UP_POINTS = 1024
"""Points from which on a chunk has a roll-up; the points of smaller ones are read as fast."""

BUCKET = np.dtype(
    [
        ("count", "<i8"),
        ("nan_count", "<i8"),
        ("min_time", "<i8"),
        ("max_time", "<i8"),
        ("first", "<f8"),
        ("first_step", "<i8"),
        ("first_time", "<i8"),
        ("last", "<f8"),
        ("last_step", "<i8"),
        ("last_time", "<i8"),
        ("low", "<f8"),
        ("low_at", "<i8"),
        ("low_step", "<i8"),
        ("low_time", "<i8"),
        ("high", "<f8"),
        ("high_at", "<i8"),
        ("high_step", "<i8"),
        ("high_time", "<i8"),
        ("sum", "<f8"),
    ]
)
"""One bucket, of points in the order of the chunk, so that its steps are `first_step` to `last_step`.

`first` and `last` are points, NaN or not. `low` and `high` are the first points of the smallest and the greatest value
that is not NaN (-0.0 below 0.0), `low_at` and `high_at` their positions in the chunk; where all are NaN, they are the
first point. `sum` is of the values that are not NaN.
"""

Rollup: TypeAlias = npt.NDArray[np.void]
"""Records of BUCKET."""

WRITER = np.dtype(
    [("writer_id", "S32"), ("count", "<u4"), ("first_sequence", "<u8"), ("last_sequence", "<u8")], align=False
)
"""What a row set has of one writer: so many points, whose sequences lie between the two, both included."""

Writers: TypeAlias = npt.NDArray[np.void]
"""Records of WRITER."""


class Axis(Enum):
    """What points are chosen by."""

    STEP = "step"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Range:
    """Points whose step, or time in microseconds since 1970 UTC, is from `first` to `last`, both included."""

    axis: Axis
    first: int
    last: int

    def chooses(self, steps: Int64s, times: Int64s) -> Bools:
        """Which points are in it."""
        along = steps if self.axis is Axis.STEP else times
        return (along >= self.first) & (along <= self.last)


@dataclass(frozen=True, slots=True, eq=False)
class ChunkEntry:
    """A chunk in the index. `series`, `number` and `rows` (of its row set) are the store's own numbers."""

    number: int
    series: int
    rows: int
    point_count: int
    min_step: int
    max_step: int
    min_time: int
    max_time: int
    writers: Writers
    """Whose points it holds."""

    def within(self, chosen: Range) -> bool:
        """Whether a point of the chunk may be in the range."""
        low, high = (self.min_step, self.max_step) if chosen.axis is Axis.STEP else (self.min_time, self.max_time)
        return low <= chosen.last and high >= chosen.first


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows by (step, time, sequence, writer, place): arrays of one length."""

    steps: Int64s
    times: Int64s
    sequences: UInt64s
    places: UInt32s
    """Which point of its series in its record each was, from 0: a record may carry many."""
    writers: UInt32s
    """Positions in `writer_ids`."""
    writer_ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.steps)

    def taken(self, chosen: npt.NDArray[np.generic] | slice) -> Rows:
        """Some of the rows, in the order of `chosen`: positions, a mask or a slice."""
        return Rows(
            self.steps[chosen],
            self.times[chosen],
            self.sequences[chosen],
            self.places[chosen],
            self.writers[chosen],
            self.writer_ids,
        )

    def order(self) -> npt.NDArray[np.intp] | None:
        """The positions that bring the rows into their order; None where they stand in it."""
        if bool((self.steps[1:] > self.steps[:-1]).all()):
            return None
        # Writers by their ids, not by their positions: the same points give the same chunk, however they came.
        ranks = np.argsort(np.argsort(np.array(self.writer_ids))) if len(self.writer_ids) else self.writers
        order = np.lexsort((self.places, ranks[self.writers], self.sequences, self.times, self.steps))
        return None if bool((order[1:] > order[:-1]).all()) else order

    def directory(self) -> Writers:
        """What there is of each writer, by id."""
        found = np.empty(len(self.writer_ids), dtype=WRITER)
        for position, writer_id in enumerate(self.writer_ids):
            sequences = self.sequences[self.writers == position] if len(self.writer_ids) > 1 else self.sequences
            found[position] = (writer_id.encode(), len(sequences), sequences.min(), sequences.max())
        return np.sort(found, order="writer_id")


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of one series: rows, and a value of each."""

    rows: Rows
    values: Float64s

    def __len__(self) -> int:
        return len(self.values)

    def taken(self, chosen: npt.NDArray[np.generic] | slice) -> Points:
        """Some of the points, as Rows.taken."""
        return Points(self.rows.taken(chosen), self.values[chosen])

    def within(self, chosen: Range) -> Points:
        """Those in the range."""
        return self.taken(chosen.chooses(self.rows.steps, self.rows.times))


def rows_of_column(column: Column, writer_id: str) -> Rows:
    """The rows of points of one writer, which stand in the order in which they were logged."""
    return Rows(
        column.steps,
        column.times,
        column.sequences,
        places_of(column.sequences),
        np.zeros(len(column), dtype=np.uint32),
        (writer_id,),
    )


def places_of(sequences: UInt64s) -> UInt32s:
    """The place of each row within its record; equal sequences stand beside one another."""
    places = np.arange(len(sequences), dtype=np.uint32)
    changes = np.flatnonzero(sequences[1:] != sequences[:-1]) + 1
    starts = np.concatenate((np.zeros(1, dtype=np.int64), changes))
    lengths = np.diff(np.append(starts, len(sequences)))
    return (places - np.repeat(starts, lengths).astype(np.uint32)).astype(np.uint32)


def join_rows(parts: Sequence[Rows]) -> Rows:
    """All rows of `parts`, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    writer_ids = tuple(sorted({writer_id for part in parts for writer_id in part.writer_ids}))
    positions = {writer_id: position for position, writer_id in enumerate(writer_ids)}
    renumbered = [
        np.array([positions[one] for one in part.writer_ids], dtype=np.uint32)[part.writers] for part in parts
    ]
    return Rows(
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.sequences for part in parts]),
        np.concatenate([part.places for part in parts]),
        np.concatenate(renumbered),
        writer_ids,
    )


def only_used_writers(rows: Rows) -> Rows:
    """The same rows without writers that have none of them."""
    used = np.unique(rows.writers)
    if len(used) == len(rows.writer_ids):
        return rows
    numbers = np.searchsorted(used, rows.writers).astype(np.uint32)
    names = tuple(rows.writer_ids[position] for position in used.tolist())
    return Rows(rows.steps, rows.times, rows.sequences, rows.places, numbers, names)


def roll_up(rows: Rows, values: Float64s) -> Rollup:
    """The roll-up of a chunk."""
    starts = np.arange(0, len(values), BUCKET_POINTS)
    ends = np.append(starts[1:], len(values)) - 1
    rollup = np.zeros(len(starts), dtype=BUCKET)
    nans = np.isnan(values)
    rollup["count"] = ends - starts + 1
    rollup["nan_count"] = np.add.reduceat(nans.astype(np.int64), starts)
    rollup["min_time"] = np.minimum.reduceat(rows.times, starts)
    rollup["max_time"] = np.maximum.reduceat(rows.times, starts)
    with np.errstate(invalid="ignore", over="ignore"):
        rollup["sum"] = np.add.reduceat(np.where(nans, 0.0, values), starts)
    keys = keys_of(values)
    low, high = np.where(nans, NO_MINIMUM, keys), np.where(nans, NO_MAXIMUM, keys)
    places = {
        "first": starts,
        "last": ends,
        "low": _first_of(low, np.minimum.reduceat(low, starts), starts),
        "high": _first_of(high, np.maximum.reduceat(high, starts), starts),
    }
    for name, at in places.items():
        rollup[name] = values_of(keys[at])
        rollup[f"{name}_step"] = rows.steps[at]
        rollup[f"{name}_time"] = rows.times[at]
    rollup["low_at"], rollup["high_at"] = places["low"], places["high"]
    return rollup


def _first_of(keys: Int64s, bounds: Int64s, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The first position in each bucket that holds the bucket's bound."""
    lengths = np.diff(np.append(starts, len(keys)))
    positions = np.arange(len(keys))
    candidates = np.where(keys == np.repeat(bounds, lengths), positions, len(keys))
    return np.minimum.reduceat(candidates, starts)


@dataclass(frozen=True, slots=True, eq=False)
class WaitingSegment:
    """A segment that no compaction has taken yet: so many points of so many series."""

    writer_id: str
    first_sequence: int
    point_count: int
    series_count: int


@dataclass(frozen=True, slots=True, eq=False)
class NewChunk:
    """A chunk to be stored: its values and its roll-up, encoded; the roll-up empty below ROLLED_UP_POINTS."""

    series: int
    values: bytes
    rollup: bytes


@dataclass(frozen=True, slots=True, eq=False)
class NewRows:
    """A row set to be stored, encoded, with the chunks that share it."""

    point_count: int
    min_step: int
    max_step: int
    min_time: int
    max_time: int
    writers: Writers
    data: bytes
    chunks: Sequence[NewChunk]


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """What one step of compaction stores, and what it was made of, which goes in the same transaction."""

    segments: Sequence[tuple[str, int]]
    """(writer id, first sequence) of each."""
    chunks: Sequence[int]
    """The numbers of chunks that were merged into the new ones."""
    added: Sequence[NewRows]
