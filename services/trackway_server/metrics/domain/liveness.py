"""Which subjects are written by somebody, and which are lost because all who wrote them have fallen silent.

Only the server's clock counts. Silence counts only while a server was there to hear: a pause of all servers (a restart,
a database that was away, a machine asleep) begins it anew, so that no pause of ours makes anybody lost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

_AT_ONCE = 5_000
"""Subjects that one round looks at; more wait for the next."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long writers may be silent, derived from the one setting."""

    lost_after_us: int

    @property
    def heartbeat_us(self) -> int:
        """After how long without a message a writer is asked for a heartbeat: several may be lost on their way."""
        return self.lost_after_us // 4

    @property
    def round_us(self) -> int:
        """How often what was heard is stored."""
        return self.lost_after_us // 12

    @property
    def pause_us(self) -> int:
        """A longer time without any server is a pause: several rounds."""
        return self.lost_after_us // 3


class LivenessRows(Protocol):
    """When subjects were last heard, within one transaction. A subject is there from when it is first heard until it
    is forgotten; it may be marked as lost."""

    def awaits_any(self) -> bool:
        """Whether any subject is there that is not lost."""
        ...

    def listen(self, now_us: int, pause_us: int) -> int:
        """Note that a server listens now, and answer since when one has without a longer pause.

        One transaction at a time: others wait here until it ends.
        """
        ...

    def hear(self, subject_ids: Collection[str], writer_ids: Collection[str], now_us: int) -> None:
        """Note that subjects and writers were heard; a lost subject is lost no more. Nothing is ever heard earlier than
        it was noted before."""
        ...

    def silent(self, before_us: int, limit: int) -> list[str]:
        """Up to `limit` subjects that are not lost and were last heard before then, longest silent first."""
        ...

    def mark(self, subject_ids: Collection[str], before_us: int) -> int:
        """Mark as lost those that were still last heard before then; how many."""
        ...

    def forget(self, subject_ids: Collection[str], before_us: int | None = None) -> None:
        """Forget subjects; with a time, only those last heard before then."""
        ...

    def lost_since(self, subject_ids: Collection[str]) -> dict[str, int]:
        """When those of the subjects that are lost were last heard."""
        ...


class LivenessUnit(Protocol):
    """What a round needs, within one transaction."""

    @property
    def liveness(self) -> LivenessRows:
        """When subjects were last heard."""
        ...

    def awaited(self, subject_ids: Sequence[str]) -> set[str]:
        """Those of the subjects that somebody is expected to write: they can be lost."""
        ...


def hold_round(
    unit: LivenessUnit, subject_ids: Collection[str], writer_ids: Collection[str], now_us: int, patience: Patience
) -> int:
    """Note who was heard, then mark who has been silent for too long; how many are newly lost.

    A silent subject that nobody is expected to write is forgotten.
    """
    listening_since = unit.liveness.listen(now_us, patience.pause_us)
    unit.liveness.hear(subject_ids, writer_ids, now_us)
    before_us = now_us - patience.lost_after_us
    if listening_since > before_us:
        return 0
    silent = unit.liveness.silent(before_us, _AT_ONCE)
    awaited = unit.awaited(silent)
    unit.liveness.forget([one for one in silent if one not in awaited], before_us)
    return unit.liveness.mark(awaited, before_us)
