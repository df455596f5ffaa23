"""How many examples a property is tried with: some in `make test`, new ones each time; all in `make faults`."""

from __future__ import annotations

import os

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"


def examples(number: int) -> int:
    """So many in `make faults`, two fifths of them in `make test`."""
    return number if FULL else max(1, number * 2 // 5)
