"""Time each `mlflow.log_metric`: `hot_path CALLS THREADS sync|async [METRICS_A_CALL]`."""

from __future__ import annotations

import sys
import time

import mlflow

from benchmarks.timing import answer, busy_threads, samples_for


def main(calls: int, threads: int, mode: str, width: int) -> None:
    synchronous, clock, taken = mode == "sync", time.perf_counter_ns, samples_for(calls)
    with mlflow.start_run(), busy_threads(threads):
        for step in range(calls):
            values = {f"metric_{column}": step * 0.5 for column in range(width)}
            started = clock()
            if width == 1:
                mlflow.log_metric("loss", step * 0.5, step=step, synchronous=synchronous)
            else:
                mlflow.log_metrics(values, step=step, synchronous=synchronous)
            taken[step] = clock() - started
    answer(samples=taken.tolist())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
