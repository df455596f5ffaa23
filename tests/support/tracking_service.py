"""A TrackingService in this process, called without a socket, and the messages of a writer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trackway.api.metrics.v1 import ingest_pb2 as pb
from trackway_server.core.auth.principal import LOCAL_ADMIN, Principal
from trackway_server.core.errors import DomainError
from trackway_server.core.rpc.call import Call
from trackway_server.core.rpc.validation import validate

RUN = "0123456789abcdef" * 2
WRITER = "fedcba9876543210" * 2


@dataclass
class Clock:
    """Says what it is told; every question moves it by a microsecond."""

    time_us: int = 1_000_000

    def now_us(self) -> int:
        self.time_us += 1
        return self.time_us


def call(principal: Principal = LOCAL_ADMIN) -> Call:
    """A call as the interceptors would have filled it in."""
    return Call("/test", principal=principal)


@dataclass
class Answers:
    """What a stream answered, and the refusal it ended with."""

    responses: list[pb.IngestResponse] = field(default_factory=list)
    error: DomainError | None = None

    @property
    def opened(self) -> pb.WriterOpened:
        return self.responses[0].opened

    @property
    def durable(self) -> int:
        return max((r.acknowledged.durable_sequence for r in self.responses if r.HasField("acknowledged")), default=-1)

    @property
    def refused_records(self) -> list[tuple[int, str]]:
        return [
            (
                one.sequence,
                pb.RecordRefused.DESCRIPTOR.fields_by_name["reason"].enum_type.values_by_number[one.reason].name,
            )
            for response in self.responses
            for one in response.acknowledged.refused
        ]

    @property
    def refusal(self) -> pb.StreamRefused | None:
        return next((r.refused for r in self.responses if r.HasField("refused")), None)


async def ingest(servicer: Any, messages: Sequence[pb.IngestRequest], caller: Call | None = None) -> Answers:
    """Send messages as the server would hand them over, one after another, and half-close."""

    async def requests() -> AsyncIterator[pb.IngestRequest]:
        for message in messages:
            parsed = pb.IngestRequest.FromString(message.SerializeToString())
            validate(parsed)
            yield parsed
            await asyncio.sleep(0)

    answers = Answers()
    try:
        async for response in servicer.Ingest(requests(), caller or call()):
            answers.responses.append(response)
    except DomainError as refused:
        answers.error = refused
    return answers


def open_writer(epoch: int, run_id: str = RUN, writer_id: str = WRITER, **fields: Any) -> pb.IngestRequest:
    """The first message of a stream."""
    return pb.IngestRequest(open=pb.OpenWriter(subject_id=run_id, writer_id=writer_id, epoch=epoch, **fields))


def append(first: int, *records: pb.Record, count: int | None = None, **fields: Any) -> pb.IngestRequest:
    """An append whose records have the ordinals from `first` on, unless they say otherwise."""
    for offset, record in enumerate(records):
        record.sequence_offset = record.sequence_offset or offset
    covered = len(records) if count is None else count
    return pb.IngestRequest(
        append=pb.AppendRecords(first_sequence=first, record_count=covered, records=records, **fields)
    )


def start(**fields: Any) -> pb.Record:
    """The creation of the run."""
    return pb.Record(run_start=pb.RunStart(start_time_us=5, **fields))


def series(series_id: int, key: str = "loss", **context: str) -> pb.Record:
    """The definition of a series."""
    return pb.Record(series=pb.SeriesDefinition(series_id=series_id, key=key, context=context))


def params(**values: str) -> pb.Record:
    """Params to set."""
    return pb.Record(params=pb.ParamsSet(params=values))


def points(values: Sequence[float], *series_ids: int, at: int = 0, **fields: Any) -> pb.Record:
    """A block; each row a record of its own from the offset `at` on."""
    width = max(1, len(series_ids))
    rows = fields.pop("row_count", len(values) // width)
    block = pb.PointBlock(row_count=rows, series_ids=series_ids, values=values, first_time_us=7, **fields)
    return pb.Record(sequence_offset=at, points=block)


def bits(values: Any) -> list[int]:
    """The 64 bits of each value."""
    return np.asarray(values, dtype=np.float64).view(np.uint64).tolist()
