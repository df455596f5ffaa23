"""P14: what a deployment asks a registry."""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.samples import Spread, percentile

CALLS = 500
CALLERS = 16
SECONDS = 5


def resolve(bench: Bench) -> list[Row]:
    """`Resolve("model@alias")` of a model of five files: one caller of the client, then 16 callers at once."""
    bench.say(f"Resolve, {CALLS} calls one after another, then {CALLERS} callers for {SECONDS} s")
    got = measured(bench)
    one = [nanoseconds / 1e9 for nanoseconds in got["samples"]]
    per_core = Spread.of([got["calls"] / got["processor"]])
    note = f"{got['calls'] / got['seconds']:.0f} a second were answered, the callers on the same cores"
    return [
        Row("P14", "Resolve by alias, one caller, p50", Unit.SECONDS, Spread.of([percentile(one, 50)]), 0.002),
        Row("P14", "the same, p99", Unit.SECONDS, Spread.of([percentile(one, 99)])),
        Row("P14", "Resolve, for each core of the server", Unit.CALLS_PER_SECOND, per_core, 1000.0, note=note),
    ]


def measured(bench: Bench) -> dict[str, Any]:
    """What benchmarks/trackway_scripts/resolve.py answers."""
    calls, seconds = bench.scaled(CALLS), bench.scaled(SECONDS)
    return bench.ours.run("resolve", calls, CALLERS, seconds, *bench.ours.server_pids)
