"""Printing console output: of one process as it was, of several with the process before each line."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackway.types import ConsoleBlock

_COLOUR = re.compile(r"(\x1b\[[0-9;:]{0,64}m)")


class ConsolePrinter:
    """Prints blocks as they come. From the second process on, and where they have a rank, lines say whose they are."""

    def __init__(self, *, named: bool) -> None:
        self._named = named
        self._writers: set[str] = set()
        self._next: dict[tuple[str, str], int] = {}
        self._unfinished: dict[tuple[str, str], tuple[str, str]] = {}

    def show(self, block: ConsoleBlock) -> None:
        """Print the complete lines of a block, and how many are missing before them."""
        self._writers.add(block.writer_id)
        key, prefix = (block.writer_id, block.stream), self._prefix(block)
        missing = block.first_line - self._next.get(key, block.first_line)
        if missing > 0 and block.lines:
            _write(prefix, f"… {missing:,} lines were not recorded (TRACKWAY_CONSOLE_MAX_BYTES) …")
        for line in block.lines:
            _write(prefix, line)
        if block.lines:
            self._next[key] = block.first_line + len(block.lines)
        self._unfinished[key] = (prefix, block.unfinished)
        sys.stdout.flush()

    def end(self) -> None:
        """Print the lines that were not complete."""
        for prefix, unfinished in self._unfinished.values():
            for line in unfinished.split("\n") if unfinished else ():
                _write(prefix, line)
        sys.stdout.flush()

    def _prefix(self, block: ConsoleBlock) -> str:
        if not self._named:
            return ""
        rank = block.labels.get("rank", "")
        if rank:
            return f"[rank {clean_line(rank)}] "
        if len(self._writers) == 1:
            return ""
        return f"[{clean_line(block.labels.get('host', ''))} {clean_line(block.labels.get('pid', ''))}] "


def clean_line(line: str, *, colours: bool = False) -> str:
    """A line without anything that steers a terminal, colours apart where they are wanted."""
    parts = _COLOUR.split(line)
    shown = [part if index % 2 else _printable(part) for index, part in enumerate(parts) if colours or not index % 2]
    return "".join(shown) + ("\x1b[0m" if colours and len(parts) > 1 else "")


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() or each == "\t" else "\ufffd" for each in text)


def _write(prefix: str, line: str) -> None:
    sys.stdout.write(f"{prefix}{clean_line(line, colours=sys.stdout.isatty())}\n")
