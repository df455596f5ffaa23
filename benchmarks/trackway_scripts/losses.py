"""A training loop of `log_metrics` of 10 float32-born losses until all are durable: `losses STEPS`."""

from __future__ import annotations

import sys

import numpy as np

import trackway
from benchmarks.timing import answer

WIDTH = 10


def main(steps: int) -> None:
    noise = np.random.default_rng(0).standard_normal((steps, WIDTH))
    falling = 2.0 / np.sqrt(1.0 + np.arange(steps) / 100.0)
    rows = (falling[:, np.newaxis] + 0.02 * noise).astype(np.float32).astype(np.float64).tolist()
    keys = [f"loss_{column}" for column in range(WIDTH)]
    with trackway.start_run() as run:
        for step, row in enumerate(rows):
            trackway.log_metrics(dict(zip(keys, row, strict=True)), step)
        state = run.flush(timeout=120)
        if not state.durable:
            sys.exit(f"not durable: {state}")
    answer(run_id=run.info.run_id, points=steps * WIDTH)


if __name__ == "__main__":
    main(int(sys.argv[1]))
