"""From `start_run()` to the return of the first `log_metric`, in a fresh process after the import."""

from __future__ import annotations

import time

import mlflow

from benchmarks.timing import answer


def main() -> None:
    started = time.perf_counter()
    mlflow.start_run()
    mlflow.log_metric("loss", 0.5, step=0)
    seconds = time.perf_counter() - started
    mlflow.end_run()
    answer(seconds=seconds)


if __name__ == "__main__":
    main()
