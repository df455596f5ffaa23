"""Between the messages of metrics/v1 and this package's values. Arrays are read through numpy, never point by point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from google.protobuf.message import Message

from trackway.api.metrics.v1 import ingest_pb2, series_pb2
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.validation import validate
from trackway_server.metrics.domain.points import Block, UInt32s, UInt64s
from trackway_server.metrics.domain.reading import Chunk, SummarisedSeries, parse_context
from trackway_server.metrics.domain.records import (
    Append,
    Opening,
    Refusal,
    SeriesDefinition,
    SubjectRecord,
    canonical_context,
)

SubjectPayload = Callable[[ingest_pb2.Record], object]
"""The subject's service's own conversion of a record that this package does not understand."""

_RECORD_BYTES = 256
"""About what one record costs in memory beside its arrays."""
_REFUSED_PER_MESSAGE = 1000


def opening_from_proto(message: ingest_pb2.OpenWriter, principal: str, workspace: str) -> Opening:
    """A writer that opens a stream in `workspace`, as `principal`."""
    return Opening(message.writer_id, message.subject_id, principal, workspace, message.epoch, dict(message.labels))


def append_from_proto(message: ingest_pb2.AppendRecords, payload: SubjectPayload) -> Append:
    """An append. A record that breaks a limit becomes a refusal of its own; its neighbours stay.

    Raises DomainError where the append as a whole, or a record that creates the subject, breaks a limit.
    """
    if message.record_count == 0:
        raise _invalid("append.record_count", "must be given")
    definitions: list[SeriesDefinition] = []
    blocks: list[tuple[int, Block]] = []
    records: list[SubjectRecord] = []
    refused: list[Refusal] = []
    for record in message.records:
        try:
            _add_record(message, record, payload, definitions, blocks, records)
        except DomainError as refusal:
            if record.HasField("run_start"):
                raise
            sequences = _refused_sequences(message, record)
            refused.append(Refusal(sequences, refusal.reason, refusal.message))
    definitions.sort(key=_sequence)
    blocks.sort(key=lambda numbered: numbered[0])
    records.sort(key=_sequence)
    held = sum(b.values.nbytes + b.sequences.nbytes + b.times.nbytes + b.steps.nbytes for _, b in blocks)
    return Append(
        message.first_sequence,
        message.record_count,
        message.record_checksums or None,
        message.prefix_checksum,
        tuple(definitions),
        tuple(block for _, block in blocks),
        tuple(records),
        tuple(refused),
        held + _text_bytes(message, records) + _RECORD_BYTES * len(message.records),
    )


def _sequence(record: SeriesDefinition | SubjectRecord) -> int:
    return record.sequence


def _text_bytes(message: ingest_pb2.AppendRecords, records: Sequence[SubjectRecord]) -> int:
    """The size of the records that are not points; only looked at where there are any."""
    return message.ByteSize() if records else 0


def _add_record(
    append: ingest_pb2.AppendRecords,
    record: ingest_pb2.Record,
    payload: SubjectPayload,
    definitions: list[SeriesDefinition],
    blocks: list[tuple[int, Block]],
    records: list[SubjectRecord],
) -> None:
    validate(record)
    if record.sequence_offset >= append.record_count:
        raise _invalid("sequence_offset", "must be less than the append's record_count")
    sequence = append.first_sequence + record.sequence_offset
    match record.WhichOneof("kind"):
        case "points":
            block = block_from_proto(record.points, sequence, append.record_count - record.sequence_offset)
            blocks.append((sequence, block))
        case "series":
            series = record.series
            definitions.append(
                SeriesDefinition(sequence, series.series_id, series.key, canonical_context(series.context))
            )
        case None:
            raise _invalid("kind", "must be one that this server knows; update the server")
        case _:
            records.append(SubjectRecord(sequence, payload(record)))


def block_from_proto(block: ingest_pb2.PointBlock, first_sequence: int, room: int) -> Block:
    """The columns of a block whose rows may cover `room` ordinals from `first_sequence` on.

    Raises DomainError(INVALID_FIELD) where the columns do not fit one another.
    """
    rows = block.row_count
    values = np.asarray(block.values)
    series = np.asarray(block.series_ids)
    if len(values) != rows * len(series):
        raise _invalid("points.values", f"must have row_count times series_ids, {rows * len(series)}, elements")
    if len(series) > 1 and len(np.unique(series)) != len(series):
        raise _invalid("points.series_ids", "must not name a series twice")
    return Block(
        _sequences(block, first_sequence, room),
        _running("points.time_deltas", block.first_time_us, np.asarray(block.time_deltas), rows, 0),
        _running("points.step_deltas", block.first_step, np.asarray(block.step_deltas), rows, 1),
        series,
        values.reshape(rows, len(series)),
    )


def _sequences(block: ingest_pb2.PointBlock, first: int, room: int) -> UInt64s:
    rows = block.row_count
    deltas: UInt32s = np.asarray(block.sequence_deltas)
    if block.one_record:
        if len(deltas):
            raise _invalid("points.sequence_deltas", "must be empty with one_record")
        return np.full(rows, first, dtype=np.uint64)
    if not len(deltas):
        covered = rows
        sequences = np.arange(first, first + rows, dtype=np.uint64)
    else:
        _check_length("points.sequence_deltas", deltas, rows)
        if not deltas.all():
            raise _invalid("points.sequence_deltas", "must be at least 1 each")
        covered = int(deltas.sum(dtype=np.uint64)) + 1
        sequences = np.empty(rows, dtype=np.uint64)
        sequences[0] = first
        np.cumsum(deltas, dtype=np.uint64, out=sequences[1:])
        sequences[1:] += np.uint64(first)
    if covered > room:
        raise _invalid("points", "must not have rows beyond the append's record_count")
    return sequences


def _running(name: str, first: int, deltas: npt.NDArray[np.int64], rows: int, otherwise: int) -> npt.NDArray[np.int64]:
    """`first` and the running sums of `deltas` onto it, modulo 2^64; without deltas, all are `otherwise`."""
    start = np.uint64(first & 0xFFFF_FFFF_FFFF_FFFF)
    if not len(deltas):
        return (start + np.arange(rows, dtype=np.uint64) * np.uint64(otherwise)).view(np.int64)
    _check_length(name, deltas, rows)
    sums = np.empty(rows, dtype=np.uint64)
    sums[0] = start
    np.cumsum(deltas.view(np.uint64), out=sums[1:])
    sums[1:] += start
    return sums.view(np.int64)


def _check_length(name: str, deltas: npt.NDArray[np.generic], rows: int) -> None:
    if len(deltas) != rows - 1:
        raise _invalid(name, f"must be empty or have row_count - 1, {rows - 1}, elements")


def _refused_sequences(append: ingest_pb2.AppendRecords, record: ingest_pb2.Record) -> UInt64s:
    """The ordinals that a refused record names, as far as they can be told: the rows of a block, if they fit."""
    first = min(record.sequence_offset, append.record_count - 1)
    if not record.HasField("points") or record.points.one_record:
        return np.array([append.first_sequence + first], dtype=np.uint64)
    rows = max(1, min(record.points.row_count, append.record_count - first))
    try:
        return _sequences(record.points, append.first_sequence + first, append.record_count - first)
    except DomainError:
        return np.arange(append.first_sequence + first, append.first_sequence + first + rows, dtype=np.uint64)


def acknowledged_to_proto(durable_sequence: int, refused: Sequence[Refusal]) -> list[ingest_pb2.IngestResponse]:
    """The messages that acknowledge `durable_sequence`; several where more than 1,000 records were refused."""
    rows = [
        ingest_pb2.RecordRefused(sequence=sequence, reason=refusal.reason.number, message=refusal.message)  # type: ignore[arg-type]
        for refusal in refused
        for sequence in refusal.sequences.tolist()
    ]
    return [
        ingest_pb2.IngestResponse(
            acknowledged=ingest_pb2.RecordsAcknowledged(
                durable_sequence=durable_sequence, refused=rows[start : start + _REFUSED_PER_MESSAGE]
            )
        )
        for start in range(0, max(1, len(rows)), _REFUSED_PER_MESSAGE)
    ]


def refused_to_proto(refused: DomainError, durable_sequence: int, retryable: bool) -> ingest_pb2.IngestResponse:
    """The message that ends a stream."""
    return ingest_pb2.IngestResponse(
        refused=ingest_pb2.StreamRefused(
            reason=refused.reason.number,  # type: ignore[arg-type]
            message=refused.message,
            durable_sequence=durable_sequence,
            retryable=retryable,
        )
    )


def summary_to_proto(summarised: SummarisedSeries) -> series_pb2.SeriesSummary:
    """The summary of a series."""
    return series_pb2.SeriesSummary(
        key=summarised.key,
        context=parse_context(summarised.context) if summarised.context else None,
        count=summarised.count,
        nan_count=summarised.nan_count,
        last_value=summarised.last_value,
        last_step=summarised.last_step,
        last_time_us=summarised.last_time_us,
        min_value=summarised.min_value,
        min_step=summarised.min_step,
        max_value=summarised.max_value,
        max_step=summarised.max_step,
        first_value=summarised.first_value,
        first_step=summarised.first_step,
        first_time_us=summarised.first_time_us,
        first_nan_step=summarised.first_nan_step,
    )


def chunk_to_proto(chunk: Chunk) -> series_pb2.PointColumns:
    """Points of one series and one writer."""
    series, column = chunk.series, chunk.column
    message = series_pb2.PointColumns(
        subject_id=series.subject_id,
        key=series.key,
        context=parse_context(series.context),
        writer_id=chunk.writer_id,
    )
    columns = {
        "steps": column.steps,
        "times_us": column.times,
        "values": column.values,
        "sequences": column.sequences,
    }
    message.MergeFromString(packed_fields(message, columns))
    return message


def packed_fields(message: Message, columns: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """Packed fields of 64-bit elements on the wire (protobuf encoding, "Packed Repeated Fields"), by name: their bytes
    are the arrays', which is five times faster than handing over Python numbers and keeps the payload of a NaN."""
    return b"".join(_packed(message.DESCRIPTOR.fields_by_name[name].number, column) for name, column in columns.items())


def _packed(field_number: int, column: npt.NDArray[np.generic]) -> bytes:
    data = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<")).tobytes()
    return _varint(field_number << 3 | 2) + _varint(len(data)) + data if data else b""


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _invalid(field: str, what: str) -> DomainError:
    return DomainError(Reason.INVALID_FIELD, f"{field} {what}.", field=field)
