"""`log_metric` at a steady pace: `steady_calls CALLS_A_SECOND SECONDS`."""

from __future__ import annotations

import sys
import time

import trackway
from benchmarks.timing import answer, samples_for


def main(pace: int, seconds: float) -> None:
    calls, clock = int(pace * seconds), time.perf_counter_ns
    taken = samples_for(calls)
    with trackway.start_run() as run:
        began = time.perf_counter()
        for step in range(calls):
            time.sleep(max(0.0, began + step / pace - time.perf_counter()))
            started = clock()
            trackway.log_metric("loss", step * 0.5, step)
            taken[step] = clock() - started
        elapsed = time.perf_counter() - began
    answer(run_id=run.info.run_id, points=calls, seconds=elapsed, samples=taken.tolist())


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
