"""Sending records as one writer of a run: from where the server stands, each once."""

from __future__ import annotations

import asyncio
import hashlib
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import grpc
import grpc.aio

from trackway import errors
from trackway._ids import new_id
from trackway._ingest.batch import Batch
from trackway._ingest.server import Server
from trackway._ingest.wire import append_message
from trackway._rpc.retry import Backoff
from trackway._rpc.status import BY_REASON, CallSite, error_of, has_expired
from trackway.api.common.v1.errors_pb2 import ErrorReason
from trackway.api.metrics.v1 import ingest_pb2
from trackway.importing.plan import Record

INGEST = "/trackway.api.tracking.v1.TrackingService/Ingest"
LABELS = {"by": "trackway import"}
ATTEMPTS = 6
_MESSAGE_BYTES = 1 << 20
_RECORD_BYTES = 7 << 20
"""Of one record, what fits every server's append."""
_MESSAGE_RECORDS = 8192
_ANSWER_SECONDS = 60.0

Records = Callable[[], Iterator[Record]]
"""Makes the records anew: what was sent is not kept, but read again where it is needed again."""


@dataclass(slots=True)
class Sent:
    """How the records of a writer fared."""

    points: int = 0
    """Points that were sent now."""
    records: int = 0
    """Records that were sent now."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """What the server refused, now or at an import before, and why."""
    same: bool = True
    """The server's history begins as these records do. Where not, nothing was sent."""


def writer_id(run_id: str, generation: int) -> str:
    """The writer of a run at its first import (0), and at those that found more in the source.

    It is made of the run alone, whose id is unique by itself: the same run read from a database, from its copy or by
    REST is the same writer, and is not imported twice.
    """
    return hashlib.sha256(f"trackway import mlflow {run_id} {generation}".encode()).hexdigest()[:32]


async def send(server: Server, run_id: str, workspace: str, generation: int, records: Records) -> Sent:
    """Send what the server does not have of these records; none where it has others under this writer.

    A connection that breaks and a token that expires are mended. Raises TrackwayError.
    """
    sent, backoff, attempt = Sent(), Backoff(), 1
    while True:
        began = time.monotonic()
        try:
            await _session(server, run_id, workspace, generation, records, sent)
            return sent
        except errors.Unauthenticated as error:
            if not has_expired(error):
                raise
            server.credentials.renew(began)
        except (errors.Unavailable, errors.ResourceExhausted, errors.DeadlineExceeded):
            attempt += 1
            if attempt > ATTEMPTS:
                raise
            await backoff.wait()


async def _session(server: Server, run_id: str, workspace: str, generation: int, records: Records, sent: Sent) -> None:
    site = CallSite(server.address, "TrackingService.Ingest", new_id())
    stream: Any = server.channel.stream_stream(INGEST, response_deserializer=ingest_pb2.IngestResponse.FromString)
    call: Any = None
    try:
        call = stream(metadata=await server.credentials.metadata(server.channel, site.request_id))
        opened = await _open(call, run_id, workspace, generation)
        pending = _Pending(records(), opened.durable_sequence)
        refused = (
            await _refused_before(server, run_id, generation) if opened.durable_sequence and not sent.records else {}
        )
        sent.same = await asyncio.to_thread(pending.skip, refused) == opened.prefix_checksum
        if not sent.same:
            return
        await _pump(call, pending, sent, opened.max_append_bytes)
        sent.refused = once([*pending.refused, *sent.refused])
    except grpc.aio.AioRpcError as failure:
        raise error_of(failure, site) from None
    except TimeoutError:
        raise errors.Unavailable(f"{server.address.uri} did not answer in time: run the import again") from None
    finally:
        if call is not None:
            call.cancel()


async def _open(call: Any, run_id: str, workspace: str, generation: int) -> ingest_pb2.WriterOpened:
    request = ingest_pb2.OpenWriter(
        subject_id=run_id,
        writer_id=writer_id(run_id, generation),
        epoch=time.time_ns() // 1000,
        labels=LABELS,
        workspace=workspace,
        brief=True,  # a run that still runs elsewhere is not lost because this writer is silent
    )
    await call.write(ingest_pb2.IngestRequest(open=request).SerializeToString())
    opened: ingest_pb2.WriterOpened = (await _answer(call)).opened
    return opened


async def _refused_before(server: Server, run_id: str, generation: int) -> dict[int, str]:
    """The records of this writer that the server refused at an import before, and why."""
    writer = writer_id(run_id, generation)
    refused = await server.client.tracking.list_refused(run_id)
    return {each.sequence: each.message for each in refused if each.writer_id == writer}


async def _pump(call: Any, pending: _Pending, sent: Sent, max_bytes: int) -> None:
    """One message after the other, the next one read while the server stores the one before."""
    message = await asyncio.to_thread(pending.message, min(_MESSAGE_BYTES, max_bytes))
    while message is not None:
        await call.write(message.data)
        following = asyncio.create_task(asyncio.to_thread(pending.message, min(_MESSAGE_BYTES, max_bytes)))
        try:
            refused: dict[int, str] = {}
            durable = 0
            while durable < message.end:
                acknowledged = (await _answer(call)).acknowledged
                durable = acknowledged.durable_sequence
                refused |= {each.sequence: each.message for each in acknowledged.refused}
        except BaseException:
            await asyncio.wait([following])
            raise
        sent.refused += message.refusals(refused)
        sent.points += message.points
        sent.records += message.end - message.first
        message = await following
    await call.done_writing()


async def _answer(call: Any) -> ingest_pb2.IngestResponse:
    async with asyncio.timeout(_ANSWER_SECONDS):
        answer = await call.read()
    if answer is grpc.aio.EOF:
        await call  # raises the status
        raise errors.Unavailable("the server ended the stream: run the import again")
    if answer.HasField("refused"):
        reason = ErrorReason.Name(answer.refused.reason).removeprefix("ERROR_REASON_")
        raise BY_REASON.get(reason, errors.Internal)(answer.refused.message, reason=reason)
    response: ingest_pb2.IngestResponse = answer
    return response


@dataclass(frozen=True, slots=True)
class _Message:
    data: bytes
    first: int
    end: int
    points: int
    whats: list[str]

    def refusals(self, refused: dict[int, str]) -> list[tuple[str, str]]:
        """What was refused, and why."""
        return once([(self.whats[sequence - self.first], refused[sequence]) for sequence in sorted(refused)])


def once(refused: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The first refusal of each name: that of a metric's series, and not those of its points, too."""
    told: dict[str, str] = {}
    for what, message in refused:
        told.setdefault(what, message.rstrip("."))
    return list(told.items())


class _Pending:
    """The records that are still to be sent."""

    def __init__(self, records: Iterator[Record], durable: int) -> None:
        self._records = records
        self._next = durable
        self._checksum = 0
        self.refused: list[tuple[str, str]] = []

    def skip(self, refused: dict[int, str]) -> int:
        """Pass over what the server has, and what it refused, by ordinal; the rolling checksum of it, or -1 where there
        are fewer records."""
        passed = 0
        for record in islice(self._records, self._next):
            if record.columns is None and record.size > _RECORD_BYTES:
                self.refused.append((record.what, f"it has more than {_RECORD_BYTES:,} bytes"))
            if passed in refused:
                self.refused.append((record.what, refused[passed]))
            self._checksum = zlib.crc32(record.checksum.to_bytes(4, "little"), self._checksum)
            passed += 1
        return self._checksum if passed == self._next else -1

    def message(self, size: int) -> _Message | None:
        """The next records as a message of about this size at most; None where all are sent."""
        taken: list[Record] = []
        while size > 0 and len(taken) < _MESSAGE_RECORDS and (record := next(self._records, None)) is not None:
            taken.append(record)
            size -= record.size
        if not taken:
            return None
        first = self._next
        checksums = b"".join(record.checksum.to_bytes(4, "little") for record in taken)
        batch = Batch(first, len(taken), self._checksum, checksums)
        for ordinal, record in enumerate(taken, first):
            if record.columns is None and record.size > _RECORD_BYTES:
                self.refused.append(
                    (record.what, f"it has more than {_RECORD_BYTES:,} bytes")
                )  # its ordinal stays empty
            elif record.columns is None:
                batch.objects.append((ordinal, record.kind, dict(record.fields)))
            else:
                batch.blocks.append(record.block(ordinal))
        self._next += len(taken)
        self._checksum = zlib.crc32(checksums, self._checksum)
        whats = [record.what for record in taken]
        return _Message(append_message(batch), first, self._next, batch.points, whats)
