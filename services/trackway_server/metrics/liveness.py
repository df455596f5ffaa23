"""The background task that notes who was heard, in batches, and marks subjects whose writers have fallen silent.

A message of a stream costs two entries in sets; the store is written to once a round at most, whatever the number of
streams. A subject that this server has not heard for a while is noted at once, so that one that was lost is back
within a moment.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError
from trackway_server.core.telemetry import Telemetry
from trackway_server.metrics.domain.liveness import LivenessUnit, Patience, hold_round
from trackway_server.metrics.domain.ports import Transactions

_log = structlog.get_logger(__name__)

_COMPANY_SECONDS = 0.1
"""How long news waits for more of it: after a restart, thousands of writers come at once."""


class Liveness:
    """Hears for one service. Used in one event loop."""

    def __init__(
        self,
        transactions: Transactions[LivenessUnit],
        clock: Clock,
        lost_after_seconds: float,
        telemetry: Telemetry,
        service: str,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._patience = Patience(int(lost_after_seconds * 1_000_000))
        self._subjects: set[str] = set()
        self._writers: set[str] = set()
        self._steady: dict[str, int] = {}
        self._news = asyncio.Event()
        self._marked = telemetry.counter(
            "trackway_ingest_lost_subjects", "Subjects marked as lost because all their writers fell silent.", "service"
        ).labels(service)

    @property
    def heartbeat_interval_ms(self) -> int:
        """After how long without anything to send a writer is asked for a heartbeat."""
        return max(1, self._patience.heartbeat_us // 1000)

    def heard(self, subject_id: str, writer_id: str) -> None:
        """Note a sign of life. It is stored with the next round."""
        self._subjects.add(subject_id)
        self._writers.add(writer_id)
        if subject_id not in self._steady:
            self._news.set()

    async def run(self) -> None:
        """Hold rounds until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience.round_us / 1e6):
                    await self._news.wait()
                    await asyncio.sleep(_COMPANY_SECONDS)
            self._news.clear()
            try:
                await self.hold_round()
            except DomainError as refused:
                # The store cannot take it now (full, away); what was heard is kept for the next round.
                _log.warning("liveness_not_stored", reason=refused.reason.name)
                await asyncio.sleep(_COMPANY_SECONDS)
            except Exception:
                # A defect; ingestion must not stop for it.
                _log.exception("liveness_not_stored")
                await asyncio.sleep(_COMPANY_SECONDS)

    async def hold_round(self) -> int:
        """Store what was heard and mark who is silent now; how many are newly lost. A round with nothing to do only
        reads. Raises DomainError where the store cannot take it."""
        subjects, self._subjects = self._subjects, set()
        writers, self._writers = self._writers, set()
        patience, now_us = self._patience, self._clock.now_us()
        try:
            if not subjects and not await self._transactions.read(lambda unit: unit.liveness.awaits_any()):
                return 0
            marked = await self._transactions.write(lambda unit: hold_round(unit, subjects, writers, now_us, patience))
        except BaseException:
            self._subjects |= subjects
            self._writers |= writers
            raise
        self._note_steady(subjects, now_us)
        if marked:
            self._marked.inc(marked)
            _log.info("subjects_lost", count=marked)
        return marked

    def _note_steady(self, subjects: set[str], now_us: int) -> None:
        """Who was heard lately is heard again as a matter of course: that can wait for the round."""
        self._steady.update(dict.fromkeys(subjects, now_us))
        old = now_us - 2 * self._patience.heartbeat_us
        self._steady = {one: heard_us for one, heard_us in self._steady.items() if heard_us >= old}
