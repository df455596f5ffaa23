"""The table: on the terminal, as Markdown, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.figures import Row, Unit
from benchmarks.samples import Spread

COLUMNS = (
    "",
    "what",
    "Trackway: median (min–max)",
    "goal",
    "MLflow or as named: median (min–max)",
    "ratio",
    "verdict",
)
NARROW_COLUMNS = ("", "what", "Trackway", "goal", "MLflow or named", "ratio", "verdict")
WIDE = 150
"""Characters from which on a terminal shows the spreads, too."""

_SCALES: dict[Unit, tuple[tuple[float, str], ...]] = {
    Unit.SECONDS: ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    Unit.POINTS_PER_SECOND: ((1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")),
    Unit.CALLS_PER_SECOND: ((1.0, "/s"),),
    Unit.BYTES: ((1e6, "MB"),),
    Unit.BYTES_A_POINT: ((1.0, "B"),),
    Unit.CORE_PERCENT: ((1.0, "%"),),
    Unit.TIMES_PEER: ((1.0, "×"),),
}


def quantity(value: float, unit: Unit) -> str:
    """Three significant digits in the largest scale that leaves a digit before the point: `1.24 µs`, `8.1 M/s`."""
    scales = _SCALES[unit]
    size, name = next(((size, name) for size, name in scales if abs(value) >= size), scales[-1])
    return f"{_digits(value / size)} {name}"


def _digits(value: float) -> str:
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else "< 0.001"


def spread(measured: Spread | None, unit: Unit) -> str:
    """The median and, of repeated measurements, the least and greatest."""
    if measured is None or measured.count == 1:
        return median(measured, unit)
    return f"{median(measured, unit)} ({quantity(measured.low, unit)}–{quantity(measured.high, unit)})"


def median(measured: Spread | None, unit: Unit) -> str:
    return "–" if measured is None else quantity(measured.median, unit)


def cells(row: Row, shown: Callable[[Spread | None, Unit], str] = spread) -> tuple[str, ...]:
    """One line of the table as text, in the order of COLUMNS."""
    goal = "–" if row.goal is None else f"{'≥' if row.unit.more_is_better else '≤'} {quantity(row.goal, row.unit)}"
    peer = shown(row.peer, row.unit) + (f" {row.peer_what}" if row.peer and row.peer_what else "")
    ratio = "–" if row.ratio is None else f"{_digits(row.ratio)} ×"
    ours = row.failure or shown(row.ours, row.unit)
    return (row.figure, row.what, ours, goal, peer, ratio, row.verdict)


def terminal_table(rows: Iterable[Row], width: int) -> Table:
    """The table for a terminal of `width` characters; the spreads are left out where they would not fit."""
    wide = width >= WIDE
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in COLUMNS if wide else NARROW_COLUMNS:
        table.add_column(column, overflow="fold", min_width=20 if column == "what" else None)
    for row in rows:
        table.add_row(*cells(row, spread if wide else median), style=_style(row))
    return table


def _style(row: Row) -> str:
    if row.failure:
        return "bold red"
    return "yellow" if row.shortfall is not None and row.shortfall > 1 else ""


def markdown(rows: Sequence[Row], machine: Sequence[str]) -> str:
    """The whole of results.md."""
    head = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    body = ["| " + " | ".join(_escaped(cell) for cell in cells(row)) + " |" for row in rows]
    notes = [f"- {row.figure}, {row.what}: {row.note}" for row in rows if row.note]
    parts = [
        [
            "# Benchmark results",
            "",
            "Written by `make bench`. Trackway and the peers ran one after the other in one run;",
        ],
        ["read the ratio before the absolute value. A ratio above 1 is in Trackway's favour.", ""],
        [f"- {line}" for line in machine],
        ["", *head, *body],
        ["", "## Notes", "", *notes] if notes else [],
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")


def as_json(rows: Iterable[Row], machine: Sequence[str]) -> str:
    """Base units: seconds, points a second, bytes, per cent of a core."""
    return json.dumps(
        {"machine": list(machine), "figures": [_plain(row) for row in rows]}, indent=2, ensure_ascii=False
    )


def _plain(row: Row) -> dict[str, Any]:
    return {**asdict(row), "unit": row.unit.value, "ratio": row.ratio, "verdict": row.verdict}
