"""How many points a run has on the server, over all series, and whether it is finished: `count_points RUN_ID`."""

from __future__ import annotations

import sys

import trackway
from benchmarks.timing import answer


def main(run_id: str) -> None:
    with trackway.Client() as client:
        run = client.tracking.get_run(run_id)
        points = sum(summary.count for summary in client.tracking.list_series(run_id))
    answer(points=points, finished=run.info.status == "FINISHED")


if __name__ == "__main__":
    main(sys.argv[1])
