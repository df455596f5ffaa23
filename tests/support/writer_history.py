"""A writer's history, record by record, and the appends that carry any range of it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trackway_server.metrics.domain.points import Block
from trackway_server.metrics.domain.records import Append, SeriesDefinition, SubjectRecord
from trackway_server.tracking.domain.model import ParamsSet, RunStart

Point = tuple[int, int, float]
"""Ordinal, step, value."""
START = RunStart(run_name="a run", start_time_us=1)


@dataclass(frozen=True)
class Written:
    """One record: `kind`, and for points what they are of which series."""

    kind: str
    series_id: int = 0
    rows: tuple[tuple[int, float], ...] = ()
    checksum: bytes = b"\0\0\0\0"


@dataclass
class History:
    """What a writer wrote: first the start of its run and the definition of two series."""

    records: list[Written] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.write("start")
        self.write("series", 0)
        self.write("series", 1)

    def write(self, kind: str, series_id: int = 0, rows: Sequence[tuple[int, float]] = ()) -> None:
        """Add a record."""
        content = f"{len(self.records)} {kind} {series_id} {rows}".encode()
        self.records.append(Written(kind, series_id, tuple(rows), zlib.crc32(content).to_bytes(4, "little")))

    def checksum(self, end: int) -> int:
        """The rolling checksum of the records before `end`."""
        return zlib.crc32(b"".join(record.checksum for record in self.records[:end]))

    def points(self, series_id: int, end: int) -> list[Point]:
        """The points of a series in the records before `end`."""
        return [
            (sequence, step, value)
            for sequence, record in enumerate(self.records[:end])
            if record.kind in ("row", "array") and record.series_id == series_id
            for step, value in record.rows
        ]

    def params(self, end: int) -> dict[str, str]:
        """The params set by the records before `end`."""
        return {f"p{sequence}": "v" for sequence, record in enumerate(self.records[:end]) if record.kind == "param"}

    def append(self, first: int, end: int) -> Append:
        """The append of the records `first` to `end - 1`; single rows are gathered into one block a series."""
        records = list(enumerate(self.records))[first:end]
        blocks = [_array(sequence, record) for sequence, record in records if record.kind == "array"]
        blocks += [block for series_id in (0, 1) if (block := _rows(series_id, records)) is not None]
        return Append(
            first,
            end - first,
            b"".join(record.checksum for _, record in records),
            self.checksum(first),
            tuple(
                SeriesDefinition(sequence, record.series_id, "loss", '{"rank":"1"}' if record.series_id else "")
                for sequence, record in records
                if record.kind == "series"
            ),
            tuple(sorted(blocks, key=lambda block: int(block.sequences[0]))),
            tuple(
                SubjectRecord(sequence, START if record.kind == "start" else ParamsSet({f"p{sequence}": "v"}))
                for sequence, record in records
                if record.kind in ("start", "param")
            ),
            size=100 * len(records),
        )


def _array(sequence: int, record: Written) -> Block:
    return _block(record.series_id, [(sequence, *row) for row in record.rows])


def _rows(series_id: int, records: Sequence[tuple[int, Written]]) -> Block | None:
    points = [
        (sequence, *record.rows[0])
        for sequence, record in records
        if record.kind == "row" and record.series_id == series_id
    ]
    return _block(series_id, points) if points else None


def _block(series_id: int, points: Sequence[Point]) -> Block:
    return Block(
        np.array([sequence for sequence, _, _ in points], dtype=np.uint64),
        np.array([1_000 + sequence for sequence, _, _ in points], dtype=np.int64),
        np.array([step for _, step, _ in points], dtype=np.int64),
        np.array([series_id], dtype=np.uint32),
        np.array([[value] for _, _, value in points], dtype=np.float64),
    )
