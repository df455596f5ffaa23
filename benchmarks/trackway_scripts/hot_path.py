"""Time each call beside busy threads: `hot_path CALLS THREADS run|module METRICS_A_CALL float|float32|array`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import trackway
from benchmarks.timing import answer, busy_threads, samples_for, timer_overhead_ns

_KINDS: dict[str, Callable[[float], Any]] = {"float": float, "float32": np.float32, "array": np.array}


def main(calls: int, threads: int, through: str, width: int, kind: str) -> None:
    overhead = timer_overhead_ns()
    with trackway.start_run() as run, busy_threads(threads):
        api: Any = run if through == "run" else trackway
        samples = _single(api.log_metric, calls) if width == 1 else _wide(api.log_metrics, calls, width, _KINDS[kind])
        run_id = run.info.run_id
    answer(run_id=run_id, samples=samples, timer_overhead_ns=overhead)


def _single(log_metric: Callable[[str, float, int], None], calls: int) -> list[int]:
    clock, taken = time.perf_counter_ns, samples_for(calls)
    for step in range(calls):
        value = step * 0.5
        started = clock()
        log_metric("loss", value, step)
        taken[step] = clock() - started
    return taken.tolist()


def _wide(
    log_metrics: Callable[[dict[str, Any], int], None], calls: int, width: int, of_kind: Callable[[float], Any]
) -> list[int]:
    clock, taken = time.perf_counter_ns, samples_for(calls)
    keys = [f"metric_{column}" for column in range(width)]
    for step in range(calls):
        values = dict.fromkeys(keys, of_kind(step * 0.5))
        started = clock()
        log_metrics(values, step)
        taken[step] = clock() - started
    return taken.tolist()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5])
