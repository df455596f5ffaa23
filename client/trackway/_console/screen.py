"""What a terminal would show of a stream of bytes, as lines that are done and lines that are still being written.

Understood are `\\r`, `\\n`, `\\b`, tabs, and of the ANSI (ECMA-48) sequences: cursor up, down, left, right, to a column
(CSI A B C D E F G), erase in line (CSI K), erase below (CSI J), and colours (CSI m), which are kept or stripped by
choice. Every other sequence and control character is removed: titles, hyperlinks (their text stays), mouse modes. A
character counts one column, also a wide one. Bytes that are no UTF-8 become U+FFFD.

Lines end, and are never changed again, when they have not been touched for `SETTLE_SECONDS` and lie above the cursor;
until then several progress bars may move up and down among them. What is bounded is said at each constant.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

SETTLE_SECONDS = 0.5
MAX_LINE = 16_384
"""Characters of a line; what is written beyond is dropped and counted."""
MAX_ROWS = 128
"""Lines that may still change; with more, the upper ones are done."""
MAX_ROW_CHARACTERS = 131_072
"""Characters of those lines together, likewise."""
_MAX_STYLES = 8
"""Colour sequences that may be in force together."""
_MAX_LINE_STYLES = 256
"""Different colours of one line; with more, it is kept without any."""
_PLAIN_CHUNK = 2_048
"""Text of at least so many characters, without control characters, does not go through rows."""

_CONTROL = re.compile(
    r"\x1b\[(?P<params>[ -?]{0,64})(?P<final>[@-~])"  # CSI
    r"|\x1b[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"  # OSC and other strings
    r"|\x1b[ -/]{0,4}[0-Z\\`-~]"  # two or more characters
    r"|(?P<one>[\r\n\b\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029])"
)
_OPEN = re.compile(r"\x1b(?:\[[ -?]{0,64}|[\]PX^_][^\x07\x1b]{0,4096}\x1b?|[ -/]{0,4})?\Z")
"""A sequence whose end has not been read yet."""
_NOT_PLAIN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(slots=True)
class _Row:
    """A line that may still change: its characters and, where colours are kept, the style of each."""

    touched: float
    begun: float
    characters: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)

    def text(self) -> str:
        if not self.styles or len(set(self.styles)) > _MAX_LINE_STYLES:
            return "".join(self.characters).rstrip(" ")
        parts: list[str] = []
        before = ""
        for character, style in zip(self.characters, self.styles, strict=True):
            if style != before:
                parts.append(("\x1b[0m" if before else "") + style)
                before = style
            parts.append(character)
        if len(parts) > MAX_LINE + 4 * _MAX_LINE_STYLES:
            return "".join(self.characters).rstrip(" ")
        return "".join(parts).rstrip(" ") + ("\x1b[0m" if before else "")


Line = tuple[str, float]
"""A line that is done, and when it was begun, in seconds on the caller's clock."""


class Screen:
    """One stream. `feed` it what arrives; `take_done` what will not change any more."""

    def __init__(self, *, keep_colours: bool = False) -> None:
        self.cut_characters = 0
        """Characters dropped from overlong lines."""
        self._keep = keep_colours
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._open = ""
        self._done: list[Line] = []
        self._rows: list[_Row] = []
        self._row = 0
        self._column = 0
        self._style: list[str] = []
        self._held = 0

    def feed(self, data: bytes, now: float, *, final: bool = False) -> None:
        """Take bytes as they were written at `now` (seconds; never falling). `final`: no more will come."""
        text = self._open + self._decoder.decode(data, final)
        self._open = ""
        if len(text) >= _PLAIN_CHUNK and not _NOT_PLAIN.search(text) and self._is_at_the_end():
            self._plain(text, now)
            return
        if not final and (unfinished := _OPEN.search(text, max(0, len(text) - 4200))):
            self._open = text[unfinished.start() :]
            text = text[: unfinished.start()]
        position = 0
        for control in _CONTROL.finditer(text):
            if control.start() > position:
                self._write(text[position : control.start()], now)
            position = control.end()
            self._obey(control, now)
        if position < len(text):
            self._write(text[position:].replace("\x1b", ""), now)

    def take_done(self, now: float, settle: float = SETTLE_SECONDS) -> list[Line]:
        """The lines that are done: those above the cursor, not touched for `settle` seconds. They leave the screen."""
        settled = 0
        while settled < self._row and now - self._rows[settled].touched >= settle:
            settled += 1
        self._finish_rows(settled)
        return self._hand_over()

    def take_all(self) -> list[Line]:
        """All lines: nothing more will be written."""
        rows = len(self._rows)
        if rows and not self._rows[-1].text() and self._row == rows - 1:
            rows -= 1  # the cursor waits below the last line
        self._finish_rows(rows)
        self._rows, self._row, self._column = [], 0, 0
        return self._hand_over()

    @property
    def unfinished(self) -> str:
        """The lines that may still change, as they are now; several (of progress bars) with line feeds between."""
        return "\n".join(row.text() for row in self._rows).rstrip("\n")

    @property
    def is_within_a_line(self) -> bool:
        """Whether what is written next goes on with the last line, which shows something already."""
        return bool(self._rows) and self._row == len(self._rows) - 1 and bool(self._rows[-1].text())

    @property
    def begun(self) -> float | None:
        """When the first line that may still change was begun; None where there is none."""
        return self._rows[0].begun if self._rows else None

    def _hand_over(self) -> list[Line]:
        done, self._done = self._done, []
        return done

    # -- text --------------------------------------------------------------------------------------------------------

    def _is_at_the_end(self) -> bool:
        """Whether what is written now goes to the end of the last line, in no colour."""
        if not self._rows:
            return True
        last = self._rows[-1]
        return self._row == len(self._rows) - 1 and self._column == len(last.characters) and not self._style

    def _plain(self, text: str, now: float) -> None:
        """Much text without control characters: lines are made at once."""
        first, *others = text.split("\n")
        self._write(first, now)
        if not others:
            return
        self._finish_rows(len(self._rows))
        self._rows, self._row, self._column = [], 0, 0
        for line in others[:-1]:
            self._done.append((self._cut(line), now))
        if others[-1]:
            self._write(others[-1], now)

    def _cut(self, line: str) -> str:
        if len(line) <= MAX_LINE:
            return line
        self.cut_characters += len(line) - MAX_LINE
        return line[:MAX_LINE]

    def _write(self, text: str, now: float) -> None:
        """Write characters at the cursor, over what is there."""
        row = self._current(now)
        room = MAX_LINE - self._column
        if len(text) > room:
            self.cut_characters += len(text) - max(room, 0)
            text = text[: max(room, 0)]
        if not text:
            return
        gap = self._column - len(row.characters)
        if gap > 0:
            self._fill(row, gap)
        end = self._column + len(text)
        before = len(row.characters)
        row.characters[self._column : end] = text
        if self._style or row.styles:
            row.styles += [""] * (before - len(row.styles))
            row.styles[self._column : end] = ["".join(self._style)] * len(text)
        self._held += len(row.characters) - before
        self._column = end

    def _fill(self, row: _Row, count: int) -> None:
        row.characters += [" "] * count
        self._held += count
        if row.styles:
            row.styles += [""] * count

    def _current(self, now: float) -> _Row:
        """The row of the cursor, made where it is missing; it counts as touched."""
        while len(self._rows) <= self._row:
            self._rows.append(_Row(now, now))
        if len(self._rows) > MAX_ROWS or self._held > MAX_ROW_CHARACTERS:
            self._finish_rows(min(self._row, max(1, len(self._rows) // 2)))
        row = self._rows[self._row]
        row.touched = now
        return row

    def _finish_rows(self, count: int) -> None:
        """The first `count` rows are done."""
        for row in self._rows[:count]:
            self._done.append((row.text(), row.begun))
            self._held -= len(row.characters)
        del self._rows[:count]
        self._row = max(self._row - count, 0)

    # -- control -----------------------------------------------------------------------------------------------------

    def _obey(self, control: re.Match[str], now: float) -> None:
        one = control["one"]
        if one == "\n":
            self._current(now)
            self._row += 1
            self._column = 0
            self._current(now)
        elif one == "\r":
            self._column = 0
        elif one == "\b":
            self._column = max(self._column - 1, 0)
        elif one in ("\u2028", "\u2029"):
            self._write(" ", now)
        elif control["final"]:
            self._sequence(control["final"], control["params"], now)

    def _sequence(self, final: str, params: str, now: float) -> None:
        """A control sequence. Cursor movements end where the screen does."""
        first = params.split(";", 1)[0]
        number = int(first) if first.isascii() and first.isdigit() and len(first) < 6 else 0
        count = max(number, 1)
        if final in "AF":
            self._row = max(self._row - count, 0)
        elif final in "BE":
            self._row = min(self._row + count, max(len(self._rows) - 1, 0))
        elif final == "C":
            self._column = min(self._column + count, MAX_LINE)
        elif final == "D":
            self._column = max(self._column - count, 0)
        elif final == "G":
            self._column = min(count - 1, MAX_LINE)
        elif final == "K":
            self._erase_in_line(number, now)
        elif final == "J" and number == 0:
            self._erase_in_line(0, now)
            for row in self._rows[self._row + 1 :]:
                self._held -= len(row.characters)
            del self._rows[self._row + 1 :]
        elif final == "m" and self._keep:
            self._colour(params)
        if final in "EF":
            self._column = 0

    def _erase_in_line(self, mode: int, now: float) -> None:
        row = self._current(now)
        if mode == 1:
            blank = min(self._column + 1, len(row.characters))
            row.characters[:blank] = " " * blank
            if row.styles:
                row.styles[:blank] = [""] * blank
        elif mode in (0, 2):
            kept = self._column if mode == 0 else 0
            self._held -= max(len(row.characters) - kept, 0)
            del row.characters[kept:]
            del row.styles[kept:]

    def _colour(self, params: str) -> None:
        if not all(each in "0123456789;:" for each in params):
            return
        if params.lstrip("0") == "" or params.startswith("0;"):
            self._style = []
        if params.lstrip("0") and len(params) <= 32:
            self._style = [*self._style, f"\x1b[{params}m"][-_MAX_STYLES:]
