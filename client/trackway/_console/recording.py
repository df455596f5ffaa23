"""Lines of a console as records of a spool: in blocks, not one by one, and never more than was allowed.

A block is recorded every half second while there is something new; the line that is still being written, only with
others or every five seconds. When the limit is reached, lines are counted instead of recorded, but the last 64 KiB of
them are kept and recorded at the end: what a process says before it dies is why its console is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from trackway._console.screen import Line, Screen

BLOCK_BYTES = 65_536
UNFINISHED_CHARACTERS = 16_384
UNFINISHED_SECONDS = 5.0
COUNT_SECONDS = 10.0
TAIL_BYTES = 65_536
_RECORD_BYTES = 128
"""What a record counts beside its text."""

Append = Callable[[Mapping[str, object]], None]


class Budget:
    """How many bytes the streams of a process may still record, together."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self.spent = False

    def take(self, size: int) -> bool:
        """Whether `size` bytes more may be recorded. After the first refusal nothing may."""
        self.spent = self.spent or size > self._left
        if not self.spent:
            self._left -= size
        return not self.spent


class StreamRecorder:
    """Records one stream. `feed` it bytes; call `record` from time to time, and `finish` at the end."""

    def __init__(self, append: Append, stream: int, budget: Budget, *, keep_colours: bool = False) -> None:
        self._append = append
        self._stream = stream
        self._budget = budget
        self._screen = Screen(keep_colours=keep_colours)
        self._next_line = 0
        self._dropped_lines = 0
        self._dropped_bytes = 0
        self._dropped_told = (0, 0)
        self._dropped_told_at = 0.0
        self._unfinished = ""
        self._unfinished_at = 0.0
        self._tail: deque[Line] = deque()
        self._tail_bytes = 0

    def feed(self, data: bytes, now: float) -> None:
        """Take bytes that were written at `now`, in seconds since 1970."""
        if self._budget.spent and len(data) > TAIL_BYTES:
            is_within_a_line = self._screen.is_within_a_line
            lines = self._screen.take_all()
            if is_within_a_line:
                self._dropped_bytes += len(lines.pop()[0])  # it ends in `data`, and counts there
            self._keep(lines)
            data = self._skip(data)
        self._screen.feed(data, now)

    def record(self, now: float, *, at_once: bool = False) -> None:
        """Record what has become of the stream since the last time; `at_once`: as far as anything is there to see."""
        lines = self._screen.take_done(now, 0.0) if at_once else self._screen.take_done(now)
        due = at_once or now - self._unfinished_at >= UNFINISHED_SECONDS
        if lines or (due and self._screen.unfinished[:UNFINISHED_CHARACTERS] != self._unfinished):
            self._put(lines, self._screen.unfinished[:UNFINISHED_CHARACTERS], now)
        self._tell_dropped(now, at_once=at_once)

    def finish(self, now: float) -> None:
        """Record what is left: nothing more will be fed."""
        self._screen.feed(b"", now, final=True)
        lines = self._screen.take_all()
        if lines or self._unfinished:
            self._put(lines, "", now)
        if self._tail:
            tail, self._tail = list(self._tail), deque()
            self._emit(tail, "", self._next_line - len(tail), now)
        self._tell_dropped(now, at_once=True)

    def _put(self, lines: list[Line], unfinished: str, now: float) -> None:
        """Record lines in blocks, the last one with the unfinished line; or keep them as the tail."""
        while len(lines) > 1 and not self._budget.spent:
            count = _fitting(lines)
            if count == len(lines):
                break
            self._record_lines(lines[:count], "", now)
            lines = lines[count:]
        if not self._budget.spent:
            self._record_lines(lines, unfinished, now)
        else:
            self._keep(lines)

    def _record_lines(self, lines: list[Line], unfinished: str, now: float) -> None:
        size = sum(len(text.encode()) + 1 for text, _ in lines) + len(unfinished.encode()) + _RECORD_BYTES
        if not self._budget.take(size):
            self._keep(lines)
            return
        self._next_line += len(lines)
        self._emit(lines, unfinished, self._next_line - len(lines), now)

    def _emit(self, lines: list[Line], unfinished: str, first_line: int, now: float) -> None:
        dropped = self._dropped_lines, self._dropped_bytes + self._screen.cut_characters
        begun = lines[0][1] if lines else self._screen.begun or now
        self._append(
            {
                "stream": self._stream,
                "text": "\n".join(text for text, _ in lines),
                "line_count": len(lines),
                "unfinished": unfinished,
                "time_us": int(begun * 1_000_000),
                "first_line": first_line,
                "dropped_lines": dropped[0],
                "dropped_bytes": dropped[1],
            }
        )
        self._unfinished, self._unfinished_at = unfinished, now
        self._dropped_told, self._dropped_told_at = dropped, now

    def _tell_dropped(self, now: float, *, at_once: bool = False) -> None:
        dropped = self._dropped_lines, self._dropped_bytes + self._screen.cut_characters
        if dropped != self._dropped_told and (at_once or now - self._dropped_told_at >= COUNT_SECONDS):
            self._emit([], "", self._next_line - len(self._tail), now)

    # -- beyond the limit --------------------------------------------------------------------------------------------

    def _keep(self, lines: list[Line]) -> None:
        """Let lines be the last ones; those that are so no longer are dropped."""
        for line in lines:
            self._tail.append(line)
            self._tail_bytes += len(line[0]) + 1
        self._next_line += len(lines)
        while self._tail_bytes > TAIL_BYTES and len(self._tail) > 1:
            text, _ = self._tail.popleft()
            self._tail_bytes -= len(text) + 1
            self._dropped_lines += 1
            self._dropped_bytes += len(text) + 1

    def _skip(self, data: bytes) -> bytes:
        """The end of `data`; the lines before it are dropped unread."""
        cut = data.find(b"\n", len(data) - TAIL_BYTES) + 1 or len(data) - TAIL_BYTES
        lines = data.count(b"\n", 0, cut)
        self._next_line += lines
        self._dropped_lines += lines + len(self._tail)
        self._dropped_bytes += cut + self._tail_bytes
        self._tail.clear()
        self._tail_bytes = 0
        return data[cut:]


def _fitting(lines: list[Line]) -> int:
    """How many of the lines go into one block; at least one."""
    size = 0
    for index, (text, _) in enumerate(lines):
        size += 4 * len(text) if not text.isascii() else len(text) + 1
        if size > BLOCK_BYTES and index:
            return index
    return len(lines)
