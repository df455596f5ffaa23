"""Sending one spool to its server: the client's half of the Ingest protocol.

A session opens the writer, compares histories, sends from the server's durable sequence, and ends when the spool is
sent, or with an exception that says what is wrong. Sessions may be repeated at will: the server stores every record
once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from trackway import errors
from trackway._ids import new_id
from trackway._ingest.batch import Batch
from trackway._ingest.meta import Meta, SpoolDamaged
from trackway._ingest.reader import SpoolReader, drop_acknowledged
from trackway._ingest.server import Server
from trackway._ingest.spool import STATE_SIZE, Link, State, waiting_artifacts
from trackway._ingest.uploads import Uploads
from trackway._ingest.wire import append_message
from trackway._rpc.auth import Metadata
from trackway._rpc.status import BY_REASON, CallSite, error_of, has_expired
from trackway.api.common.v1.errors_pb2 import ErrorReason
from trackway.api.metrics.v1 import ingest_pb2

METHOD = "/trackway.api.tracking.v1.TrackingService/Ingest"
OPEN_SECONDS = 10.0
ACKNOWLEDGE_SECONDS = 60.0
LINGER_SECONDS = 0.1
"""How long points may wait for company in one message, while nobody waits for them."""
EXPIRED_SECONDS = 0.2
"""Within which the streams of a token that has expired come again, each at its own moment."""
WINDOW_BYTES = 8 << 20
"""How much may be under way without an acknowledgement."""


@dataclass(slots=True)
class Progress:
    """What one sender has done so far."""

    records: int = 0
    points: int = 0
    refused: int = 0
    complete: bool = False
    """The spool is closed, and everything in it is stored."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """An append that is under way: the ordinal after it, its size in bytes, when it was sent."""

    end: int
    size: int
    at: float


class SpoolSender:
    """Sends one spool. `wake` cuts the wait for more records short."""

    def __init__(
        self, directory: Path, meta: Meta, server: Server, *, on_progress: Callable[[], None] | None = None
    ) -> None:
        self.directory = directory
        self.meta = meta
        self.server = server
        self.wake = asyncio.Event()
        self.progress = Progress()
        self.state = read_state(directory)
        self._reader = SpoolReader(directory)
        self._uploads = Uploads(directory, meta, server)
        self._on_progress = on_progress or (lambda: None)
        self._acknowledged = asyncio.Event()
        self._began = 0.0
        self._under_way = 0
        self._max_append_bytes = 0
        self._passed_over = 0
        self._sent: deque[_Sent] = deque()

    async def session(self, *, follow: bool) -> None:
        """Send what is there and, with `follow`, what is still to come, until the writer closes the spool.

        A stream that has outlived its token is followed by one with a new token, and nobody is told.
        Raises TrackwayError where the server is unreachable or refuses, SpoolDamaged where the spool cannot be read.
        """
        while True:
            try:
                return await self._stream(follow=follow)
            except errors.Unauthenticated as refused:
                if not has_expired(refused):
                    raise
            self.server.credentials.renew(self._began)
            await asyncio.sleep(random.uniform(0, EXPIRED_SECONDS))  # noqa: S311 spreads streams, guards nothing

    async def _stream(self, *, follow: bool) -> None:
        site = CallSite(self.server.address, "TrackingService.Ingest", new_id())
        stream: Any = self.server.channel.stream_stream(
            METHOD, response_deserializer=ingest_pb2.IngestResponse.FromString
        )
        metadata, self._began = await self._metadata(site), time.monotonic()
        call: Any = stream(metadata=metadata)
        try:
            opened = await self._open(call)
            self._join(opened)
            async with asyncio.TaskGroup() as tasks:
                pump = tasks.create_task(self._pump(call, follow))
                watchdog = tasks.create_task(self._watch(pump))
                tasks.create_task(self._collect(call, pump, watchdog))
        except* grpc.aio.AioRpcError as failures:
            error = error_of(_first(failures), site)
            if isinstance(error, errors.Unauthenticated) and not has_expired(error):
                self.server.credentials.forget()
            raise error from None
        except* TimeoutError:
            raise errors.Unavailable(
                f"{self.server.address.uri} did not answer in time; it will be tried again"
            ) from None
        except* (errors.TrackwayError, SpoolDamaged) as failures:
            raise _first(failures) from None
        finally:
            call.cancel()

    async def _metadata(self, site: CallSite) -> Metadata:
        try:
            return await self.server.credentials.metadata(self.server.channel, site.request_id)
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure, site) from None

    def note_failure(self, link: int, problem: str) -> None:
        """Tell the training process that an attempt failed, and why."""
        self.state.link, self.state.problem = link, problem
        self.state.failures += 1
        self._write_state()

    def close(self) -> None:
        """Release the spool's files."""
        self._reader.close()

    # -- the session -------------------------------------------------------------------------------------------------

    async def _open(self, call: Any) -> ingest_pb2.WriterOpened:
        request = ingest_pb2.OpenWriter(
            subject_id=self.meta.run_id,
            writer_id=self.meta.writer_id,
            epoch=time.time_ns() // 1000,
            labels=self.meta.labels,
            workspace=self.meta.workspace,
        )
        async with asyncio.timeout(OPEN_SECONDS):
            await call.write(ingest_pb2.IngestRequest(open=request).SerializeToString())
            response = await call.read()
        if response is grpc.aio.EOF:
            await call  # raises the status
            raise errors.Unavailable(f"{self.server.address.uri} ended the stream; it will be tried again")
        if response.HasField("refused"):
            raise _refusal(response.refused)
        opened: ingest_pb2.WriterOpened = response.opened
        return opened

    def _join(self, opened: ingest_pb2.WriterOpened) -> None:
        """Stand where the server stands, having made sure that both have the same history."""
        self._reader.seek(opened.durable_sequence)
        self._max_append_bytes = opened.max_append_bytes
        self._sent.clear()
        self._under_way = 0
        behind = self._reader.sequence < opened.durable_sequence
        if not behind and self._reader.checksum != opened.prefix_checksum:
            raise errors.FailedPrecondition(
                f"the server holds another history of writer {self.meta.writer_id} than {self.directory}: a copy of "
                "this spool was written to and sent; the records here are kept and not sent"
            )
        self.state.link, self.state.problem = Link.CONNECTED, ""
        self._durable(opened.durable_sequence)

    async def _pump(self, call: Any, follow: bool) -> None:
        """Read the spool and send it, never more than the window ahead of the acknowledgements."""
        while True:
            batch = self._reader.read()
            if batch is None:
                if self._reader.closed or not follow:
                    break
                await self._upload()
                await self._wait_for_more()
                continue
            if batch.closes or batch.changes_status:
                await self._upload()
            message = append_message(batch)
            if len(message) > self._max_append_bytes:
                message = self._without_contents(batch, len(message))
            await self._room_for(len(message))
            self._sent.append(_Sent(batch.end, len(message), time.monotonic()))
            self._under_way += len(message)
            self.progress.points += batch.points
            await call.write(message)
            if batch.caught_up and follow:
                await self._wait_for_more()  # small messages in a tight loop would cost the trainer its processor
        await self._upload()
        await call.done_writing()

    def _without_contents(self, batch: Batch, size: int) -> bytes:
        """The append of a batch that no server takes (the reader puts so large a record alone): it is passed over, so
        that it does not hold up what follows, and told like a record that the server refuses."""
        if batch.first >= self._passed_over:
            self._passed_over = batch.end
            message = f"the record has {size:,} bytes; the server takes at most {self._max_append_bytes:,}"
            reason = ErrorReason.ERROR_REASON_LIMIT_EXCEEDED
            sequences = range(batch.first, batch.end)
            self._note_refused(
                [ingest_pb2.RecordRefused(sequence=s, reason=reason, message=message) for s in sequences]
            )
        return append_message(replace(batch, objects=[], blocks=[]))

    async def _watch(self, pump: asyncio.Task[None]) -> None:
        """Raise TimeoutError when the server leaves something without an answer for too long."""
        ended = 0.0
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            ended = ended or (now if pump.done() else 0.0)
            oldest = self._sent[0].at if self._sent else ended
            if oldest and now - oldest > ACKNOWLEDGE_SECONDS:
                raise TimeoutError

    async def _collect(self, call: Any, pump: asyncio.Task[None], watchdog: asyncio.Task[None]) -> None:
        """Take the acknowledgements until the server ends the stream."""
        while (response := await call.read()) is not grpc.aio.EOF:
            if response.HasField("refused"):
                raise _refusal(response.refused)
            acknowledged = response.acknowledged
            self._note_refused(acknowledged.refused)
            self._durable(acknowledged.durable_sequence)
        watchdog.cancel()
        if await call.code() != grpc.StatusCode.OK:
            await call  # raises the status
        if not pump.done():
            raise errors.Unavailable(f"{self.server.address.uri} ended the stream; it will be tried again")
        complete = self._reader.closed and self.state.durable == self._reader.sequence
        self.progress.complete = complete and not waiting_artifacts(os.fspath(self.directory))

    async def _upload(self) -> None:
        """Upload the files that wait, to a run that the server has."""
        if waiting_artifacts(os.fspath(self.directory)):
            await self._all_acknowledged()
        if refused := await self._uploads.run_waiting():
            self.progress.refused += refused
            self.state.refused += refused
            self._write_state()

    async def _wait_for_more(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await self.wake.wait()
        self.wake.clear()

    async def _all_acknowledged(self) -> None:
        while self._sent:
            self._acknowledged.clear()
            await self._acknowledged.wait()

    async def _room_for(self, size: int) -> None:
        while self._sent and self._under_way + size > WINDOW_BYTES:
            self._acknowledged.clear()
            await self._acknowledged.wait()

    def _durable(self, sequence: int) -> None:
        """Everything below `sequence` is stored."""
        self.progress.records += max(sequence - self.state.durable, 0)
        self.state.durable = sequence
        self._write_state()
        while self._sent and self._sent[0].end <= sequence:
            self._under_way -= self._sent.popleft().size
        self._acknowledged.set()
        drop_acknowledged(self._reader, sequence)
        self._on_progress()

    def _note_refused(self, refused: Any) -> None:
        if not refused:
            return
        with (self.directory / "refused.jsonl").open("a", encoding="utf-8") as file:
            for record in refused:
                reason = ErrorReason.Name(record.reason).removeprefix("ERROR_REASON_")
                line = {"sequence": record.sequence, "reason": reason, "message": record.message}
                file.write(json.dumps(line) + "\n")
        self.progress.refused += len(refused)
        self.state.refused += len(refused)

    def _write_state(self) -> None:
        fd = os.open(self.directory / "state", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(fd, self.state.encode(), 0)
        finally:
            os.close(fd)


def read_state(directory: Path) -> State:
    """The standing noted by the last sender of this spool."""
    try:
        with (directory / "state").open("rb") as file:
            return State.decode(file.read(STATE_SIZE))
    except FileNotFoundError:
        return State()


def _refusal(refused: ingest_pb2.StreamRefused) -> errors.TrackwayError:
    reason = ErrorReason.Name(refused.reason).removeprefix("ERROR_REASON_")
    return BY_REASON.get(reason, errors.Internal)(refused.message, reason=reason)


def _first(group: BaseExceptionGroup[Any]) -> Any:
    """The first leaf of an exception group."""
    leaf: BaseException = group
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    return leaf
