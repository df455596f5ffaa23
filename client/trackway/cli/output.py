"""How commands print: tables for people, JSON for programs.

What strangers wrote (names, tags, values) is never taken for markup, and control characters in it never reach the
terminal.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console

_CONTROL = re.compile("[\x7f-\x9f]")
_BETWEEN, _MARGINS = 3, 2
"""Characters between two columns of a table, and those at its edges."""
_NARROWEST = 12
"""Characters that a column of text is not to fall below."""

_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    align: Literal["left", "right"] = "left"
    wrap: bool = True
    spare: int = 0
    """0: always shown. Where the terminal is too narrow for all, those of greater numbers are left out first."""


def print_json(value: Any) -> None:
    """Print as JSON. Values that JSON lacks are the texts `NaN`, `Infinity`, `-Infinity`, as in protobuf's JSON."""
    sys.stdout.write(_json_text(value, indent=2) + "\n")


def print_json_line(value: Any) -> None:
    """Print as JSON in one line, at once: one of many values, some of which may be long in coming."""
    sys.stdout.write(_json_text(value) + "\n")
    sys.stdout.flush()


def _json_text(value: Any, indent: int | None = None) -> str:
    text = json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)
    # Above those that JSON must escape there are others, of which some steer terminals just so.
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def plain(value: Any) -> Any:
    """Frozen values as dicts, lists and scalars that JSON has."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if hasattr(value, "tolist"):  # a numpy array
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return _NOT_FINITE[str(value)]
    return value


def print_table(title: str, columns: Sequence[Column], rows: Iterable[Sequence[str]], empty: str) -> None:
    """Print a table, or the sentence `empty` where there are no rows."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    cells = [[clean(cell) for cell in row] for row in rows]
    if not cells:
        print_line(empty)
        return
    wide = console()
    fitting = _fitting(columns, cells, wide.width)
    shown = [[Text(row[number]) for number in fitting] for row in cells]
    table = Table(title=Text(clean(title)), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in (columns[number] for number in fitting):
        overflow: Literal["fold", "ellipsis"] = "fold" if column.wrap else "ellipsis"
        table.add_column(column.title, justify=column.align, overflow=overflow, no_wrap=not column.wrap)
    for row in shown:
        table.add_row(*row)
    wide.print(table)
    missing = ", ".join(column.title for number, column in enumerate(columns) if number not in fitting)
    if missing:
        print_line(f"Not shown: {missing}. A wider terminal shows them, and so does --json.")


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """The numbers of the columns for which `width` characters are enough, the least spare ones first in line."""
    from rich.cells import cell_len

    room = width + _BETWEEN - _MARGINS
    chosen = []
    for number in sorted(range(len(columns)), key=lambda number: columns[number].spare):
        column = columns[number]
        needed = max(cell_len(text) for text in (column.title, *(row[number] for row in rows)))
        needed = (min(needed, _NARROWEST) if column.wrap else needed) + _BETWEEN
        if column.spare and needed > room:
            continue
        room -= needed
        chosen.append(number)
    return sorted(chosen)


def print_pairs(title: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Print names and values under a title; nothing where there are none."""
    from rich.table import Table
    from rich.text import Text

    rows = [(Text(f"  {clean(name)}", style="dim"), Text(clean(value), overflow="fold")) for name, value in pairs]
    if not rows:
        return
    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(*row)
    console().print(Text(clean(title), style="bold"))
    console().print(grid)


def print_line(text: str) -> None:
    """Print one line of text as it is."""
    from rich.text import Text

    console().print(Text(clean(text)), soft_wrap=True)


def console() -> Console:
    """The console on stdout. Beside a terminal lines are as long as they need to be, for `grep` and files."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def clean(text: str) -> str:
    """`text` with every control character replaced, so that it cannot steer a terminal."""
    return "".join(" " if each in "\n\t" else each if each.isprintable() else "\ufffd" for each in text)


def moment(time_us: int) -> str:
    """Microseconds since 1970 in the reader's time zone: `2026-11-23 14:05:09`; empty for 0."""
    if not time_us:
        return ""
    try:
        return datetime.fromtimestamp(time_us / 1e6, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return str(time_us)


def duration(start_us: int, end_us: int | None) -> str:
    """How long something took; empty while it has not ended."""
    if end_us is None:
        return ""
    seconds = max(0, end_us - start_us) / 1e6
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def number(value: float) -> str:
    """A value with six significant digits."""
    return f"{value:.6g}"


def size(count: int) -> str:
    """A number of bytes for people, in binary units."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def pairs_text(values: Mapping[str, str], limit: int = 4) -> str:
    """A few of the pairs as `a=1, b=2`, and how many more there are."""
    shown = [f"{name}={value[:40]}" for name, value in sorted(values.items())[:limit]]
    more = len(values) - len(shown)
    return ", ".join(shown) + (f", +{more}" if more > 0 else "")
