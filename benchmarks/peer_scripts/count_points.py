"""How many points of the metric `loss` a run has on the server, and its status: `count_points RUN_ID`."""

from __future__ import annotations

import sys

import mlflow

from benchmarks.timing import answer


def main(run_id: str) -> None:
    client = mlflow.MlflowClient()
    points = len(client.get_metric_history(run_id, "loss"))
    answer(points=points, finished=client.get_run(run_id).info.status == "FINISHED")


if __name__ == "__main__":
    main(sys.argv[1])
