"""A training loop of `log_metrics` of 10 until all are durable: `loop STEPS`."""

from __future__ import annotations

import sys
import time
from random import random

import trackway
from benchmarks.timing import answer

WIDTH = 10


def main(steps: int) -> None:
    with trackway.start_run() as run:
        scales = [(f"metric_{column}", 1.0 + column) for column in range(WIDTH)]
        started = time.perf_counter()
        for step in range(steps):
            # Full mantissas that nothing compresses, so that the server's disk is not flattered.
            noise = random()
            trackway.log_metrics({key: scale * noise for key, scale in scales}, step)
        state = run.flush(timeout=120)
        seconds = time.perf_counter() - started
        if not state.durable:
            sys.exit(f"not durable: {state}")
    answer(run_id=run.info.run_id, points=steps * WIDTH, seconds=seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]))
