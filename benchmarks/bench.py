"""What a figure's module is given: both products, how often to repeat, and where to say what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.ours import Ours
from benchmarks.peer import Peer
from benchmarks.processes import BenchmarkError
from benchmarks.samples import Spread

T = TypeVar("T")


@dataclass(slots=True)
class Bench:
    """One run of the benchmark. Everything it writes is under `work`, on the disk that holds the checkout."""

    work: Path
    ours: Ours
    peer: Peer | None
    quick: bool
    say: Callable[[str], None]
    problems: list[str] = field(default_factory=list)
    """What went wrong with the peer: its cell then stays empty, and ours stands."""

    def repeats(self, times: int) -> int:
        """How often to repeat: a third as often when quick."""
        return max(1, times // 3) if self.quick else times

    def scaled(self, amount: int) -> int:
        """An amount of work, a fifth of it when quick."""
        return max(1, amount // 5) if self.quick else amount

    def repeated(self, times: int, measure: Callable[[], float], what: str) -> Spread:
        """Measure again and again, saying which turn it is."""
        samples = []
        for turn in range(self.repeats(times)):
            self.say(f"{what} ({turn + 1} of {self.repeats(times)})")
            samples.append(measure())
        return Spread.of(samples)

    def repeated_peer(self, times: int, measure: Callable[[Peer], float], what: str) -> Spread | None:
        """The same of the peer; None where it is left out or failed."""
        return self.of_peer(lambda peer: self.repeated(times, lambda: measure(peer), f"MLflow: {what}"), what)

    def of_peer(self, measure: Callable[[Peer], T], what: str, name: str = "MLflow") -> T | None:
        """Measure the peer; None where it is left out or failed."""
        if self.peer is None:
            return None
        self.say(f"{name}: {what}")
        try:
            return measure(self.peer)
        except BenchmarkError as failure:
            self.problems.append(f"{name}, {what}: {failure}")
            return None
