"""`log_batch` of 1,000 metrics a request, the most MLflow takes: `batches REQUESTS`."""

from __future__ import annotations

import sys
import time

import mlflow
from mlflow.entities import Metric

from benchmarks.timing import answer

BATCH = 1000
SERIES = 16


def main(requests: int) -> None:
    client = mlflow.MlflowClient()
    run_id = client.create_run("0").info.run_id
    batches = [
        [
            Metric(f"series_{k % SERIES}", k * 0.5, 1_000_000 + k, k)
            for k in range(request * BATCH, (request + 1) * BATCH)
        ]
        for request in range(requests)
    ]
    started = time.perf_counter()
    for batch in batches:
        client.log_batch(run_id, metrics=batch)
    seconds = time.perf_counter() - started
    counted = sum(len(client.get_metric_history(run_id, f"series_{series}")) for series in range(SERIES))
    answer(seconds=seconds, points=requests * BATCH, counted=counted)


if __name__ == "__main__":
    main(int(sys.argv[1]))
