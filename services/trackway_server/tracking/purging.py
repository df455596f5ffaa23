"""The background task that removes what was deleted long enough ago (runs, logged models, experiments), a few rows at a
time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from trackway_server.core.clock import Clock
from trackway_server.core.rounds import hold_rounds
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.tracking.domain.deletions import Deletion, begin_purge, purge_some
from trackway_server.tracking.domain.ports import TrackingUnit

_log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 3600.0
_NOTED_AT_ONCE = 250
_RUNS_AT_ONCE = 100
_ROWS_AT_ONCE = 64
_MODELS_AT_ONCE = 20
_EXPERIMENTS_AT_ONCE = 100
_PAUSE_SECONDS = 0.01
_RECLAIMED_AT_ONCE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PurgedRun:
    """A run that is gone, or with a dry run would be, and the bytes of its encoded points."""

    run_id: str
    point_bytes: int


@dataclass(frozen=True, slots=True)
class PurgedModel:
    """A logged model that is gone, or with a dry run would be."""

    model_id: str


@dataclass(frozen=True, slots=True)
class PurgedExperiments:
    """How many experiments are gone, or with a dry run would be."""

    count: int


Purged = PurgedRun | PurgedModel | PurgedExperiments


@dataclass(frozen=True, slots=True)
class Purger:
    """Removes what has been deleted for `retention_seconds`. What it has begun it goes on with, at any start."""

    transactions: Transactions[TrackingUnit]
    clock: Clock
    retention_seconds: float

    async def purge(self, *, dry_run: bool = False) -> AsyncIterator[Purged]:
        """Remove those that are due now, one after another; with a dry run only say which."""
        await self._note()
        before_us = self.clock.now_us() - int(self.retention_seconds * 1_000_000)
        after = ""
        while due := await self.transactions.read(partial(_due, before_us, after)):
            for deletion in due:
                run_id = deletion.run_id
                size = await self.transactions.read(partial(_point_bytes, run_id))
                if dry_run or await self._purge_run(run_id, before_us):
                    yield PurgedRun(run_id, size)
            after = due[-1].run_id
        after = ""
        while models := await self.transactions.read(partial(_due_models, before_us, after)):
            after = models[-1]
            if not dry_run:
                models = await self.transactions.write(partial(_drop_models, models, before_us))
            for model_id in models:
                yield PurgedModel(model_id)
        if experiments := await self._purge_experiments(before_us, dry_run=dry_run):
            yield PurgedExperiments(experiments)
        if not dry_run:
            await self._repeat(lambda unit: unit.metrics.reclaim(_RECLAIMED_AT_ONCE) > 0)

    async def doomed(self, run_ids: Sequence[str], model_ids: Sequence[str], *, with_due: bool) -> set[str]:
        """Those of some runs and logged models that are gone for good, and where asked for those that would be removed
        now."""
        before_us = self.clock.now_us() - int(self.retention_seconds * 1_000_000) if with_due else None
        return await self.transactions.read(
            lambda unit: unit.deletions.doomed(run_ids, before_us) | unit.model_deletions.doomed(model_ids, before_us)
        )

    async def run(self) -> None:
        """Purge once an hour, until cancelled."""
        await hold_rounds(self._round, INTERVAL_SECONDS, "runs_not_purged")

    async def _round(self) -> None:
        async for purged in self.purge():
            _tell(purged)

    async def _purge_experiments(self, before_us: int, *, dry_run: bool) -> int:
        """Remove the experiments that were deleted long enough ago, and of which all runs and logged models are gone;
        how many there were."""
        if dry_run:
            return await self.transactions.read(lambda unit: unit.deletions.doomed_experiments(before_us))
        count = 0
        while found := await self.transactions.read(
            lambda unit: unit.deletions.abandoned_experiments(before_us, _EXPERIMENTS_AT_ONCE)
        ):
            for number in found:
                if not await self.transactions.write(partial(_drop_experiment, number, before_us)):
                    return count  # restored in this moment; the next round finds what is left
                count += 1
        return count

    async def _note(self) -> None:
        now_us, after = self.clock.now_us(), ""
        while found := await self.transactions.read(partial(_unnoted, after)):
            await self.transactions.write(partial(_note, found, now_us))
            after = found[-1]

    async def _purge_run(self, run_id: str, before_us: int) -> bool:
        if not await self.transactions.write(lambda unit: begin_purge(unit, run_id, before_us)):
            return False
        await self._repeat(lambda unit: purge_some(unit, run_id, _ROWS_AT_ONCE))
        return True

    async def _repeat(self, work: Callable[[TrackingUnit], bool]) -> None:
        """Run `work` as long as it says that there is more; others write in between."""
        more = True
        while more:
            more = await self.transactions.write(work)
            if more:
                await asyncio.sleep(_PAUSE_SECONDS)


def _unnoted(after: str, unit: TrackingUnit) -> list[str]:
    return unit.deletions.unnoted(after, _NOTED_AT_ONCE)


def _note(run_ids: Sequence[str], now_us: int, unit: TrackingUnit) -> None:
    unit.deletions.note(run_ids, now_us)


def _due(before_us: int, after: str, unit: TrackingUnit) -> list[Deletion]:
    return unit.deletions.due(before_us, after, _RUNS_AT_ONCE)


def _tell(purged: Purged) -> None:
    match purged:
        case PurgedRun(run_id, point_bytes):
            _log.info("run_purged", run_id=run_id, point_bytes=point_bytes)
        case PurgedModel(model_id):
            _log.info("logged_model_purged", model_id=model_id)
        case PurgedExperiments(count):
            _log.info("experiments_purged", count=count)


def _due_models(before_us: int, after: str, unit: TrackingUnit) -> list[str]:
    return unit.model_deletions.due(before_us, after, _MODELS_AT_ONCE)


def _drop_models(model_ids: Sequence[str], before_us: int, unit: TrackingUnit) -> list[str]:
    return unit.model_deletions.drop(model_ids, before_us)


def _point_bytes(run_id: str, unit: TrackingUnit) -> int:
    return unit.metrics.point_bytes(run_id)


def _drop_experiment(number: int, before_us: int, unit: TrackingUnit) -> bool:
    return unit.deletions.drop_experiment(number, before_us)
