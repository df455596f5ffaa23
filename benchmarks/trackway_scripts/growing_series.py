"""One series of many points: seconds to record, until durable, and to read back: `growing_series POINTS`."""

from __future__ import annotations

import sys
import time

import numpy as np

import trackway
from benchmarks.timing import answer

AT_ONCE = 65_536


def main(points: int) -> None:
    noise = np.random.default_rng(1).standard_normal(points)
    values = (2.0 / np.sqrt(1.0 + np.arange(points) / 100.0) + 0.02 * noise).astype(np.float32).astype(np.float64)
    with trackway.start_run() as run:
        started = time.perf_counter()
        for first in range(0, points, AT_ONCE):
            part = values[first : first + AT_ONCE]
            run.log_series("loss", np.arange(first, first + len(part)), part)
        recorded = time.perf_counter() - started
        if not (state := run.flush(timeout=120)).durable:
            sys.exit(f"not durable: {state}")
        durable = time.perf_counter() - started
    with trackway.Client() as client:
        client.tracking.get_run(run.info.run_id)
        started = time.perf_counter()
        (series,) = client.tracking.read_series(run.info.run_id, "loss")
        read = time.perf_counter() - started
    if not np.array_equal(np.sort(series.steps), np.arange(points)):
        sys.exit(f"{len(series.steps):,} points came back, {points:,} were logged")
    answer(recorded=recorded, durable=durable, read=read)


if __name__ == "__main__":
    main(int(sys.argv[1]))
