"""One series of many points by `log_batch`: seconds until stored, and to read back: `growing_series POINTS`."""

from __future__ import annotations

import sys
import time

import mlflow
from mlflow.entities import Metric

from benchmarks.timing import answer

BATCH = 1000


def main(points: int) -> None:
    client = mlflow.MlflowClient()
    run_id = client.create_run("0").info.run_id
    started = time.perf_counter()
    for first in range(0, points, BATCH):
        client.log_batch(run_id, [Metric("loss", k * 0.5, 1_000_000 + k, k) for k in range(first, first + BATCH)])
    durable = time.perf_counter() - started
    started = time.perf_counter()
    counted = len(client.get_metric_history(run_id, "loss"))
    read = time.perf_counter() - started
    if counted != points:
        sys.exit(f"{counted:,} points came back, {points:,} were logged")
    answer(durable=durable, read=read)


if __name__ == "__main__":
    main(int(sys.argv[1]))
