"""Deletions over plain dictionaries: the reference adapter. What each method promises: domain/deletions.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from trackway_server.tracking.domain.deletions import Deletion, Stage


class MemoryDeletions:
    """What is noted of deleted runs: `noted` by run; `deleted` says which runs are, `drop` removes one, and
    likewise of experiments."""

    def __init__(
        self,
        noted: dict[str, Deletion],
        deleted: Callable[[], list[str]],
        drop: Callable[[str], None],
        abandoned: Callable[[int], list[int]],
        drop_experiment: Callable[[int], None],
        doomed_experiments: Callable[[int, set[str]], int],
    ) -> None:
        self._noted = noted
        self._deleted = deleted
        self._drop = drop
        self._abandoned = abandoned
        self._drop_experiment = drop_experiment
        self._doomed_experiments = doomed_experiments

    def unnoted(self, after: str, limit: int) -> list[str]:
        """See Deletions."""
        return sorted(run_id for run_id in self._deleted() if run_id > after and run_id not in self._noted)[:limit]

    def note(self, run_ids: Sequence[str], now_us: int) -> None:
        """See Deletions."""
        for run_id in run_ids:
            self._noted.setdefault(run_id, Deletion(run_id, now_us, Stage.NOTED))

    def get(self, run_id: str) -> Deletion | None:
        """See Deletions."""
        return self._noted.get(run_id)

    def due(self, before_us: int, after: str, limit: int) -> list[Deletion]:
        """See Deletions."""
        deleted = set(self._deleted())
        found = [
            one
            for run_id, one in sorted(self._noted.items())
            if run_id > after
            and (
                one.stage is Stage.BEGUN
                or (one.stage is Stage.NOTED and one.since_us <= before_us and run_id in deleted)
            )
        ]
        return found[:limit]

    def doomed(self, run_ids: Sequence[str], before_us: int | None) -> set[str]:
        """See Deletions."""
        gone = {run_id for run_id in run_ids if run_id in self._noted and self._noted[run_id].stage is Stage.GONE}
        due = set() if before_us is None else {one.run_id for one in self.due(before_us, "", len(self._noted))}
        return gone | due.intersection(run_ids)

    def abandoned_experiments(self, before_us: int, limit: int) -> list[int]:
        """See Deletions."""
        return self._abandoned(before_us)[:limit]

    def doomed_experiments(self, before_us: int) -> int:
        """See Deletions."""
        return self._doomed_experiments(before_us, {one.run_id for one in self.due(before_us, "", len(self._noted))})

    def drop_experiment(self, experiment_id: int, before_us: int) -> bool:
        """See Deletions."""
        if experiment_id not in self._abandoned(before_us):
            return False
        self._drop_experiment(experiment_id)
        return True

    def begin(self, run_id: str) -> None:
        """See Deletions."""
        self._noted[run_id] = replace(self._noted[run_id], stage=Stage.BEGUN)

    def forget(self, run_id: str) -> None:
        """See Deletions."""
        self._noted.pop(run_id, None)

    def drop_run(self, run_id: str) -> None:
        """See Deletions."""
        self._drop(run_id)
        self._noted[run_id] = replace(self._noted[run_id], stage=Stage.GONE)
