"""P2 bulk arrays and P3 a training loop, each until everything is durable on the server."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.peer import Peer
from benchmarks.processes import BenchmarkError
from benchmarks.samples import Spread

REPEATS = 3
ARRAYS = 320
LOOP_STEPS = 400_000


def bulk_arrays(bench: Bench) -> list[Row]:
    """P2: arrays of 65,536 points by one writer, from the first call until `flush` says durable."""
    arrays = bench.scaled(ARRAYS)
    losses = bench.repeated(REPEATS, lambda: points_per_second(bench, "bulk", arrays, "float32"), "bulk arrays, losses")
    noise = bench.repeated(REPEATS, lambda: points_per_second(bench, "bulk", arrays, "random"), "bulk arrays, noise")
    peer = bench.repeated_peer(REPEATS, lambda peer: _peer(peer, "batches", 30), "batches of 1,000")
    note = f"{arrays} arrays of 65,536; MLflow takes at most 1,000 metrics in a request, and had 30"
    rate = Unit.POINTS_PER_SECOND
    rows = [
        Row("P2", "bulk arrays, float32-born losses", rate, losses, 8e6, peer, "log_batch", note),
        Row("P2", "bulk arrays, random float64", rate, noise, None, peer, "log_batch"),
    ]
    if peer is not None:
        times = Spread.of([losses.median / peer.median])
        rows.append(Row("P2", "bulk arrays, against MLflow", Unit.TIMES_PEER, times, 1000.0))
    return rows


def training_loop(bench: Bench) -> list[Row]:
    """P3: `log_metrics` of 10 with a step, one call after another, until all is durable."""
    steps = bench.scaled(LOOP_STEPS)
    ours = bench.repeated(REPEATS, lambda: points_per_second(bench, "loop", steps), "a loop of log_metrics of 10")
    peer = bench.repeated_peer(REPEATS, lambda peer: _peer(peer, "loop", 300), "a loop of log_metrics of 10")
    note = f"{steps:,} steps; MLflow's figure is of 300"
    return [Row("P3", "loop of log_metrics of 10, durable", Unit.POINTS_PER_SECOND, ours, 1.5e6, peer, "async", note)]


def points_per_second(bench: Bench, script: str, *arguments: object) -> float:
    """Points a second of one of our scripts, its points counted on the server."""
    answer = bench.ours.run(script, *arguments)
    bench.ours.verify_points(answer["run_id"], answer["points"])
    return float(answer["points"] / answer["seconds"])


def _peer(peer: Peer, script: str, amount: int) -> float:
    answer = peer.run(script, amount)
    if answer["counted"] != answer["points"]:
        raise BenchmarkError(f"MLflow has {answer['counted']:,} of {answer['points']:,} points")
    return float(answer["points"] / answer["seconds"])
