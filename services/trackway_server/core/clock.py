"""The server's clock, as a port, so that tests can say what time it is."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now_us(self) -> int:
        """Microseconds since 1970 UTC."""
        ...


class SystemClock:
    """The operating system's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1_000
