"""Which runs changed since when: the port by which copies of runs, in whatever memory, are kept true."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ChangedRuns:
    """Runs that changed since a moment, some perhaps before it; `all_runs`: any may have."""

    run_ids: frozenset[str]
    all_runs: bool = False


class ChangeLog(Protocol):
    """The changes of runs, within one transaction: of all that is searched or listed of them."""

    def note(self, run_ids: Iterable[str]) -> None:
        """Note that these runs change."""
        ...

    def note_all(self) -> None:
        """Note that any run may change."""
        ...

    def horizon(self) -> int:
        """Now, as `since` takes it. What is read after this, in the same transaction too, is as of now or later."""
        ...

    def since(self, horizon: int, limit: int) -> ChangedRuns | None:
        """What changed since then; None where that is more than `limit` runs, or no longer known."""
        ...


class NoChangeLog:
    """Where nothing is noted nothing is known of the past."""

    def note(self, run_ids: Iterable[str]) -> None:
        """See ChangeLog."""

    def note_all(self) -> None:
        """See ChangeLog."""

    def horizon(self) -> int:
        """See ChangeLog."""
        return 0

    def since(self, horizon: int, limit: int) -> ChangedRuns | None:
        """See ChangeLog."""
        return None
