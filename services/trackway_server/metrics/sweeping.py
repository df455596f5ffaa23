"""The background task that forgets writers that were opened and never wrote anything."""

from __future__ import annotations

import structlog

from trackway_server.core.clock import Clock
from trackway_server.core.rounds import hold_rounds
from trackway_server.metrics.domain.ports import IngestUnit, Transactions

_log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 3600.0
_BATCH = 1_000
"""Rows of one transaction: others write in between."""


class Sweeper:
    """Forgets writers without a record that were last heard of `after_seconds` ago or earlier.

    Nothing is lost: such a writer has no history that another could change, and opens anew.
    """

    def __init__(self, transactions: Transactions[IngestUnit], clock: Clock, after_seconds: float) -> None:
        self._transactions = transactions
        self._clock = clock
        self._after_us = int(after_seconds * 1_000_000)

    async def sweep(self) -> int:
        """Forget them now; how many they were."""
        before_us = self._clock.now_us() - self._after_us
        swept = 0
        while True:
            count = await self._transactions.write(lambda unit: unit.metrics.drop_unused_writers(before_us, _BATCH))
            swept += count
            if count < _BATCH:
                return swept

    async def run(self) -> None:
        """Sweep once an hour, until cancelled."""
        await hold_rounds(self._round, INTERVAL_SECONDS, "unused_writers_kept")

    async def _round(self) -> None:
        if swept := await self.sweep():
            _log.info("unused_writers_forgotten", count=swept)
