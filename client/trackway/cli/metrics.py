"""`trackway runs metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackway.cli.connection import Json, Uri, connect
from trackway.cli.output import console, number, print_json, print_line
from trackway.cli.serve import tell
from trackway.errors import TrackwayError

if TYPE_CHECKING:
    from trackway.cli.plot import Strokes
    from trackway.series import MetricAggregate, MetricBuckets

_MARGIN = 16
_MOST_PICTURES = 20


def show_metrics(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")],
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]…", help="Metrics; all where none is named.")
    ] = None,
    across: Annotated[
        str | None,
        typer.Option("--across", metavar="NAME", help="Take together what differs in this, e.g. rank."),
    ] = None,
    steps: Annotated[
        str | None, typer.Option("--steps", metavar="FIRST:LAST", help="Only these steps, both included.")
    ] = None,
    height: Annotated[int, typer.Option("--height", min=2, max=40, help="Lines of each picture.")] = 8,
    uri: Uri = None,
    as_json: Json = False,
) -> None:
    """Draw metrics of a run by step, each as its smallest and greatest values."""
    width = max(20, min(console().width, 160) - _MARGIN)
    chosen: dict[str, Any] = {"key": keys or None, "steps": _range(steps), "max_buckets": 2 * width}
    found: list[Any] = []
    with connect(uri) as client:
        try:
            found = (
                client.tracking.read_buckets(run, **chosen)
                if across is None
                else client.tracking.read_aggregates(run, across=across, **chosen)
            )
        except TrackwayError as refused:
            if keys or refused.reason != "SERIES_NOT_FOUND":
                raise
            tell("the run has no metrics")
    if as_json:
        print_json(found)
        return
    from trackway.cli.plot import picture

    for series in found[:_MOST_PICTURES]:
        print_line(_title(series))
        for line in picture(_strokes(series), width, height):
            print_line(line)
    if len(found) > _MOST_PICTURES:
        print_line(f"and {len(found) - _MOST_PICTURES} more series: name keys")


def _range(steps: str | None) -> tuple[int | None, int | None] | None:
    if steps is None:
        return None
    first, colon, last = steps.partition(":")
    try:
        found = int(first) if first else None, int(last) if last else (None if colon else int(first))
        if any(each is not None and not -(2**63) <= each < 2**63 for each in found):
            raise ValueError
        return found
    except ValueError:
        raise typer.BadParameter(f"{steps!r} is no range of steps: write FIRST:LAST, FIRST: or :LAST") from None


def _title(series: MetricBuckets | MetricAggregate) -> str:
    context = ", ".join(f"{name}={value}" for name, value in sorted(series.context.items()))
    nans = int(series.nan_counts.sum())
    members = getattr(series, "member_count", 0)
    return "  ".join(
        part
        for part in (
            series.key,
            f"({context})" if context else "",
            f"{int(series.counts.sum()):,} points",
            f"of {members} series" if members else "",
            f"{nans:,} NaN" if nans else "",
            f"last {number(float(series.last_values[-1]))}" if hasattr(series, "last_values") else "",
        )
        if part
    )


def _strokes(series: MetricBuckets | MetricAggregate) -> Strokes:
    from trackway.cli.plot import Strokes

    columns = (series.first_steps, series.last_steps, series.min_values, series.max_values)
    return Strokes(*(column.tolist() for column in columns))
