"""A series as a picture of braille dots, for a terminal: every spike is to be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackway.cli.output import number

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLANK = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of the dot in each row and column of a character (Unicode, Braille Patterns)."""


@dataclass(frozen=True, slots=True)
class Strokes:
    """What is drawn: of some steps each, the smallest and the greatest value; NaN where there is none."""

    first_steps: Sequence[int]
    last_steps: Sequence[int]
    lows: Sequence[float]
    highs: Sequence[float]


def picture(strokes: Strokes, width: int, height: int) -> list[str]:
    """Lines of `width` characters: from the smallest to the greatest finite value, from the first to the last step.

    Each stroke is joined to the next. Where a value is infinite it ends at the edge; NaN leaves a gap.
    """
    finite = [value for value in (*strokes.lows, *strokes.highs) if math.isfinite(value)]
    if not finite:
        return ["no finite value"]
    bottom, top = min(finite), max(finite)
    first, last = strokes.first_steps[0], max(strokes.last_steps)
    canvas = [[0] * width for _ in range(height)]
    span, rows, columns = top - bottom, 4 * height - 1, 2 * width - 1

    def row(value: float) -> int:
        inside = min(max(value, bottom), top)
        return rows - (round((inside - bottom) / span * rows) if span and math.isfinite(span) else rows // 2)

    previous: tuple[int, int] | None = None
    for step, low, high in zip(strokes.first_steps, strokes.lows, strokes.highs, strict=True):
        if math.isnan(low):
            previous = None
            continue
        x = round((step - first) / (last - first) * columns) if last > first else 0
        up, down = row(high), row(low)
        if previous is not None:
            up, down = min(up, previous[1]), max(down, previous[0])
        for y in range(up, down + 1):
            canvas[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
        previous = row(high), row(low)
    return _framed(canvas, number(top), number(bottom), first, last)


def _framed(canvas: Sequence[Sequence[int]], top: str, bottom: str, first: int, last: int) -> list[str]:
    margin = max(len(top), len(bottom))
    lines = ["".join(chr(_BLANK + dots) for dots in line) for line in canvas]
    labels = [top, *[""] * (len(lines) - 2), bottom] if len(lines) > 1 else [top]
    framed = [f"{label:>{margin}} ┤{line}" for label, line in zip(labels, lines, strict=True)]
    steps = f"{first}{str(last).rjust(max(1, len(lines[0]) - len(str(first))))}"
    return [*framed, f"{'':>{margin}}  {steps}"]
