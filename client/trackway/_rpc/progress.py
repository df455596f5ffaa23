"""Telling how far a transfer is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all, from the thread that transfers. What it raises ends the transfer."""


class Meter:
    """Adds up the bytes of one or many files."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def add(self, size: int) -> None:
        """`size` bytes more are done; negative where some must be done again."""
        self._done += size
        if self._progress is not None:
            self._progress(self._done, self._total)
