"""`log_series` of arrays of 65,536 points until all are durable: `bulk ARRAYS float32|random`."""

from __future__ import annotations

import sys
import time

import numpy as np

import trackway
from benchmarks.timing import answer

POINTS = 65_536
SERIES = 16


def main(arrays: int, kind: str) -> None:
    values = [_values(np.random.default_rng(series), kind) for series in range(SERIES)]
    with trackway.start_run() as run:
        started = time.perf_counter()
        for index in range(arrays):
            first = index // SERIES * POINTS
            run.log_series(f"series_{index % SERIES}", np.arange(first, first + POINTS), values[index % SERIES])
        state = run.flush(timeout=120)
        seconds = time.perf_counter() - started
        if not state.durable:
            sys.exit(f"not durable: {state}")
    answer(run_id=run.info.run_id, points=arrays * POINTS, seconds=seconds)


def _values(random: np.random.Generator, kind: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A falling, noisy loss as a float32 trainer has it, or pure noise, which nothing compresses."""
    noise = random.standard_normal(POINTS)
    if kind == "random":
        return noise
    loss = 2.0 / np.sqrt(1.0 + np.arange(POINTS) / 100.0) + 0.02 * noise
    return loss.astype(np.float32).astype(np.float64)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
