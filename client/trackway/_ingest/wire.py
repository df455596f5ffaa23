"""Batches as messages: the bytes of `IngestRequest.append`, with the values spliced in as they lie in the spool.

Packed fields are written by numpy, not value by value through protobuf; a message is a concatenation of its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from trackway._ingest.batch import Batch, Block
from trackway._ingest.spool import Kind
from trackway.api.metrics.v1 import ingest_pb2

_RECORD_FIELDS: Mapping[int, tuple[str, Callable[..., Message]]] = {
    Kind.RUN_START: ("run_start", ingest_pb2.RunStart),
    Kind.RUN_STATUS: ("run_status", ingest_pb2.RunStatusChange),
    Kind.PARAMS: ("params", ingest_pb2.ParamsSet),
    Kind.TAGS: ("tags", ingest_pb2.TagsChange),
    Kind.DATASET: ("dataset_input", ingest_pb2.DatasetInput),
    Kind.SERIES: ("series", ingest_pb2.SeriesDefinition),
    Kind.MODEL_INPUT: ("model_input", ingest_pb2.ModelInput),
    Kind.MODEL_OUTPUT: ("model_output", ingest_pb2.ModelOutput),
    Kind.CONSOLE: ("console", ingest_pb2.ConsoleBlock),
}


def _field(message: Any, name: str) -> bytes:
    """The tag of a length-delimited field."""
    return _varint(message.DESCRIPTOR.fields_by_name[name].number << 3 | 2)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_APPEND = _field(ingest_pb2.IngestRequest, "append")
_RECORDS = _field(ingest_pb2.AppendRecords, "records")
_POINTS = _field(ingest_pb2.Record, "points")
_SEQUENCE_DELTAS = _field(ingest_pb2.PointBlock, "sequence_deltas")
_TIME_DELTAS = _field(ingest_pb2.PointBlock, "time_deltas")
_STEP_DELTAS = _field(ingest_pb2.PointBlock, "step_deltas")
_VALUES = _field(ingest_pb2.PointBlock, "values")


def append_message(batch: Batch) -> bytes:
    """The serialised IngestRequest of a batch."""
    head = ingest_pb2.AppendRecords(
        first_sequence=batch.first,
        record_count=batch.count,
        record_checksums=batch.checksums,
        prefix_checksum=batch.prefix_checksum,
    ).SerializeToString()
    objects = [_object_record(sequence - batch.first, kind, fields) for sequence, kind, fields in batch.objects]
    blocks = [_block_record(block, batch.first) for block in batch.blocks]
    body = b"".join((head, *(_delimited(_RECORDS, record) for record in (*objects, *blocks))))
    return _delimited(_APPEND, body)


def _delimited(tag: bytes, content: bytes) -> bytes:
    return b"".join((tag, _varint(len(content)), content))


def _object_record(offset: int, kind: int, fields: dict[str, Any]) -> bytes:
    name, message = _RECORD_FIELDS[kind]
    try:
        content = message(**fields)
    except (ValueError, UnicodeError):
        content = message(**_encodable(fields))
    record = ingest_pb2.Record(sequence_offset=offset)
    getattr(record, name).CopyFrom(content)
    return record.SerializeToString()


def _encodable(value: Any) -> Any:
    """`value` with `?` for lone surrogates, which UTF-8 cannot hold (file names of other encodings have them)."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return value


def _block_record(block: Block, first: int) -> bytes:
    head = ingest_pb2.PointBlock(
        row_count=len(block.steps),
        one_record=block.one_record,
        series_ids=block.series,
        first_time_us=int(block.times[0]),
        first_step=int(block.steps[0]),
    ).SerializeToString()
    parts: list[bytes | memoryview] = [head]
    if not block.one_record:
        parts += _unless(_SEQUENCE_DELTAS, np.diff(block.sequences), 1, _varints)
    parts += _unless(_TIME_DELTAS, _wrapping_diff(block.times), 0, _zigzag_varints)
    parts += _unless(_STEP_DELTAS, _wrapping_diff(block.steps), 1, _zigzag_varints)
    values = np.ascontiguousarray(block.values, "<f8").data.cast("B")
    parts += [_VALUES, _varint(len(values)), values]
    points = b"".join(parts)
    offset = ingest_pb2.Record(sequence_offset=int(block.sequences[0]) - first).SerializeToString()
    return offset + _delimited(_POINTS, points)


def _wrapping_diff(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Differences modulo 2^64, so that any two 64-bit numbers may follow one another."""
    return np.diff(values.view(np.uint64)).view(np.int64)


def _unless(
    tag: bytes, deltas: NDArray[Any], default: int, encode: Callable[[NDArray[Any]], bytes]
) -> tuple[bytes, ...]:
    """The packed field, or nothing where every delta is the default that an absent field stands for."""
    if (deltas == default).all():
        return ()
    content = encode(deltas)
    return tag, _varint(len(content)), content


def _zigzag_varints(values: NDArray[np.int64]) -> bytes:
    """`sint64` values: the sign goes into the lowest bit."""
    zigzag = (values.view(np.uint64) << np.uint64(1)) ^ (values >> np.int64(63)).view(np.uint64)
    return _varints(zigzag)


def _varints(values: NDArray[np.uint64]) -> bytes:
    """Values as base-128 varints, one after the other."""
    largest = int(values.max())
    if largest < 1 << 7:
        return values.astype(np.uint8).tobytes()
    width = -(-largest.bit_length() // 7)
    shifts = np.arange(width, dtype=np.uint64) * np.uint64(7)
    groups = values[:, None] >> shifts
    more = np.zeros(groups.shape, bool)
    more[:, :-1] = groups[:, 1:] != 0
    digits = (groups & np.uint64(0x7F)).astype(np.uint8) | (more.astype(np.uint8) << 7)
    used = np.ones(groups.shape, bool)
    used[:, 1:] = groups[:, 1:] != 0
    return digits[used].tobytes()
