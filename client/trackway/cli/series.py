"""Series of metrics as a table: of a run, or of a model in production."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from trackway.cli.output import Column, number, print_table

if TYPE_CHECKING:
    from trackway.types import MetricSummary

_COLUMNS = (
    Column("Metric"),
    Column("Context"),
    Column("Last", "right", wrap=False),
    Column("Step", "right", wrap=False),
    Column("Min", "right", wrap=False),
    Column("Max", "right", wrap=False),
    Column("Points", "right", wrap=False),
)


def print_series(title: str, series: Iterable[MetricSummary]) -> None:
    """Print one line for each series, by key and context."""
    rows = [_metric_row(each) for each in sorted(series, key=_series_order)]
    print_table(title, _COLUMNS, rows, empty="No metrics.")


def _series_order(series: MetricSummary) -> tuple[str, list[tuple[str, str]]]:
    return series.key, sorted(series.context.items())


def _metric_row(series: MetricSummary) -> tuple[str, ...]:
    return (
        series.key,
        _context(series.context),
        number(series.last_value),
        str(series.last_step),
        number(series.min_value),
        number(series.max_value),
        f"{series.count:,}",
    )


def _context(context: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(context.items()))
