"""Runs that were deleted go for good when they have been so for long enough.

Deletion itself is soft (domain/runs.py). A run that is found deleted is *noted* with the time; one that is restored is
forgotten. When a run has been noted for longer than the retention its purge *begins*, which nothing undoes: its points
go in batches, then its row with all that belongs to it. The note stays, so that no old copy of a spool starts it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.liveness import LivenessRows
from trackway_server.metrics.domain.ports import MetricUnit
from trackway_server.tracking.domain.console import ConsoleUnit


class Stage(IntEnum):
    """How far a noted run is."""

    NOTED = 0
    BEGUN = 1
    GONE = 2


@dataclass(frozen=True, slots=True)
class Deletion:
    """A noted run. `since_us` is when it was first found deleted."""

    run_id: str
    since_us: int
    stage: Stage


class Deletions(Protocol):
    """What is noted of deleted runs, within one transaction."""

    def unnoted(self, after: str, limit: int) -> list[str]:
        """Up to `limit` runs by id after `after` that are deleted and not noted."""
        ...

    def note(self, run_ids: Sequence[str], now_us: int) -> None:
        """Note runs; for one that is noted the time stays."""
        ...

    def get(self, run_id: str) -> Deletion | None:
        """What is noted of a run; in a write transaction it is locked until the end."""
        ...

    def due(self, before_us: int, after: str, limit: int) -> list[Deletion]:
        """Up to `limit` runs by id after `after` whose purge has begun, or that are deleted and noted before then."""
        ...

    def doomed(self, run_ids: Sequence[str], before_us: int | None) -> set[str]:
        """Those of some runs that are gone; with `before_us` also those that are due then."""
        ...

    def abandoned_experiments(self, before_us: int, limit: int) -> list[int]:
        """Up to `limit` experiments that were deleted before then and have neither runs nor logged models left. The
        one that was made last is none of them: its id must not be given again."""
        ...

    def doomed_experiments(self, before_us: int) -> int:
        """How many there are of those once the runs and logged models that are due then have gone."""
        ...

    def drop_experiment(self, experiment_id: int, before_us: int) -> bool:
        """Remove an experiment with its tags and roles; False where it is no longer one of those."""
        ...

    def begin(self, run_id: str) -> None:
        """Note that the purge begins."""
        ...

    def forget(self, run_id: str) -> None:
        """Forget a run that is deleted no more; one that is not noted is no matter."""
        ...

    def drop_run(self, run_id: str) -> None:
        """Remove a run with its params, tags, data sets and refusals, and note that it is gone."""
        ...


class PurgingUnit(Protocol):
    """What purging needs, within one transaction."""

    @property
    def metrics(self) -> MetricUnit:
        """The metrics of runs."""
        ...

    @property
    def liveness(self) -> LivenessRows:
        """When runs were last heard."""
        ...

    @property
    def console(self) -> ConsoleUnit:
        """The console output of runs."""
        ...

    @property
    def deletions(self) -> Deletions:
        """What is noted of deleted runs."""
        ...


def check_not_purged(unit: PurgingUnit, run_id: str) -> None:
    """Raise RUN_DELETED where the purge of a run has begun, or is done."""
    deletion = unit.deletions.get(run_id)
    if deletion is not None and deletion.stage is not Stage.NOTED:
        raise DomainError(
            Reason.RUN_DELETED, f"The run {run_id} was deleted for good; log to a new one.", run_id=run_id
        )


def begin_purge(unit: PurgingUnit, run_id: str, before_us: int) -> bool:
    """Begin the purge of a run that is due, or go on with one that has begun; False where it was restored meanwhile."""
    deletion = unit.deletions.get(run_id)
    if deletion is None or deletion.stage is Stage.GONE:
        return False
    if deletion.stage is Stage.NOTED:
        if deletion.since_us > before_us:
            return False
        unit.deletions.begin(run_id)
    return True


def purge_some(unit: PurgingUnit, run_id: str, rows: int) -> bool:
    """Remove up to about `rows` rows of a run whose purge has begun, its own at the end; whether there is more."""
    if unit.metrics.purge(run_id, rows) or unit.console.delete_pages(run_id, rows):
        return True
    unit.liveness.forget([run_id])
    unit.deletions.drop_run(run_id)
    return False
