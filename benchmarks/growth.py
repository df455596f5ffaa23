"""How cost grows: with points, with writers, with series. Rows of the table, and a picture, benchmarks/growth.svg."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import writers
from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.growth_picture import Curve, Panel, draw
from benchmarks.samples import Spread

POINTS = (10_000, 100_000, 1_000_000, 10_000_000)
PEER_POINTS = (10_000, 100_000)
WRITERS = (1, 4, 16, 64)
SERIES = (1, 10, 100, 1_000, 10_000)
POINTS_IN_ALL = 1_000_000
WRITER_SECONDS = 6


def growth(bench: Bench) -> list[Row]:
    """GROW: one series of 10⁴ to 10⁷ points; 1 to 64 writers; 1 to 10⁴ series. Drawn in benchmarks/growth.svg."""
    ours = _each(bench, POINTS, lambda points: bench.ours.run("growing_series", points), "points in a series")
    theirs = bench.of_peer(
        lambda peer: {points: peer.run("growing_series", points) for points in _fewer(bench, PEER_POINTS)},
        "10⁴ and 10⁵ points in a series",
    )
    many = _each(bench, WRITERS, lambda count: _writers(bench, count), "writers at once")
    wide = _each(bench, SERIES, lambda series: _wide(bench, series), "series in a run")
    if not bench.quick:
        draw(_panels(ours, theirs or {}, many, wide))
    return [
        *(_series_row(points, got, (theirs or {}).get(points), "durable") for points, got in ours.items()),
        *(_series_row(points, got, (theirs or {}).get(points), "read") for points, got in ours.items()),
        *(
            Row("GROW", f"{count} writers of 100 series", Unit.POINTS_PER_SECOND, Spread.of([_rate(got)]))
            for count, got in many.items()
        ),
        *(
            Row(
                "GROW", f"log_metrics of {series:,}, a point", Unit.SECONDS, Spread.of([got["recorded"] / _logged(got)])
            )
            for series, got in wide.items()
        ),
    ]


def _each(
    bench: Bench, sizes: tuple[int, ...], measure: Callable[[int], dict[str, Any]], what: str
) -> dict[int, dict[str, Any]]:
    found = {}
    for size in _fewer(bench, sizes):
        bench.say(f"growth: {size:,} {what}")
        found[size] = measure(size)
    return found


def _fewer(bench: Bench, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Without the greatest where it should be quick."""
    return sizes[:-1] if bench.quick else sizes


def _writers(bench: Bench, count: int) -> dict[str, Any]:
    return writers.measured(bench, count, bench.scaled(WRITER_SECONDS), writers=count)


def _wide(bench: Bench, series: int) -> dict[str, Any]:
    got = bench.ours.run("growing_width", series, max(20, POINTS_IN_ALL // series))
    bench.ours.verify_points(got["run_id"], got["points"])
    return {**got, "series": series}


def _logged(got: dict[str, Any]) -> int:
    """The points of the measured calls: the first row is not among them."""
    return int(got["points"] - got["series"])


def _rate(got: dict[str, Any]) -> float:
    return float(got["points"] / got["seconds"])


def _series_row(points: int, got: dict[str, Any], peer: dict[str, Any] | None, what: str) -> Row:
    name = "until durable" if what == "durable" else "read back as arrays"
    theirs = Spread.of([peer[what]]) if peer else None
    return Row("GROW", f"{points:,} points, {name}", Unit.SECONDS, Spread.of([got[what]]), None, theirs)


def _panels(
    ours: dict[int, dict[str, Any]],
    theirs: dict[int, dict[str, Any]],
    many: dict[int, dict[str, Any]],
    wide: dict[int, dict[str, Any]],
) -> list[Panel]:
    def seconds(of: dict[int, dict[str, Any]], what: str) -> dict[int, float]:
        return {size: float(got[what]) for size, got in of.items()}

    return [
        Panel(
            "One series, until durable",
            "points",
            "seconds",
            [Curve("Trackway", seconds(ours, "durable")), Curve("MLflow", seconds(theirs, "durable"))],
        ),
        Panel(
            "The same, read back",
            "points",
            "seconds",
            [Curve("Trackway", seconds(ours, "read")), Curve("MLflow", seconds(theirs, "read"))],
        ),
        Panel(
            "Writers at once, durable",
            "writers",
            "points a second",
            [Curve("Trackway", {count: _rate(got) for count, got in many.items()})],
        ),
        Panel(
            "log_metrics of a dict",
            "series in the dict",
            "nanoseconds a point",
            [
                Curve("in the training loop", {n: got["recorded"] / _logged(got) * 1e9 for n, got in wide.items()}),
                Curve("until durable", {n: got["durable"] / _logged(got) * 1e9 for n, got in wide.items()}),
            ],
        ),
    ]
