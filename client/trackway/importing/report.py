"""What an import has brought, and what it could not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

MOST_MISSES = 10_000
"""Kept one by one; beyond, they are counted."""
_MOST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Miss:
    """Something of the source that is not on the server, and why."""

    what: str
    where: str
    reason: str
    """A sentence for people."""
    code: str = ""
    """For programs, where there is one: the server's reason (`LOGGED_MODEL_DELETED`, …), or `ARTIFACTS_NOT_ALLOWED`."""


@dataclass(slots=True)
class Report:
    """Counts what passes by. `changed` is called after each change, for progress; it must be quick."""

    source: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    """What the source has: experiments, runs, metrics, files, file_bytes, models, versions, aliases; what was sent now:
    points_sent, files_sent, bytes_sent; and runs_found, which runs ahead of runs."""
    experiment_ids: dict[str, str] = field(default_factory=dict)
    """The server's id of each experiment, by the source's."""
    version_numbers: dict[str, dict[int, int]] = field(default_factory=dict)
    """The server's number of each version that could not keep its own, by model and the source's number."""
    misses: list[Miss] = field(default_factory=list)
    miss_count: int = 0
    notes: list[str] = field(default_factory=list)
    """What is not kept of anything, or left out altogether, a sentence each."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many there are in the source of what has no place here, by its name."""
    changed: Callable[[Report], None] = lambda report: None
    _told: set[Miss] = field(default_factory=set, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def leave_out(self, name: str, count: int) -> None:
        """Note that the source has some of what has no place here."""
        if count:
            self.left_out[name] += count

    @property
    def complete(self) -> bool:
        """Whether all came that was asked for."""
        return not self.miss_count

    def count(self, **more: int) -> None:
        """Add to counts."""
        self.counts.update(more)
        self.changed(self)

    def miss(self, what: str, where: str, reason: str, code: str = "") -> None:
        """Note what could not come: once, however often it is read. Threads may do so at the same time."""
        miss = Miss(_shown(what), _shown(where), _shown(reason), code)
        with self._lock:
            if miss in self._told:
                return
            self.miss_count += 1
            if len(self.misses) < MOST_MISSES:
                self.misses.append(miss)
                self._told.add(miss)
        self.changed(self)

    def by_reason(self) -> Mapping[str, list[Miss]]:
        """The misses, those of one reason together, the most frequent first."""
        grouped: dict[str, list[Miss]] = {}
        for each in self.misses:
            grouped.setdefault(each.reason, []).append(each)
        return dict(sorted(grouped.items(), key=lambda item: -len(item[1])))


def _shown(text: str) -> str:
    """Text of a report, which others may have written: not without end."""
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"
