"""P1: what a call of `log_metric` costs the training process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.peer import Peer
from benchmarks.samples import Spread, percentile

REPEATS = 3
BUSY_THREADS = 3
LOCAL_WRITERS = ("trackio", "tensorboardX")
LOCAL_CALLS = 5_000
PERCENTILES = (50.0, 99.0, 99.9)


@dataclass(frozen=True, slots=True)
class Calls:
    """What one process does: so many calls of `width` metrics each beside so many busy threads."""

    count: int
    threads: int = 0
    width: int = 1
    through: str = "run"
    """Ours: the `run` handle or the `module`'s function. MLflow's: `async` or `sync`."""
    values: str = "float"
    """Ours: Python's `float`, numpy's `float32` scalars, or `array`s without dimensions."""

    @property
    def arguments(self) -> tuple[int, int, str, int]:
        return (self.count, self.threads, self.through, self.width)


def log_calls(bench: Bench) -> list[Row]:
    """P1: every sample is one call, clock reads included, uplink and server at work on the same cores."""
    calls, wide_calls = bench.scaled(200_000), bench.scaled(50_000)
    alone = _ours(bench, Calls(calls))
    module = _ours(bench, Calls(calls, through="module"))
    beside = _ours(bench, Calls(calls, threads=BUSY_THREADS))
    wide = _ours(bench, Calls(wide_calls, width=10))
    dicts = {width: _ours(bench, Calls(bench.scaled(2_000_000 // width), width=width)) for width in (1_000, 10_000)}
    scalars = {
        kind: _ours(bench, Calls(bench.scaled(2_000), width=1_000, values=kind)) for kind in ("float32", "array")
    }
    peer_alone = _peer(bench, Calls(500, through="async"))
    peer_sync = _peer(bench, Calls(100, through="sync"))
    peer_beside = _peer(bench, Calls(100, threads=BUSY_THREADS, through="async"))
    peer_wide = _peer(bench, Calls(200, width=10, through="async"))
    note = f"{REPEATS} processes of {calls:,} calls, MLflow's of 500, beside the threads of 100"
    return [
        _row("run.log_metric, p50", alone, 50, 1.5e-6, peer_alone, "async", f"{note}; {_clock(alone)}"),
        _row("run.log_metric, p99", alone, 99, None, peer_alone, "async"),
        _row("run.log_metric, p99.9", alone, 99.9, None, peer_alone, "async"),
        _row("trackway.log_metric (active run), p50", module, 50, 1.5e-6, peer_sync, "sync"),
        _row("run.log_metric beside 3 busy threads, p50", beside, 50, None, peer_beside, "async"),
        _row("run.log_metric beside 3 busy threads, p99", beside, 99, None, peer_beside, "async"),
        _row("run.log_metric beside 3 busy threads, p99.9", beside, 99.9, 100e-6, peer_beside, "async"),
        _row("run.log_metrics of 10, p50 a point", wide, 50, 0.5e-6, peer_wide, "async"),
        *(row for product in LOCAL_WRITERS for row in _against(bench, product, alone, beside)),
        *(_row(f"run.log_metrics of {width:,}, p50 a point", dicts[width], 50, 0.5e-6, None, "") for width in dicts),
        _row("the same of 1,000 numpy float32 scalars", scalars["float32"], 50, 0.5e-6, None, ""),
        _row("the same of 1,000 arrays without dimensions", scalars["array"], 50, 0.5e-6, None, ""),
    ]


def _against(bench: Bench, product: str, alone: Timed, beside: Timed) -> list[Row]:
    """Our call, which survives `kill -9`, against one that keeps values in memory until it writes them."""

    def measured(threads: int) -> Timed | None:
        def measure(peer: Peer) -> Timed:
            return Timed.of([peer.run_local("local_writers", product, bench.scaled(LOCAL_CALLS), threads)], 1)

        return bench.of_peer(measure, f"{product}, {threads} busy threads", name="local writers")

    lonely, busy = measured(0), measured(BUSY_THREADS)
    what = f"{product}, which loses them on kill -9"
    return [
        _row(f"run.log_metric, p50, against {product}", alone, 50, None, lonely, what),
        _row(f"the same beside 3 busy threads, p99.9, against {product}", beside, 99.9, None, busy, product),
    ]


@dataclass(frozen=True, slots=True)
class Timed:
    """By percentile, the spread over the processes, in seconds a point; and the cost of the clock in each call."""

    by_percentile: Mapping[float, Spread]
    clock_ns: float

    @classmethod
    def of(cls, answers: Sequence[Mapping[str, Any]], width: int) -> Timed:
        scale = 1e-9 / width
        by_percentile = {
            p: Spread.of([percentile(each["samples"], p) * scale for each in answers]) for p in PERCENTILES
        }
        return cls(by_percentile, answers[0].get("timer_overhead_ns", 0.0))


def _ours(bench: Bench, calls: Calls) -> Timed:
    repeats = bench.repeats(REPEATS)
    return Timed.of([_our_process(bench, calls, f"{turn + 1} of {repeats}") for turn in range(repeats)], calls.width)


def _our_process(bench: Bench, calls: Calls, turn: str) -> dict[str, Any]:
    bench.say(
        f"log_metric by {calls.through}, {calls.width} {calls.values} a call, {calls.threads} busy threads ({turn})"
    )
    answer = bench.ours.run("hot_path", *calls.arguments, calls.values)
    bench.ours.verify_points(answer["run_id"], calls.count * calls.width)
    return answer


def _peer(bench: Bench, calls: Calls) -> Timed | None:
    def measure(peer: Peer) -> Timed:
        return Timed.of([peer.run("hot_path", *calls.arguments)], calls.width)

    return bench.of_peer(measure, f"{calls.through} log_metric, {calls.width} a call, {calls.threads} busy threads")


def _row(
    what: str, ours: Timed, percent: float, goal: float | None, peer: Timed | None, peer_what: str, note: str = ""
) -> Row:
    theirs = peer.by_percentile[percent] if peer else None
    return Row("P1", what, Unit.SECONDS, ours.by_percentile[percent], goal, theirs, peer_what, note)


def _clock(timed: Timed) -> str:
    return f"about {timed.clock_ns:.0f} ns of every call are the clock's own and are not subtracted"
