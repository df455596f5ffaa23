"""L1 chunks as bytes: row sets, values and roll-ups, each a list of columns, bit for bit.

The format, version 1. All integers are little-endian; a column is one standalone file of pcodec
(github.com/pcodec/pcodec), which holds the number and the type of its elements.

    offset  size  what
    0       4     magic: `TWR1` a row set, `TWV1` values, `TWB1` a roll-up
    4       4     C, number of columns, u32
    8       4*C   length in bytes of each column, u32
    …       4     CRC-32 (zlib) of all bytes but these four, u32
    …             the columns, one after another

Row set: steps (i64), times (i64), sequences (u64), places in the record (u32), positions of the writers (u32), and the
writers' ids, 32 ASCII bytes each, as u32 (so that every column is numbers). Values: IEEE 754 binary64. Roll-up: the
fields of domain/chunks.py, BUCKET, in their order, each a column; fields that end in `_time` but the first, and those
that end in `_step` but the first, as differences from the first of their kind, modulo 2^64.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, standalone

from trackway_server.metrics.codec import SegmentCorruptError
from trackway_server.metrics.domain.chunks import BUCKET, Rollup, Rows
from trackway_server.metrics.domain.points import Float64s

_ROWS, _VALUES, _ROLLUP = b"TWR1", b"TWV1", b"TWB1"
_HEADER = struct.Struct("<4sI")
_WORD = struct.Struct("<I")
_LEVEL = 8
_CONFIG = ChunkConfig(compression_level=_LEVEL)
_FIELDS = BUCKET.names or ()
_BASES = {name: base for base in ("min_time", "first_step") for name in _FIELDS if name.endswith(base[-5:])}
"""From which field each that is a step or a time is taken as a difference; the bases themselves are not."""


class ChunkCorruptError(SegmentCorruptError):
    """The bytes are no part of a chunk, or of a version that this code does not know, or damaged."""


def encode_rows(rows: Rows) -> bytes:
    """The bytes of a row set."""
    names = np.frombuffer("".join(rows.writer_ids).encode("ascii"), dtype="<u4")
    return _pack(_ROWS, [rows.steps, rows.times, rows.sequences, rows.places, rows.writers, names])


def decode_rows(data: bytes) -> Rows:
    """The row set. Raises ChunkCorruptError."""
    steps, times, sequences, places, writers, names = _unpack(_ROWS, data, 6)
    text = names.astype("<u4", copy=False).tobytes().decode("ascii")
    return Rows(steps, times, sequences, places, writers, tuple(text[at : at + 32] for at in range(0, len(text), 32)))


def encode_values(values: Float64s) -> bytes:
    """The bytes of a chunk's values."""
    return _pack(_VALUES, [values])


def decode_values(data: bytes) -> Float64s:
    """The values of a chunk. Raises ChunkCorruptError."""
    (values,) = _unpack(_VALUES, data, 1)
    return cast(Float64s, values)


def encode_rollup(rollup: Rollup) -> bytes:
    """The bytes of a roll-up."""
    columns = []
    for name in _FIELDS:
        column = np.ascontiguousarray(rollup[name])
        base = _BASES.get(name, name)
        columns.append(column if base == name else column - rollup[base])
    return _pack(_ROLLUP, columns)


def decode_rollup(data: bytes) -> Rollup:
    """The roll-up. Raises ChunkCorruptError."""
    columns = _unpack(_ROLLUP, data, len(_FIELDS))
    rollup = np.empty(len(columns[0]), dtype=BUCKET)
    for name, column in zip(_FIELDS, columns, strict=True):
        rollup[name] = column
    for name, base in _BASES.items():
        if base != name:
            rollup[name] += rollup[base]
    return rollup


def _pack(magic: bytes, columns: Sequence[npt.NDArray[np.generic]]) -> bytes:
    packed = [standalone.simple_compress(np.ascontiguousarray(column), _CONFIG) for column in columns]
    header = _HEADER.pack(magic, len(packed)) + b"".join(_WORD.pack(len(one)) for one in packed)
    body = b"".join(packed)
    return b"".join((header, _WORD.pack(zlib.crc32(body, zlib.crc32(header))), body))


def _unpack(magic: bytes, data: bytes, count: int) -> list[Any]:
    """The arrays of the columns, each of the type that it was encoded from."""
    try:
        found, columns = _HEADER.unpack_from(data)
        body = _HEADER.size + 4 * count + _WORD.size
        if found != magic or columns != count:
            raise ChunkCorruptError(f"no {magic.decode()}")
        view = memoryview(data)
        (checksum,) = _WORD.unpack_from(data, body - _WORD.size)
        if zlib.crc32(view[body:], zlib.crc32(view[: body - _WORD.size])) != checksum:
            raise ChunkCorruptError("the chunk's bytes are not those that were written")
        lengths = struct.unpack_from(f"<{count}I", data, _HEADER.size)
        arrays = []
        for length in lengths:
            arrays.append(standalone.simple_decompress(bytes(view[body : body + length])))
            body += length
        return arrays
    except (struct.error, RuntimeError, TypeError, UnicodeDecodeError) as damage:
        raise ChunkCorruptError("the chunk is damaged") from damage
