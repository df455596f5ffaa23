"""From `start_run()` to the return of the first `log_metric`, in a fresh process: `first_metric lazily|looked-up`."""

from __future__ import annotations

import sys
import time

import trackway
from benchmarks.timing import answer


def main(names: str) -> None:
    # The package loads a name when it is first used; a loop that has used one before does not pay for that again.
    if names == "looked-up":
        _ = trackway.start_run, trackway.log_metric
    started = time.perf_counter()
    trackway.start_run()
    trackway.log_metric("loss", 0.5, step=0)
    seconds = time.perf_counter() - started
    trackway.end_run()
    answer(seconds=seconds)


if __name__ == "__main__":
    main(sys.argv[1])
