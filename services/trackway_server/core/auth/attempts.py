"""Wrong keys are counted for each peer and for each key id, so that guessing is slow; in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from trackway_server.core.errors import DomainError, Reason

REFILL_SECONDS = 3.0
MAX_COUNTED = 10_000


class FailedAttempts:
    """Lets `burst` failures through, then one every three seconds. What failed longest ago is forgotten first."""

    def __init__(self, burst: int) -> None:
        self._burst = burst
        self._counted: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """By origin: how many failures are held against it, and when that was so."""

    def check(self, origins: Iterable[str], now: float) -> None:
        """Raise TOO_MANY_ATTEMPTS where one of the origins has failed too often. `now` in seconds."""
        if any(self._held(origin, now) > self._burst - 1 for origin in origins):
            message = "Too many wrong keys or tokens were presented; wait a few seconds, and check what is presented."
            raise DomainError(Reason.TOO_MANY_ATTEMPTS, message)

    def note(self, origins: Iterable[str], now: float) -> None:
        """Count a failure of the origins."""
        for origin in origins:
            self._counted[origin] = (min(self._held(origin, now) + 1, self._burst), now)
            self._counted.move_to_end(origin)
        while len(self._counted) > MAX_COUNTED:
            self._counted.popitem(last=False)

    def __len__(self) -> int:
        return len(self._counted)

    def _held(self, origin: str, now: float) -> float:
        held, since = self._counted.get(origin, (0.0, now))
        return max(0.0, held - (now - since) / REFILL_SECONDS)
