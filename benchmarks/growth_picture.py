"""The picture of how cost grows: panels of curves on logarithmic axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PICTURE = Path(__file__).parent / "growth.svg"


@dataclass(frozen=True, slots=True)
class Curve:
    """What was measured, by size; an empty one is left out."""

    name: str
    values: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves over one kind of size."""

    title: str
    size: str
    unit: str
    curves: Sequence[Curve]


def draw(panels: Sequence[Panel], picture: Path = PICTURE) -> None:
    """Write the panels side by side, as SVG that is the same for the same numbers."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.hashsalt"] = "trackway"
    figure = Figure(figsize=(4 * len(panels), 3.4), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for curve in panel.curves:
            if curve.values:
                axes.loglog([*curve.values], [*curve.values.values()], marker="o", label=curve.name)
        axes.set_title(panel.title, fontsize=10)
        axes.set_xlabel(panel.size)
        axes.set_ylabel(panel.unit)
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(picture, format="svg", metadata={"Date": None})
