"""How many points runs have on the server, over all series, and whether all are finished: `count_points RUN_ID …`."""

from __future__ import annotations

import sys

import trackway
from benchmarks.timing import answer


def main(run_ids: list[str]) -> None:
    with trackway.Client() as client:
        statuses = {client.tracking.get_run(run_id).info.status for run_id in run_ids}
        points = sum(summary.count for run_id in run_ids for summary in client.tracking.list_series(run_id))
    answer(points=points, finished=statuses == {"FINISHED"})


if __name__ == "__main__":
    main(sys.argv[1:])
