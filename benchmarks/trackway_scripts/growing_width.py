"""`log_metrics` of a dict of many keys: seconds in the calls, and until durable: `growing_width SERIES CALLS`."""

from __future__ import annotations

import sys
import time
from random import random

import trackway
from benchmarks.timing import answer


def main(series: int, calls: int) -> None:
    keys = [f"metric_{number}" for number in range(series)]
    with trackway.start_run() as run:
        run.log_metrics(dict.fromkeys(keys, 0.0), 0)  # defines the series, once a run
        if not run.flush(timeout=120).durable:
            sys.exit("the first row is not durable")
        recorded, started = 0.0, time.perf_counter()
        for step in range(1, calls + 1):
            row = dict.fromkeys(keys, random())
            called = time.perf_counter()
            run.log_metrics(row, step)
            recorded += time.perf_counter() - called
        if not (state := run.flush(timeout=120)).durable:
            sys.exit(f"not durable: {state}")
        durable = time.perf_counter() - started
    answer(run_id=run.info.run_id, points=series * (calls + 1), recorded=recorded, durable=durable)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
