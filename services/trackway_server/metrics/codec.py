"""L0 segments: the points of one commit of one writer as bytes, bit for bit, any series of it readable alone.

The format, version 1. All integers are little-endian; `zstd(x)` is one zstd frame (RFC 8878, level 1).

    offset  size  what
    0       4     magic, the bytes `TWL0`
    4       2     version, u16: 1
    6       2     reserved, u16: 0
    8       4     B, number of blocks, u32
    12      4     C, number of columns of all blocks together, u32
    16      4     R, number of rows of all blocks together, u32
    20      4     F, number of value frames, u32
    24      4     length in bytes of the directory, u32
    28      4     CRC-32 (zlib) of bytes 0 to 27 and of all from byte 32 on, u32
    32            the directory: zstd of these arrays of u32, one after another:
                      rows of each block (B), columns of each block (B), series number of each column (C),
                      first column of each value frame (F), length in bytes of each value frame (F)
    …             the sequences, the times and the steps of all rows, block after block, each as a row column
    …             F value frames

A row column holds R 64-bit integers x[0] … x[R-1] as x[0] and the differences d[i] = x[i] - x[i-1] modulo 2^64:

    0       1     width of a difference in bytes, u8: 0, 1, 2, 4 or 8; 0: all differences are equal
    1       8     x[0], u64
    9       8     d[1] where the width is 0 (0 where R < 2), otherwise the length in bytes of what follows, u64
    17            nothing where the width is 0, otherwise zstd of d[1] … d[R-1] as signed integers of that width

A value frame is zstd of the values of some consecutive columns, column after column, each in the order of its rows,
as IEEE 754 binary64. Frames are cut at the first column's end at or past 64 KiB. So reading one series inflates the
rows and the frames that hold it, nothing else.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import zstandard

from trackway_server.metrics.domain.points import Block, Bools, UInt32s, UInt64s

_HEADER = struct.Struct("<4sHHIIIII")
_CHECKSUM = struct.Struct("<I")
_BODY = _HEADER.size + _CHECKSUM.size
_ROW_COLUMN = struct.Struct("<BQQ")
_MAGIC = b"TWL0"
_VERSION = 1
_FRAME_BYTES = 64 * 1024
_LEVEL = 1
_WIDTHS = (np.int8, np.int16, np.int32)


class SegmentCorruptError(Exception):
    """The bytes are no segment, or of a version that this code does not know, or damaged."""


def encode_segment(blocks: Sequence[Block]) -> bytes:
    """The bytes of `blocks`; at least one block, each with at least one row and one series."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True)
    rows = np.array([block.row_count for block in blocks], dtype="<u4")
    columns = np.array([len(block.series) for block in blocks], dtype="<u4")
    series = np.concatenate([block.series for block in blocks]).astype("<u4", copy=False)
    first_columns = _frame_starts(np.repeat(rows, columns))
    frames = _value_frames(blocks, columns, first_columns, compressor)
    directory = compressor.compress(
        b"".join(
            part.astype("<u4", copy=False).tobytes()
            for part in (rows, columns, series, first_columns, np.array([len(frame) for frame in frames]))
        )
    )
    header = _HEADER.pack(_MAGIC, _VERSION, 0, len(blocks), len(series), int(rows.sum()), len(frames), len(directory))
    row_columns = [
        _encode_row_column(np.concatenate([getattr(block, name) for block in blocks]), compressor)
        for name in ("sequences", "times", "steps")
    ]
    body = b"".join((directory, *row_columns, *frames))
    return b"".join((header, _CHECKSUM.pack(zlib.crc32(body, zlib.crc32(header))), body))


def decode_segment(data: bytes, series: Sequence[int] | UInt32s | None = None) -> list[Block]:
    """The blocks of a segment; where `series` is given, those that hold any of them, reduced to them.

    Raises SegmentCorruptError.
    """
    try:
        segment = _open(data)
        return segment.blocks(None if series is None else np.asarray(series, dtype=np.uint32))
    except (zstandard.ZstdError, struct.error, ValueError, IndexError) as damage:
        raise SegmentCorruptError("the segment is damaged") from damage


def _frame_starts(rows_of_column: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """The first column of each frame, so that frames are the shortest runs of at least _FRAME_BYTES."""
    ends = np.cumsum(rows_of_column.astype(np.int64) * 8)
    starts = [0]
    while True:
        reached = (int(ends[starts[-1] - 1]) if starts[-1] else 0) + _FRAME_BYTES
        following = int(np.searchsorted(ends, reached)) + 1
        if following >= len(ends):
            return np.array(starts, dtype=np.int64)
        starts.append(following)


def _value_frames(
    blocks: Sequence[Block],
    columns: npt.NDArray[np.uint32],
    first_columns: npt.NDArray[np.int64],
    compressor: zstandard.ZstdCompressor,
) -> list[bytes]:
    by_column = [np.ascontiguousarray(block.values.T, dtype="<f8").reshape(-1) for block in blocks]
    flat = by_column[0] if len(by_column) == 1 else np.concatenate(by_column)
    rows = np.repeat(np.array([block.row_count for block in blocks], dtype=np.int64), columns)
    offsets = np.concatenate(([0], np.cumsum(rows)))
    edges = offsets[np.append(first_columns, len(rows))]
    return [compressor.compress(flat[start:end].data) for start, end in pairwise(edges)]


def _encode_row_column(values: npt.NDArray[np.generic], compressor: zstandard.ZstdCompressor) -> bytes:
    unsigned = np.ascontiguousarray(values).view(np.uint64)
    deltas = (unsigned[1:] - unsigned[:-1]).view(np.int64)
    first = int(unsigned[0])
    low, high = (int(deltas.min()), int(deltas.max())) if len(deltas) else (0, 0)
    if low == high:
        return _ROW_COLUMN.pack(0, first, low & 0xFFFF_FFFF_FFFF_FFFF)
    width = next((t for t in _WIDTHS if np.iinfo(t).min <= low and high <= np.iinfo(t).max), np.int64)
    packed = compressor.compress(deltas.astype(np.dtype(width).newbyteorder("<"), copy=False).data)
    return _ROW_COLUMN.pack(np.dtype(width).itemsize, first, len(packed)) + packed


@dataclass(frozen=True, slots=True, eq=False)
class _Segment:
    """An opened segment: directory and row columns inflated, value frames not yet."""

    data: bytes
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    series: UInt32s
    first_columns: npt.NDArray[np.int64]
    frame_offsets: npt.NDArray[np.int64]
    row_columns: tuple[UInt64s, UInt64s, UInt64s]

    def blocks(self, wanted: UInt32s | None) -> list[Block]:
        chosen = np.ones(len(self.series), dtype=np.bool_) if wanted is None else np.isin(self.series, wanted)
        values = self._values(chosen)
        column_rows = np.repeat(self.rows, self.columns)
        offsets = np.concatenate(([0], np.cumsum(column_rows * chosen)))
        row_edges = np.concatenate(([0], np.cumsum(self.rows)))
        column_edges = np.concatenate(([0], np.cumsum(self.columns)))
        blocks = []
        for block in range(len(self.rows)):
            span = slice(int(column_edges[block]), int(column_edges[block + 1]))
            series = self.series[span][chosen[span]]
            if not len(series):
                continue
            points = values[int(offsets[span.start]) : int(offsets[span.stop])]
            at = slice(int(row_edges[block]), int(row_edges[block + 1]))
            sequences, times, steps = (column[at] for column in self.row_columns)
            matrix = points.reshape(len(series), -1).T
            blocks.append(Block(sequences, times.view(np.int64), steps.view(np.int64), series, matrix))
        return blocks

    def _values(self, chosen: Bools) -> npt.NDArray[np.float64]:
        """The values of the chosen columns, column after column."""
        edges = np.append(self.first_columns, len(self.series))
        column_rows = np.repeat(self.rows, self.columns)
        parts = []
        decompressor = zstandard.ZstdDecompressor()
        for frame in np.flatnonzero(np.add.reduceat(chosen, self.first_columns)):
            span = slice(int(edges[frame]), int(edges[frame + 1]))
            packed = memoryview(self.data)[int(self.frame_offsets[frame]) : int(self.frame_offsets[frame + 1])]
            size = int(column_rows[span].sum()) * 8
            flat = np.frombuffer(decompressor.decompress(packed, max_output_size=size), dtype="<f8")
            if flat.nbytes != size:
                raise SegmentCorruptError("a value frame has another length than its directory says")
            keep = chosen[span]
            parts.append(flat if keep.all() else flat[np.repeat(keep, column_rows[span])])
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float64)


def _open(data: bytes) -> _Segment:
    magic, version, _, block_count, column_count, row_count, frame_count, length = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != _VERSION:
        raise SegmentCorruptError(f"no segment of version {_VERSION}")
    (checksum,) = _CHECKSUM.unpack_from(data, _HEADER.size)
    if zlib.crc32(memoryview(data)[_BODY:], zlib.crc32(data[: _HEADER.size])) != checksum:
        raise SegmentCorruptError("the segment's bytes are not those that were written")
    decompressor = zstandard.ZstdDecompressor()
    packed = memoryview(data)[_BODY : _BODY + length]
    words = 2 * block_count + column_count + 2 * frame_count
    directory = np.frombuffer(decompressor.decompress(packed, max_output_size=4 * words), dtype="<u4")
    cuts = np.cumsum([block_count, block_count, column_count, frame_count])
    rows, columns, series, first_columns, lengths = np.split(directory, cuts)
    position = _BODY + length
    row_columns = []
    for _ in range(3):
        column, position = _decode_row_column(data, position, row_count, decompressor)
        row_columns.append(column)
    return _Segment(
        data,
        rows.astype(np.int64),
        columns.astype(np.int64),
        series,
        first_columns.astype(np.int64),
        position + np.concatenate(([0], np.cumsum(lengths.astype(np.int64)))),
        (row_columns[0], row_columns[1], row_columns[2]),
    )


def _decode_row_column(
    data: bytes, position: int, row_count: int, decompressor: zstandard.ZstdDecompressor
) -> tuple[UInt64s, int]:
    width, first, word = _ROW_COLUMN.unpack_from(data, position)
    position += _ROW_COLUMN.size
    values = np.empty(row_count, dtype=np.uint64)
    values[0] = first
    if width == 0:
        values[1:] = word
        return np.cumsum(values, dtype=np.uint64), position
    packed = memoryview(data)[position : position + word]
    plain = decompressor.decompress(packed, max_output_size=width * (row_count - 1))
    values[1:] = np.frombuffer(plain, dtype=f"<i{width}").astype(np.int64).view(np.uint64)
    return np.cumsum(values, dtype=np.uint64), position + word
