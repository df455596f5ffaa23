"""What the measured scripts of both products share. Standard library only: they run in two environments."""

from __future__ import annotations

import json
import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def busy_threads(count: int) -> Iterator[None]:
    """Threads of pure Python beside the block: what a data loader or a progress bar does to the interpreter lock."""
    stop = threading.Event()
    threads = [threading.Thread(target=_spin, args=(stop,), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _spin(stop: threading.Event) -> None:
    total = 0
    while not stop.is_set():
        for number in range(1000):
            total += number * number


def samples_for(calls: int) -> array[int]:
    """Room for one nanosecond count a call, so that the measured loop allocates nothing of its own."""
    return array("q", bytes(8 * calls))


def timer_overhead_ns(calls: int = 100_000) -> float:
    """Median of what two reads of the clock around nothing report; it is inside every sample and not subtracted."""
    clock, taken = time.perf_counter_ns, samples_for(calls)
    for index in range(calls):
        started = clock()
        taken[index] = clock() - started
    return float(sorted(taken)[calls // 2])


def answer(**values: Any) -> None:
    """Print the result as the last line, where the benchmark looks for it."""
    print(json.dumps(values), flush=True)
