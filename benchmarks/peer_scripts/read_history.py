"""Read a series of `loss` back, all of it and thinned out for a chart: `read_history POINTS BUCKETS CALLS`."""

from __future__ import annotations

import os
import sys
import time
import urllib.parse
import urllib.request

import mlflow
from mlflow.entities import Metric

from benchmarks.timing import answer

BATCH = 1000


def main(points: int, buckets: int, calls: int) -> None:
    client = mlflow.MlflowClient()
    run_id = client.create_run("0").info.run_id
    for first in range(0, points, BATCH):
        steps = range(first, min(first + BATCH, points))
        client.log_batch(run_id, metrics=[Metric("loss", 1 / (step + 1), 1_000_000 + step, step) for step in steps])
    every, thinned = [], []
    for _ in range(calls):
        started = time.perf_counter()
        history = client.get_metric_history(run_id, "loss")
        every.append(time.perf_counter() - started)
        if len(history) != points:
            sys.exit(f"{len(history)} of {points} points came back")
        started = time.perf_counter()
        _interval(run_id, buckets)
        thinned.append(time.perf_counter() - started)
    answer(all=every, thinned=thinned)


def _interval(run_id: str, buckets: int) -> bytes:
    """What MLflow's own charts ask for."""
    asked = urllib.parse.urlencode({"run_ids": run_id, "metric_key": "loss", "max_results": buckets})
    address = f"{os.environ['MLFLOW_TRACKING_URI']}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?{asked}"
    with urllib.request.urlopen(address, timeout=60) as response:
        body: bytes = response.read()
    return body


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
