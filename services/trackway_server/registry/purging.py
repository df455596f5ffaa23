"""The background task that removes the metrics of deleted versions, a few rows at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from trackway_server.core.rounds import hold_rounds
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.registry.domain.monitoring import MonitoringUnit, purge_some

_log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 60.0
_VERSIONS_AT_ONCE = 100
_ROWS_AT_ONCE = 64
_PAUSE_SECONDS = 0.01
_RECLAIMED_AT_ONCE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class VersionPurger:
    """Removes what versions leave that are deleted: for good, as they are. What it has begun it goes on with, at any
    start."""

    transactions: Transactions[MonitoringUnit]

    async def purge(self) -> int:
        """Remove what there is now; of how many versions."""
        purged = 0
        while subjects := await self.transactions.read(lambda unit: unit.version_subjects.deleted(_VERSIONS_AT_ONCE)):
            for subject_id in subjects:
                await self._purge(subject_id)
            purged += len(subjects)
        if purged:
            await self._repeat(lambda unit: unit.metrics.reclaim(_RECLAIMED_AT_ONCE) > 0)
        return purged

    async def run(self) -> None:
        """Purge once a minute, until cancelled."""
        await hold_rounds(self._round, INTERVAL_SECONDS, "version_metrics_not_purged")

    async def _round(self) -> None:
        if purged := await self.purge():
            _log.info("version_metrics_purged", count=purged)

    async def _purge(self, subject_id: str) -> None:
        await self._repeat(lambda unit: purge_some(unit, subject_id, _ROWS_AT_ONCE))

    async def _repeat(self, work: Callable[[MonitoringUnit], bool]) -> None:
        """Run `work` as long as it says that there is more; others write in between."""
        more = True
        while more:
            more = await self.transactions.write(work)
            if more:
                await asyncio.sleep(_PAUSE_SECONDS)
