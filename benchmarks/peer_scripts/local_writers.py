"""Time each call that logs one value beside busy threads: `local_writers trackio|tensorboardX CALLS THREADS`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.timing import answer, busy_threads, samples_for


def main(product: str, calls: int, threads: int) -> None:
    clock, taken = time.perf_counter_ns, samples_for(calls)
    with PRODUCTS[product]() as log, busy_threads(threads):
        for step in range(calls):
            value = step * 0.5
            started = clock()
            log(value, step)
            taken[step] = clock() - started
    answer(samples=taken.tolist())


@contextmanager
def _trackio() -> Iterator[Callable[[float, int], None]]:
    import trackio

    trackio.init(project="bench", embed=False, auto_log_gpu=False)

    def log(value: float, step: int) -> None:
        trackio.log({"loss": value}, step=step)

    yield log
    trackio.finish()


@contextmanager
def _tensorboard() -> Iterator[Callable[[float, int], None]]:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(Path.cwd() / "tensorboard")) as writer:

        def log(value: float, step: int) -> None:
            writer.add_scalar("loss", value, step)

        yield log


PRODUCTS = {"trackio": _trackio, "tensorboardX": _tensorboard}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
