"""The background task that brings points from segments to chunks, as far as ingestion leaves room for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.ids import new_id
from trackway_server.metrics.codec import SegmentCorruptError
from trackway_server.metrics.compaction import CompactionLimits, SubjectCompaction
from trackway_server.metrics.domain.ports import IngestUnit, Transactions
from trackway_server.metrics.telemetry import Compacted, CompactionTelemetry

_log = structlog.get_logger(__name__)

_TICK_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 10.0
"""How often a busy subject is looked at."""
_SCAN_SECONDS = 3600.0
"""How often all subjects are: those of a replica that has gone, and those that failed."""
_SUBJECTS_AT_ONCE = 500
_RECLAIMED_AT_ONCE = 4 * 1024 * 1024
_BUSY_SECONDS = 2.0


@dataclass(slots=True)
class _Marked:
    """A subject with new points: when they came last, and when it is looked at next (monotonic seconds)."""

    last: float
    next_look: float


class Compactor:
    """Compacts what `mark` names, and at its start and once an hour whatever has segments.

    A subject is compacted when much waits, or when nothing has come for `quiet_seconds`. While commits come in, at most
    the part `busy_share` of the time goes to compaction, so that ingestion keeps its processor and its writer.
    """

    def __init__(
        self,
        transactions: Transactions[IngestUnit],
        clock: Clock,
        *,
        quiet_seconds: float = 60.0,
        busy_share: float = 0.2,
        limits: CompactionLimits | None = None,
        counts: CompactionTelemetry | None = None,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._compaction = SubjectCompaction(transactions, clock, new_id(), limits or CompactionLimits())
        self._quiet = quiet_seconds
        self._look_again = min(_LOOK_AGAIN_SECONDS, quiet_seconds)
        self._busy_share = busy_share
        self._counts = counts or CompactionTelemetry.apart()
        self._marked: dict[str, _Marked] = {}
        self._last_commit = -_BUSY_SECONDS
        self._freed = True  # a process before this one may have left some

    def mark(self, subject_id: str) -> None:
        """Note that a subject has new points."""
        now = self._last_commit = time.monotonic()
        marked = self._marked.get(subject_id)
        if marked is None:
            self._marked[subject_id] = _Marked(now, now + self._look_again)
        else:
            marked.last = now

    async def run(self) -> None:
        """Compact until cancelled."""
        scan_at = time.monotonic()
        while True:
            if time.monotonic() >= scan_at:
                scan_at = time.monotonic() + _SCAN_SECONDS
                await self._guarded("", self._scan())
            for subject_id in self._to_look_at():
                await self._guarded(subject_id, self._look(subject_id))
            if self._freed and not self._busy():
                await self._guarded("", self._reclaim())
            self._counts.waiting_subjects.set(len(self._marked))
            await asyncio.sleep(min(_TICK_SECONDS, self._look_again))

    async def compact_all(self) -> Compacted:
        """Compact every subject now, as far as it is worth it; for tests and measurements."""
        await self._scan()
        done = Compacted()
        for subject_id in list(self._marked):
            done += await self._compact(subject_id)
            self._marked.pop(subject_id, None)
        await self._reclaim()
        await self._count()
        return done

    async def _scan(self) -> None:
        """Mark all subjects that have segments, to be looked at as soon as it is their turn."""
        after, now = "", time.monotonic()
        while True:
            found = await self._transactions.read(
                lambda unit, after=after: unit.metrics.waiting_subjects(after, _SUBJECTS_AT_ONCE)  # type: ignore[misc]
            )
            for subject_id in found:
                self._marked.setdefault(subject_id, _Marked(now - self._quiet, now))
            if len(found) < _SUBJECTS_AT_ONCE:
                break
            after = found[-1]
        await self._count()

    async def _count(self) -> None:
        count = await self._transactions.read(lambda unit: unit.metrics.count_segments())
        self._counts.waiting_segments.set(count)

    def _to_look_at(self) -> list[str]:
        now = time.monotonic()
        return [subject_id for subject_id, marked in self._marked.items() if marked.next_look <= now]

    async def _look(self, subject_id: str) -> None:
        """Compact a subject if it is time; forget one that is quiet, until it has new points or is scanned again."""
        marked, now = self._marked[subject_id], time.monotonic()
        quiet = now - marked.last >= self._quiet
        marked.next_look = now + self._look_again
        if quiet or await self._compaction.due(subject_id):
            done = await self._compact(subject_id)
            if done.segments:
                await self._count()
        if quiet and self._marked[subject_id].last == marked.last:
            del self._marked[subject_id]

    async def _compact(self, subject_id: str) -> Compacted:
        done, spent = Compacted(), 0.0
        while True:
            started = time.perf_counter()
            step = await self._compaction.step(subject_id)
            seconds = time.perf_counter() - started
            if step is None:
                break
            self._counts.moved(step, seconds)
            done += step
            spent += seconds
            await self._make_room(seconds)
        if done.segments:
            self._freed = True
            _log.info(
                "points_compacted",
                subject_id=subject_id,
                points=done.points,
                segments=done.segments,
                chunks=done.chunks,
                read_bytes=done.read_bytes,
                stored_bytes=done.stored_bytes,
                seconds=round(spent, 3),
            )
        return done

    async def _reclaim(self) -> None:
        """Give room back that nobody will need soon; while points come in it is used again for them."""
        left = 1
        while left and not self._busy():
            started = time.perf_counter()
            left = await self._transactions.write(lambda unit: unit.metrics.reclaim(_RECLAIMED_AT_ONCE))
            await self._make_room(time.perf_counter() - started)
        self._freed = bool(left)

    def _busy(self) -> bool:
        """Whether points come in."""
        return time.monotonic() - self._last_commit < _BUSY_SECONDS

    async def _make_room(self, seconds: float) -> None:
        """Pause after a step that took so long."""
        await asyncio.sleep(seconds * (1 / self._busy_share - 1) if self._busy() else 0)

    async def _guarded(self, subject_id: str, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`; what fails waits for the next scan, ingestion and other subjects go on."""
        try:
            await work
        except DomainError as refused:
            # The store cannot take it now (full, closing); the next look will do.
            self._counts.failed(refused.reason, self._clock.now_us())
            _log.warning("points_not_compacted", subject_id=subject_id, reason=refused.reason.name)
        except SegmentCorruptError as damage:
            self._marked.pop(subject_id, None)
            self._counts.failed(Reason.INTERNAL, self._clock.now_us())
            _log.error("points_not_compacted", subject_id=subject_id, text=str(damage))
        except Exception:
            # A defect; ingestion must not stop for it.
            self._marked.pop(subject_id, None)
            self._counts.failed(Reason.INTERNAL, self._clock.now_us())
            _log.exception("points_not_compacted", subject_id=subject_id)
