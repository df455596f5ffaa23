"""Deletions over plain dictionaries: the reference adapter. What each method promises: domain/deletions.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trackway_server.tracking.domain.deletions import Deletion, Stage


class MemoryDeletions:
    """What is noted of deleted runs: `noted` by run; `deleted` says which runs are, `drop` removes one."""

    def __init__(
        self, noted: dict[str, Deletion], deleted: Callable[[], list[str]], drop: Callable[[str], None]
    ) -> None:
        self._noted = noted
        self._deleted = deleted
        self._drop = drop

    def note(self, now_us: int, limit: int) -> int:
        """See Deletions."""
        found = [run_id for run_id in self._deleted() if run_id not in self._noted][:limit]
        self._noted.update({run_id: Deletion(run_id, now_us, Stage.NOTED) for run_id in found})
        return len(found)

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
