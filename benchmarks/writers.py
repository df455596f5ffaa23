"""P4: many writers at once, into one run and into one each."""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.samples import Spread, percentile

WRITERS = 64
SECONDS = 12


def many_writers(bench: Bench) -> list[Row]:
    """64 writers of 100 series, each with one append of 6,400 points in flight, until all is durable."""
    return [row for runs in (1, WRITERS) for row in _into(bench, runs)]


def _into(bench: Bench, runs: int) -> list[Row]:
    seconds = bench.scaled(SECONDS)
    where = "one run" if runs == 1 else f"{runs} runs"
    bench.say(f"{WRITERS} writers into {where} for {seconds} s")
    got = measured(bench, runs, seconds)
    rate = Spread.of([got["points"] / got["seconds"]])
    latency = Spread.of([percentile(got["latencies"], 99)])
    growth = Spread.of([float(got["memory_growth"])])
    note = f"one append of 6,400 points in flight each; the server's peak {got['memory_peak'] / 1e6:.0f} MB resident"
    what = f"{WRITERS} writers into {where}"
    return [
        Row("P4", what, Unit.POINTS_PER_SECOND, rate, 2e6, note=note),
        Row("P4", f"{what}, p99 acknowledgement", Unit.SECONDS, latency, 0.25),
        Row("P4", f"{what}, memory growth of the server", Unit.BYTES, growth, note="over the last two thirds"),
    ]


def measured(bench: Bench, runs: int, seconds: float, writers: int = WRITERS) -> dict[str, Any]:
    """What benchmarks/trackway_scripts/many_writers.py answers, its points counted on the server."""
    got = bench.ours.run("many_writers", writers, runs, seconds, *bench.ours.server_pids)
    bench.ours.verify_points(got["run_ids"], got["points"])
    return got
