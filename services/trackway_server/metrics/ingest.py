"""One Ingest stream, run: reading, encoding and committing overlap, and what is held in memory is bounded.

Three tasks hand on to one another. The reader accepts appends (domain/session.py) until the stream holds its share of
memory, then stops reading: that is the back-pressure the client sees. The encoder takes all that has been accepted
meanwhile, so that a slow commit makes the next one larger, and compresses it in a thread. The committer stores it in
one transaction and acknowledges.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from prometheus_client import Gauge

from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.codec import encode_segment
from trackway_server.metrics.domain.points import Block, merge_blocks
from trackway_server.metrics.domain.ports import IngestUnit, Transactions
from trackway_server.metrics.domain.records import Append, Commit, Refusal, Segment
from trackway_server.metrics.domain.session import Accepted, OpenedWriter, WriterSession, commit_records, permitted
from trackway_server.metrics.domain.summaries import summarise
from trackway_server.metrics.shares import Share
from trackway_server.metrics.telemetry import IngestTelemetry

MessageT = TypeVar("MessageT")

RETRYABLE = frozenset(
    {
        Reason.RUN_NOT_FOUND,
        Reason.STORAGE_FULL,
        Reason.SERVICE_UNAVAILABLE,
        Reason.SHUTTING_DOWN,
        Reason.DEADLINE_EXCEEDED,
        Reason.CREDENTIALS_EXPIRED,
    }
)
"""Reasons that may pass by themselves, so that the same stream may succeed later, unchanged."""

_POINTS_INLINE = 4096
"""Encoding fewer points costs less than handing them to a thread."""
_DRAIN_SECONDS = 10.0
_SILENCE_SECONDS = 1.0
_ANSWERS_UNREAD = 16
"""A client that reads no answers is not acknowledged more, and so soon not read from."""


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """What one stream, and all of one principal, may hold."""

    max_append_bytes: int = 8 * 1024 * 1024
    """Greatest serialised append: room for the greatest single record, and below the server's limit on a message."""
    held_bytes: int = 8 * 1024 * 1024
    """What a stream holds in memory of records not yet stored, before it stops reading; one append may go beyond."""
    held_bytes_per_principal: int = 256 * 1024 * 1024
    """The same of all streams of one principal together."""
    max_series: int = 1_000_000
    """Greatest number of series of one writer."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Everything below `durable_sequence` is done with: stored, or refused."""

    durable_sequence: int
    refused: Sequence[Refusal]


@dataclass(frozen=True, slots=True)
class StreamRefused:
    """The stream stores nothing more."""

    error: DomainError
    durable_sequence: int


Answer = Acknowledged | StreamRefused


def build_commit(batch: Sequence[Accepted]) -> Commit:
    """One commit of appends accepted one after another."""
    blocks = merge_blocks(block for accepted in batch for block in accepted.blocks)
    first, last = batch[0], batch[-1]
    return Commit(
        first.first_sequence,
        last.end_sequence,
        last.prefix_checksum,
        tuple(definition for accepted in batch for definition in accepted.definitions),
        tuple(record for accepted in batch for record in accepted.subject_records),
        tuple(refusal for accepted in batch for refusal in accepted.refused),
        _segment(blocks, first.first_sequence, last.end_sequence) if blocks else None,
        summarise(blocks) if blocks else None,
    )


def _segment(blocks: Sequence[Block], first_sequence: int, end_sequence: int) -> Segment:
    series = np.unique(np.concatenate([block.series for block in blocks])).astype("<u4")
    points = sum(block.point_count for block in blocks)
    return Segment(first_sequence, end_sequence, points, series.tobytes(), encode_segment(blocks))


class _HeldAppends:
    """Accepted appends on their way to the store, bounded in bytes from `put` to `release`."""

    def __init__(self, held_bytes: int, share: Share, all_held: Gauge) -> None:
        self._limit = held_bytes
        self._share = share
        self._all_held = all_held
        self._held = 0
        self._waiting: list[Accepted] = []
        self._closed = False
        self._changed = asyncio.Condition()

    async def put(self, accepted: Accepted) -> None:
        """Add an append, as soon as what is held is below the limits, here and of the principal."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._held < self._limit or self._closed)
        await self._share.take(accepted.size)
        self._held += accepted.size
        self._all_held.inc(accepted.size)
        async with self._changed:
            self._waiting.append(accepted)
            self._changed.notify_all()

    async def take(self) -> list[Accepted]:
        """All appends that wait, at least one; none at the end."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting or self._closed)
            taken, self._waiting = self._waiting, []
            return taken

    async def release(self, size: int) -> None:
        """Let `size` bytes go, which are stored."""
        self._give_back(size)
        async with self._changed:
            self._changed.notify_all()

    async def close(self, *, drop: bool = False) -> None:
        """Take no more; `drop` what waits."""
        async with self._changed:
            self._closed = True
            if drop:
                self._give_back(sum(accepted.size for accepted in self._waiting))
                self._waiting = []
            self._changed.notify_all()

    def forget(self) -> None:
        """Give back whatever is held; for the end, however it came: nothing works on it any more."""
        self._give_back(self._held)

    def _give_back(self, size: int) -> None:
        self._held -= size
        self._all_held.dec(size)
        self._share.give(size)


class IngestStream:
    """One stream after its opening. `answers` runs it."""

    def __init__(
        self,
        transactions: Transactions[IngestUnit],
        opened: OpenedWriter,
        limits: IngestLimits,
        clock: Clock,
        on_commit: Callable[[str], None],
        share: Share,
        counts: IngestTelemetry | None = None,
    ) -> None:
        self._transactions = transactions
        self._opened = opened
        self._session = WriterSession(opened, limits.max_series)
        self._clock = clock
        self._on_commit = on_commit
        self._counts = counts or IngestTelemetry.apart()
        self._durable = opened.cursor.durable_sequence
        self._held = _HeldAppends(limits.held_bytes, share, self._counts.held_bytes)
        self._commits: asyncio.Queue[tuple[Commit, int] | None] = asyncio.Queue(1)
        self._answers: asyncio.Queue[Answer | None] = asyncio.Queue()
        self._unread = asyncio.Semaphore(_ANSWERS_UNREAD)
        self._refused: DomainError | None = None
        self._heard = 0

    async def answers(
        self, messages: AsyncIterator[MessageT], convert: Callable[[MessageT], Awaitable[Append]]
    ) -> AsyncGenerator[Answer, None]:
        """Take `messages`, made appends by `convert` (either may raise DomainError), and answer what is durable.

        A StreamRefused is the last answer; the iterator then ends when `messages` does or falls silent, so that the
        client can half-close before it is told the status.
        """
        self._counts.open_streams.inc()
        work = asyncio.create_task(self._run(messages, convert))
        try:
            while (answer := await self._answers.get()) is not None:
                yield answer
                self._unread.release()
                if isinstance(answer, StreamRefused):
                    await self._until_silent(work)
                    return
            await work
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            self._held.forget()
            self._counts.open_streams.dec()

    async def _run(self, messages: AsyncIterator[MessageT], convert: Callable[[MessageT], Awaitable[Append]]) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(messages, convert))
                tasks.create_task(self._encode())
                tasks.create_task(self._commit())
        finally:
            self._answers.put_nowait(None)

    async def _read(self, messages: AsyncIterator[MessageT], convert: Callable[[MessageT], Awaitable[Append]]) -> None:
        try:
            async for message in messages:
                self._heard += 1
                if self._refused is None:
                    await self._accept(await convert(message))
        except DomainError as refused:
            self._refused = refused
        await self._held.close()
        # What else may be wrong with a stream that is refused already is of no interest.
        with suppress(DomainError):
            async for _ in messages:
                self._heard += 1

    async def _until_silent(self, work: asyncio.Task[None]) -> None:
        """Let the client half-close, while it still sends: a status set while it writes is lost on its way."""
        loop = asyncio.get_running_loop()
        end, heard = loop.time() + _DRAIN_SECONDS, -1
        while not work.done() and self._heard != heard and loop.time() < end:
            heard = self._heard
            await asyncio.wait([work], timeout=_SILENCE_SECONDS)
        if work.done():
            await work

    async def _accept(self, append: Append) -> None:
        admission = self._opened.admission
        if admission is not None and any(definition.context for definition in append.definitions):
            asked = append
            append = await self._transactions.read(lambda unit: permitted(unit, asked, admission))
        expected = self._session.accepted_sequence
        accepted = self._session.accept(append)
        self._counts.received(append, expected, self._clock.now_us())
        if accepted is None:
            await self._answer(Acknowledged(self._durable, ()))
        else:
            await self._held.put(accepted)

    async def _encode(self) -> None:
        while batch := await self._held.take():
            points = sum(block.point_count for accepted in batch for block in accepted.blocks)
            inline = points <= _POINTS_INLINE
            commit = build_commit(batch) if inline else await asyncio.to_thread(build_commit, batch)
            await self._commits.put((commit, sum(accepted.size for accepted in batch)))
        await self._commits.put(None)

    async def _commit(self) -> None:
        failed = False
        while (taken := await self._commits.get()) is not None:
            commit, size = taken
            if failed:
                await self._held.release(size)
                continue
            try:
                await self._store(commit)
            except DomainError as refused:
                failed = True
                self._refused = refused
                await self._held.close(drop=True)
            await self._held.release(size)
        if self._refused is not None:
            await self._answer(StreamRefused(self._refused, self._durable))

    async def _store(self, commit: Commit) -> None:
        opened, now_us = self._opened, self._clock.now_us()
        started = time.perf_counter()
        refused = await self._transactions.write(lambda unit: commit_records(unit, opened, commit, now_us))
        self._counts.committed(commit, refused, time.perf_counter() - started)
        self._durable = commit.end_sequence
        if commit.segment is not None:
            self._on_commit(opened.cursor.subject_id)
        await self._answer(Acknowledged(self._durable, refused))

    async def _answer(self, answer: Answer) -> None:
        await self._unread.acquire()
        self._answers.put_nowait(answer)
