"""P5 a chart of a long series, and P6 all of a series as numpy arrays, both once compaction has been over it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.ours import Ours
from benchmarks.processes import BenchmarkError
from benchmarks.samples import Spread

CHART_POINTS = 10_000_000
PIXELS = 2_000
CHART_CALLS = 50
ALL_POINTS = 1_000_000
ALL_CALLS = 15
PEER_POINTS = 20_000
PEER_CALLS = 3
COMPACTED_WITHIN_S = 300.0
SETTINGS = {"TRACKWAY_TRACKING_COMPACTION_QUIET_SECONDS": "3"}


def chart(bench: Bench) -> list[Row]:
    """P5: one series of 10^7 points in at most 2,000 buckets, its spike of one sample seen in every answer."""
    points = bench.scaled(CHART_POINTS)
    got = _read(bench, "chart", points, PIXELS, bench.repeats(CHART_CALLS))
    peer = bench.of_peer(lambda peer: peer.run("read_history", PEER_POINTS, PIXELS, PEER_CALLS), "a chart")
    note = f"{points:,} points, MLflow {PEER_POINTS:,}; {_bounds(got)}"
    thinned = Spread.of(peer["thinned"]) if peer else None
    what = f"chart of a long series, {PIXELS:,} px"
    return [Row("P5", what, Unit.SECONDS, Spread.of(got["samples"]), 0.030, thinned, "bulk-interval", note)]


def everything(bench: Bench) -> list[Row]:
    """P6: all of a series of 10^6 points, with steps, times and sequences, as numpy arrays in the client."""
    points = bench.scaled(ALL_POINTS)
    got = _read(bench, "all", points, "all", bench.repeats(ALL_CALLS))
    peer = bench.of_peer(lambda peer: peer.run("read_history", PEER_POINTS, PIXELS, PEER_CALLS), "a whole series")
    scaled = Spread.of([seconds * points / PEER_POINTS for seconds in peer["all"]]) if peer else None
    note = f"{points:,} points; MLflow's figure is {PEER_POINTS:,} points', extrapolated; {_bounds(got)}"
    spread = Spread.of(got["samples"])
    return [Row("P6", "all of a series as arrays", Unit.SECONDS, spread, 0.300, scaled, "get_metric_history", note)]


def _read(bench: Bench, name: str, points: int, what: object, calls: int) -> dict[str, Any]:
    """The answer of `read_metrics`, of a server that has only this series."""
    work = bench.work / f"reading-{name}"
    work.mkdir()
    with closing(Ours(work, bench.say, SETTINGS)) as ours:
        bench.say(f"logging {points:,} points ({name})")
        run_id = ours.run("read_metrics", points, 2, 1)["run_id"]
        ours.end_uplinks()
        bench.say(f"compaction ({name})")
        _until_compacted(ours.data / "tracking.db", points)
        bench.say(f"reading ({name})")
        return ours.run("read_metrics", points, what, calls, run_id)


def _until_compacted(database: Path, points: int) -> None:
    """Return once at most a hundredth of the points waits."""
    give_up = time.monotonic() + COMPACTED_WITHIN_S
    while time.monotonic() < give_up:
        time.sleep(1)
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            (waiting,) = connection.execute("SELECT coalesce(sum(point_count), 0) FROM metric_segments").fetchone()
        if waiting <= points / 100:
            return
    raise BenchmarkError(f"{waiting:,} of {points:,} points were not compacted within {COMPACTED_WITHIN_S:.0f} s")


def _bounds(got: dict[str, Any]) -> str:
    """Where the time goes."""
    return f"{got['processor'] * 1000:.0f} ms of it the client's processor, the rest the server and the wire"
