"""A training loop of asynchronous `log_metrics` of 10 until all are stored: `loop STEPS`."""

from __future__ import annotations

import sys
import time

import mlflow

from benchmarks.timing import answer

WIDTH = 10


def main(steps: int) -> None:
    with mlflow.start_run() as run:
        started = time.perf_counter()
        for step in range(steps):
            values = {f"metric_{column}": step * 0.5 + column for column in range(WIDTH)}
            mlflow.log_metrics(values, step=step, synchronous=False)
        mlflow.flush_async_logging()
        seconds = time.perf_counter() - started
    client = mlflow.MlflowClient()
    histories = (client.get_metric_history(run.info.run_id, f"metric_{column}") for column in range(WIDTH))
    answer(seconds=seconds, points=steps * WIDTH, counted=sum(len(history) for history in histories))


if __name__ == "__main__":
    main(int(sys.argv[1]))
