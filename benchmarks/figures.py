"""A figure of the benchmark: what was measured, the goal it is held against, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from benchmarks.samples import Spread


class Unit(Enum):
    """What a figure is measured in, and whether more of it is better."""

    SECONDS = "s"
    POINTS_PER_SECOND = "points/s"
    CALLS_PER_SECOND = "calls/s"
    BYTES = "B"
    BYTES_A_POINT = "B/point"
    CORE_PERCENT = "% of a core"
    TIMES_PEER = "× MLflow"

    @property
    def more_is_better(self) -> bool:
        return self in (Unit.POINTS_PER_SECOND, Unit.CALLS_PER_SECOND, Unit.TIMES_PEER)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `failure` says why there is no number that may be believed."""

    figure: str
    what: str
    unit: Unit
    ours: Spread | None = None
    goal: float | None = None
    """The greatest value allowed, or the least where more is better; none for a line that only informs."""
    peer: Spread | None = None
    peer_what: str = ""
    note: str = ""
    failure: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer; below 1 it is worse. None where a difference was lost in the noise."""
        if self.ours is None or self.peer is None or self.failure or min(self.ours.median, self.peer.median) <= 0:
            return None
        better, worse = (self.ours, self.peer) if self.unit.more_is_better else (self.peer, self.ours)
        return better.median / worse.median

    @property
    def shortfall(self) -> float | None:
        """How many times the goal is missed by; at most 1 where it is met."""
        if self.ours is None or self.goal is None or self.failure:
            return None
        if self.unit.more_is_better:
            return self.goal / self.ours.median if self.ours.median else float("inf")
        return self.ours.median / self.goal

    @property
    def verdict(self) -> str:
        if self.failure:
            return "FAILED"
        if self.shortfall is None:
            return ""
        return "met" if self.shortfall <= 1 else f"{self.shortfall:.1f} × off"
