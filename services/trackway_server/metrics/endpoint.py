"""The Ingest RPC, as every service that takes metrics answers it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

import structlog

from trackway.api.metrics.v1 import ingest_pb2
from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call
from trackway_server.metrics import convert
from trackway_server.metrics.domain.ports import IngestUnit, Transactions
from trackway_server.metrics.domain.records import Append
from trackway_server.metrics.domain.session import OpenedWriter, open_named
from trackway_server.metrics.ingest import RETRYABLE, Acknowledged, IngestLimits, IngestStream
from trackway_server.metrics.liveness import Liveness
from trackway_server.metrics.shares import Shares
from trackway_server.metrics.telemetry import IngestTelemetry

Requests = AsyncIterator[ingest_pb2.IngestRequest]
Responses = AsyncGenerator[ingest_pb2.IngestResponse, None]

LOG = structlog.get_logger(__name__)

_RECORDS_INLINE = 64
"""Converting more records than this would hold up the event loop."""
_DRAIN_SECONDS = 10.0
_SILENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class IngestEndpoint:
    """Answers Ingest over the store of one service."""

    transactions: Transactions[IngestUnit]
    subject_payload: convert.SubjectPayload
    limits: IngestLimits
    clock: Clock
    on_commit: Callable[[str], None]
    """Told the subject's id after each commit of points."""
    shares: Shares
    counts: IngestTelemetry = field(default_factory=IngestTelemetry.apart)
    liveness: Liveness | None = None
    """Told of every message; None: nobody asks whether writers live, and no heartbeats are wanted."""

    async def answer(self, requests: Requests, call: Call) -> Responses:
        """Answer one stream. A refusal travels as a message; its status follows when the client has half-closed."""
        first = await anext(requests, None)
        if first is None:
            return
        try:
            opened = await self._open(first, call)
        except DomainError as refused:
            self.counts.refused_stream(refused.reason)
            yield _refusal(refused, 0)
            await _drain(requests)
            raise
        yield self._opened(opened)
        with self.shares.of(call.principal.name) as share:
            stream = IngestStream(
                self.transactions, opened, self.limits, self.clock, self.on_commit, share, self.counts
            )
            appends = self._appends(opened, requests, heard=not first.open.brief)
            async with aclosing(appends), aclosing(self._run(stream, opened, appends)) as responses:
                async for response in responses:
                    yield response

    async def _appends(
        self, opened: OpenedWriter, requests: Requests, *, heard: bool
    ) -> AsyncGenerator[ingest_pb2.IngestRequest, None]:
        """What is to be appended; every message is a sign of life where those are `heard`, and a heartbeat nothing
        else."""
        cursor, liveness = opened.cursor, self.liveness if heard else None
        if liveness is not None:
            liveness.heard(cursor.subject_id, cursor.writer_id)
        async for request in requests:
            if liveness is not None:
                liveness.heard(cursor.subject_id, cursor.writer_id)
            if not request.HasField("heartbeat"):
                yield request

    async def _run(self, stream: IngestStream, opened: OpenedWriter, requests: Requests) -> Responses:
        refused_by: DomainError | None = None
        async with aclosing(stream.answers(requests, self._append)) as answers:
            async for answer in answers:
                if isinstance(answer, Acknowledged):
                    for response in convert.acknowledged_to_proto(answer.durable_sequence, answer.refused):
                        yield response
                else:
                    refused_by = answer.error
                    self.counts.refused_stream(refused_by.reason)
                    yield _refusal(refused_by, answer.durable_sequence)
        if refused_by is not None:
            _log_refused(opened, refused_by)
            raise refused_by

    async def _open(self, first: ingest_pb2.IngestRequest, call: Call) -> OpenedWriter:
        if not first.HasField("open"):
            raise _malformed("The first message of a stream must be `open`.")
        workspace = call.named_workspace(first.open.workspace)
        opening = convert.opening_from_proto(first.open, call.principal.name, workspace)
        admission, now_us = None if call.holds(workspace) else call, self.clock.now_us()
        return await self.transactions.write(lambda unit: open_named(admission, unit, opening, now_us))

    def _opened(self, opened: OpenedWriter) -> ingest_pb2.IngestResponse:
        return ingest_pb2.IngestResponse(
            opened=ingest_pb2.WriterOpened(
                durable_sequence=opened.cursor.durable_sequence,
                prefix_checksum=opened.cursor.prefix_checksum,
                max_append_bytes=self.limits.max_append_bytes,
                heartbeat_interval_ms=self.liveness.heartbeat_interval_ms if self.liveness else 0,
            )
        )

    async def _append(self, request: ingest_pb2.IngestRequest) -> Append:
        if not request.HasField("append"):
            raise _malformed("Every message after `open` must be `append` or `heartbeat`.")
        self.check_size(request.append)
        if len(request.append.records) <= _RECORDS_INLINE:
            return convert.append_from_proto(request.append, self.subject_payload)
        return await asyncio.to_thread(convert.append_from_proto, request.append, self.subject_payload)

    def check_size(self, append: ingest_pb2.AppendRecords) -> None:
        """Raise LIMIT_EXCEEDED where an append is larger than one may be."""
        size, most = append.ByteSize(), self.limits.max_append_bytes
        if size > most:
            message = f"The append has {size} bytes, more than the {most} told in `opened`; send fewer records in each."
            raise DomainError(Reason.LIMIT_EXCEEDED, message, limit="append_bytes", maximum=str(most))


async def _drain(requests: Requests) -> None:
    """Read until the client has half-closed or is silent: a status set while it still writes is lost on its way."""
    with suppress(DomainError, TimeoutError, StopAsyncIteration):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while True:
                await asyncio.wait_for(anext(requests), _SILENCE_SECONDS)


def _log_refused(opened: OpenedWriter, refused: DomainError) -> None:
    cursor = opened.cursor
    LOG.warning("ingest_refused", reason=refused.reason.name, writer_id=cursor.writer_id, subject_id=cursor.subject_id)


def _refusal(refused: DomainError, durable_sequence: int) -> ingest_pb2.IngestResponse:
    return convert.refused_to_proto(refused, durable_sequence, refused.reason in RETRYABLE)


def _malformed(message: str) -> DomainError:
    return DomainError(Reason.MALFORMED_REQUEST, message, method="Ingest")
