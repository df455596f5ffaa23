"""Read a long series back: `read_metrics POINTS all|BUCKETS CALLS [RUN_ID]`.

Without a run it logs one first: POINTS of a noisy loss with a spike of one sample, which every read must show.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import trackway
from benchmarks.timing import answer

ARRAY = 65_536
SPIKE = 1e6


def main(points: int, what: str, calls: int, run_id: str) -> None:
    spike = points * 5 // 7
    run_id = run_id or _logged(points, spike)
    with trackway.Client() as client:
        samples, seen, processor = [], 0, time.process_time()
        for _ in range(calls):
            started = time.perf_counter()
            if what == "all":
                (series,) = client.tracking.read_series(run_id, "loss")
                seen, spiked = len(series), bool(series.values[spike] == SPIKE)
            else:
                (buckets,) = client.tracking.read_buckets(run_id, "loss", max_buckets=int(what))
                seen, spiked = int(buckets.counts.sum()), bool(buckets.max_values.max() == SPIKE)
                spiked = spiked and int(buckets.max_steps[buckets.max_values.argmax()]) == spike
            samples.append(time.perf_counter() - started)
            if not spiked:
                sys.exit("the spike is not to be seen")
        processor = (time.process_time() - processor) / calls
    answer(run_id=run_id, samples=samples, points=seen, processor=processor)


def _logged(points: int, spike: int) -> str:
    random = np.random.default_rng(5)
    with trackway.start_run() as run:
        for first in range(0, points, ARRAY):
            steps = np.arange(first, min(first + ARRAY, points))
            loss = 2.0 / np.sqrt(1.0 + steps / 100.0) + 0.02 * random.standard_normal(len(steps))
            values = loss.astype(np.float32).astype(np.float64)
            if first <= spike < first + ARRAY:
                values[spike - first] = SPIKE
            run.log_series("loss", steps, values)
        state = run.flush(timeout=120)
        if not state.durable:
            sys.exit(f"not durable: {state}")
    return run.info.run_id


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), (sys.argv[4:] or [""])[0])
