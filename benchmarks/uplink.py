"""P17: what the uplink costs a host whose trainer logs 1,000 times a second."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.processes import BenchmarkError, cpu_seconds, json_answer, memory_bytes, processes_on
from benchmarks.samples import Spread, percentile

CALLS_PER_SECOND = 1000
SETTLE_SECONDS = 2.5


def steady_logging(bench: Bench) -> list[Row]:
    """Processor share and memory of the uplink over ten seconds of steady logging, its own start left out."""
    seconds = 4 if bench.quick else 10
    spool = bench.ours.fresh_spool()
    bench.say(f"the uplink beside {CALLS_PER_SECOND:,} calls a second for {seconds} s")
    script = bench.ours.start("steady_calls", CALLS_PER_SECOND, seconds + SETTLE_SECONDS + 1, spool=spool)
    try:
        time.sleep(SETTLE_SECONDS)
        uplink = _the_uplink(spool, script.pid)
        share, memory = _watch(uplink, seconds)
        answer = json_answer(script, "steady_calls")
    finally:
        if script.poll() is None:
            script.kill()
            script.wait()
    bench.ours.verify_points(answer["run_id"], answer["points"])
    calls = [nanoseconds / 1e9 for nanoseconds in answer["samples"]]
    note = f"{answer['points'] / answer['seconds']:.0f} calls a second were made; no peer has such a process"
    return [
        Row("P17", "uplink at 1,000 calls/s, processor", Unit.CORE_PERCENT, Spread.of([share]), 5.0, note=note),
        Row("P17", "uplink at 1,000 calls/s, memory (PSS)", Unit.BYTES, Spread.of([memory]), 60e6),
        Row("P17", "log_metric at that pace, p50", Unit.SECONDS, Spread.of([percentile(calls, 50)])),
        Row("P17", "log_metric at that pace, p99.9", Unit.SECONDS, Spread.of([percentile(calls, 99.9)])),
    ]


def _watch(uplink: psutil.Process, seconds: float) -> tuple[float, float]:
    started, before = time.perf_counter(), cpu_seconds([uplink])
    time.sleep(seconds)
    share = 100 * (cpu_seconds([uplink]) - before) / (time.perf_counter() - started)
    return share, memory_bytes([uplink])


def _the_uplink(spool: Path, trainer: int) -> psutil.Process:
    """The one process beside the trainer that works on `spool`."""
    found = [process for process in processes_on(spool) if process.pid != trainer]
    if len(found) != 1:
        raise BenchmarkError(f"{len(found)} uplinks run for one spool; there must be exactly one")
    return found[0]
