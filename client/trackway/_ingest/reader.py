"""Reading a spool: from any ordinal, while it is being written, tolerant of a torn tail.

Records are found by a walk over their headers; what they hold is gathered by numpy, all rows of a kind at once.
"""

from __future__ import annotations

import json
import os
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from trackway._ingest.batch import Batch, Block
from trackway._ingest.meta import SpoolDamaged
from trackway._ingest.spool import (
    COLUMN,
    COLUMN_HAS_STEPS,
    COLUMN_HAS_TIMES,
    HEADER,
    MAGIC,
    RECORD,
    Kind,
    segment_name,
    segment_numbers,
)

_WINDOW = 1 << 20
_LARGEST_RECORD = 1 << 30
_SPOOL_ONLY = frozenset({Kind.SHAPE, Kind.CLOSE})
_BARRIERS = frozenset({Kind.RUN_START, Kind.RUN_STATUS, Kind.CLOSE})

Shapes = dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Boundary:
    """The beginning of a segment: what a reader must know to start there. `status` is the run's last, 0 for none."""

    segment: int
    sequence: int
    checksum: int
    shapes: Shapes
    status: int


class _Window:
    """Bytes of a segment and the records found in them so far."""

    __slots__ = ("caught_up", "checksums", "data", "kinds", "offsets", "points", "stop")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offsets: list[int] = []
        self.checksums: list[int] = []
        self.kinds: list[int] = []
        self.points = 0
        self.stop = 0
        self.caught_up = False


class SpoolReader:
    """Reads one spool forward: `seek` once, then `read` again and again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.status = 0
        self.closed = False
        self.boundaries: deque[Boundary] = deque()
        self._file = -1
        self._rewind()

    def seek(self, sequence: int) -> None:
        """Stand before the record with this ordinal, having computed the checksum of all before it.

        Raises SpoolDamaged where that record is gone already. A spool that ends earlier leaves the reader at its end,
        with `self.sequence` smaller than asked.
        """
        if sequence < self.sequence:
            self._rewind()
        if sequence < self.sequence:
            raise SpoolDamaged(
                f"{self.directory} begins at record {self.sequence}, but the server asks for record {sequence}: it has "
                "lost what it had stored, or it is not the server this run was sent to"
            )
        while self.sequence < sequence:
            window = self._find(at_most=sequence - self.sequence)
            if window is None:
                return
            self._advance(window)

    def read(self, max_points: int = 65_536) -> Batch | None:
        """The next records: at least one, at most about so many points and a megabyte; None where there are none."""
        window = self._find(max_points=max_points)
        return None if window is None else self._batch(window)

    @property
    def place(self) -> tuple[int, int]:
        """(segment, offset) of the next record: the end of what counts."""
        return self._segment, self._offset

    def close(self) -> None:
        """Release the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    # -- finding records ---------------------------------------------------------------------------------------------

    def _rewind(self) -> None:
        """Stand at the earliest record that is left."""
        self.close()
        start = read_prefix(self.directory)
        self.sequence, self.checksum, self._segment = start.sequence, start.checksum, start.segment
        self._shapes = dict(start.shapes)
        self.status, self.closed = start.status, False
        self._offset = HEADER.size
        self.boundaries.clear()

    def _find(self, *, max_points: int = 1 << 62, at_most: int = 1 << 62) -> _Window | None:
        """The next records of the segment, or of the next one where this is at its end. None: there are none yet."""
        while True:
            data = self._load()
            if data:
                window = self._walk(data, max_points, at_most)
                if window.offsets:
                    return window
            if not self._next_segment():
                return None

    def _walk(self, data: bytes, max_points: int, at_most: int) -> _Window:
        """Find whole records from the start of `data`. The last one taken may go beyond `max_points`."""
        window = _Window(data)
        unpack, view, size = RECORD.unpack_from, memoryview(data), len(data)
        position = 0
        while position + 16 <= size and len(window.offsets) < at_most and window.points < max_points:
            length, checksum = unpack(data, position)
            stop = position + 8 + length
            if not length or length & 7 or stop > size or crc32(view[position + 8 : stop]) != checksum:
                window.caught_up = stop <= size
                break
            kind = data[position + 8]
            window.offsets.append(position)
            window.checksums.append(checksum)
            window.kinds.append(kind)
            window.stop = position = stop
            if kind == Kind.POINT:
                window.points += 1
            elif kind == Kind.ROW:
                window.points += (length - 24) >> 3
            elif kind == Kind.COLUMN:
                window.points += COLUMN.unpack_from(data, stop - length)[2]
            elif kind == Kind.SHAPE:
                shape = json.loads(data[stop - length + 8 : stop])
                self._shapes[shape["shape_id"]] = tuple(shape["series_ids"])
            elif kind in _BARRIERS:
                self._learn_state(kind, data[stop - length + 8 : stop])
                break
        return window

    def _learn_state(self, kind: int, text: bytes) -> None:
        if kind == Kind.CLOSE:
            self.closed = True
        elif kind == Kind.RUN_STATUS:
            self.status = json.loads(text)["status"]

    def _load(self) -> bytes:
        """Bytes of the segment from here on, at least the next record where it is whole; empty where there is none."""
        if self._file < 0 and not self._open_segment():
            return b""
        head = os.pread(self._file, RECORD.size, self._offset)
        if len(head) < RECORD.size:
            return b""
        length, _ = RECORD.unpack(head)
        if not 0 < length < _LARGEST_RECORD:
            return b""
        return os.pread(self._file, max(_WINDOW, length + RECORD.size), self._offset)

    def _open_segment(self) -> bool:
        path = self.directory / segment_name(self._segment)
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        head = os.pread(self._file, HEADER.size, 0)
        if len(head) < HEADER.size or not head.startswith(MAGIC):
            raise SpoolDamaged(f"{path} is not a segment of a spool")
        first = HEADER.unpack(head)[2]
        if first != self.sequence:
            raise SpoolDamaged(f"{path} begins at record {first}, but {self.sequence} is the next: records are missing")
        return True

    def _next_segment(self) -> bool:
        """Move to the next segment. False where there is none, or where this one has records after all."""
        if not (self.directory / segment_name(self._segment + 1)).exists():
            return False
        # The writer begins a segment after its last append to the one before: what is there now is all there will be.
        if self._holds_a_record(self._load()):
            return True
        self.close()
        self._segment += 1
        self._offset = HEADER.size
        self.boundaries.append(Boundary(self._segment, self.sequence, self.checksum, dict(self._shapes), self.status))
        return True

    def _holds_a_record(self, data: bytes) -> bool:
        if len(data) < RECORD.size:
            return False
        length, checksum = RECORD.unpack_from(data, 0)
        stop = RECORD.size + length
        return stop <= len(data) and bool(crc32(memoryview(data)[RECORD.size : stop]) == checksum)

    def _advance(self, window: _Window) -> bytes:
        """Pass over the records of the window, and answer their checksums as bytes."""
        checksums = np.array(window.checksums, "<u4").tobytes()
        self._offset += window.stop
        self.sequence += len(window.offsets)
        self.checksum = crc32(checksums, self.checksum)
        return checksums

    # -- what records hold -------------------------------------------------------------------------------------------

    def _batch(self, window: _Window) -> Batch:
        first, prefix = self.sequence, self.checksum
        checksums = self._advance(window)
        kinds = np.array(window.kinds)
        sequences = np.arange(first, self.sequence, dtype=np.uint64)
        return Batch(
            first=first,
            count=len(window.offsets),
            prefix_checksum=prefix,
            checksums=checksums,
            objects=_objects(window, kinds, first),
            blocks=[*self._rows(window, kinds, sequences), *_columns(window, kinds, first)],
            closes=window.kinds[-1] == Kind.CLOSE,
            changes_status=window.kinds[-1] == Kind.RUN_STATUS,
            caught_up=window.caught_up,
        )

    def _rows(self, window: _Window, kinds: NDArray[Any], sequences: NDArray[np.uint64]) -> list[Block]:
        """The POINT and ROW records, one block for each series or shape."""
        chosen = kinds <= Kind.ROW
        if not chosen.any():
            return []
        words = np.frombuffer(window.data, "<u8", len(window.data) // 8)
        at = np.array(window.offsets, np.int64)[chosen] >> 3
        heads, numbers = words[at + 1], sequences[chosen]
        blocks = []
        for head in np.unique(heads):
            same = heads == head
            kind, number = int(head) & 0xFFFFFFFF, int(head) >> 32
            series = (number,) if kind == Kind.POINT else self._shapes[number]
            start = at[same]
            values = words[start[:, None] + np.arange(4, 4 + len(series))].view(np.float64)
            times, steps = words[start + 2].view(np.int64), words[start + 3].view(np.int64)
            blocks.append(Block(numbers[same], series, times, steps, values))
        return blocks


def _objects(window: _Window, kinds: NDArray[Any], first: int) -> list[tuple[int, int, dict[str, Any]]]:
    objects = []
    for index in np.flatnonzero(kinds > Kind.COLUMN):
        kind = int(kinds[index])
        if kind not in _SPOOL_ONLY:
            start = window.offsets[index]
            length, _ = RECORD.unpack_from(window.data, start)
            objects.append((first + int(index), kind, json.loads(window.data[start + 16 : start + 8 + length])))
    return objects


def _columns(window: _Window, kinds: NDArray[Any], first: int) -> list[Block]:
    indexes = np.flatnonzero(kinds == Kind.COLUMN)
    return [_column(window.data, window.offsets[index] + RECORD.size, first + int(index)) for index in indexes]


def _column(data: bytes, at: int, sequence: int) -> Block:
    _, series, rows, flags, first_time, first_step = COLUMN.unpack_from(data, at)
    at += COLUMN.size
    times = np.full(rows, first_time, np.int64)
    steps = np.arange(first_step, first_step + rows, dtype=np.int64)
    if flags & COLUMN_HAS_TIMES:
        times = np.frombuffer(data, "<i8", rows, at)
        at += rows * 8
    if flags & COLUMN_HAS_STEPS:
        steps = np.frombuffer(data, "<i8", rows, at)
        at += rows * 8
    values = np.frombuffer(data, "<f8", rows, at).reshape(rows, 1)
    return Block(np.full(rows, sequence, np.uint64), (series,), times, steps, values, one_record=True)


def read_prefix(directory: Path) -> Boundary:
    """What was deleted at the front, as the beginning of what is left."""
    try:
        fields = json.loads((directory / "prefix.json").read_bytes())
    except FileNotFoundError:
        return Boundary(0, 0, 0, {}, 0)
    shapes = {int(number): tuple(series) for number, series in fields["shapes"].items()}
    return Boundary(fields["segment"], fields["sequence"], fields["checksum"], shapes, fields["status"])


def drop_acknowledged(reader: SpoolReader, durable: int) -> None:
    """Delete the segments that `reader` has left behind and whose records are all below `durable`.

    What is deleted is noted first, so that a crash in between leaves a spool that reads the same.
    """
    reached = None
    while reader.boundaries and reader.boundaries[0].sequence <= durable:
        reached = reader.boundaries.popleft()
    if reached is None:
        return
    draft = reader.directory / "prefix.json.new"
    draft.write_text(json.dumps(asdict(reached)))
    draft.rename(reader.directory / "prefix.json")
    for number in segment_numbers(os.fspath(reader.directory)):
        if number < reached.segment:
            (reader.directory / segment_name(number)).unlink(missing_ok=True)
