"""Samples of the machine, taken in a thread of the training process and logged like any other metrics.

The thread sleeps but for a fraction of a millisecond each interval. Nothing that goes wrong in it concerns the run: a
part that cannot be measured any more is left out.
"""

from __future__ import annotations

import os
from _thread import allocate_lock, start_new_thread
from time import monotonic

from trackway._system import machine
from trackway._system.gpu import Gpus, driver_is_there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Source = Callable[[], dict[str, float]]
    Log = Callable[[dict[str, float], int], None]

STOP_SECONDS = 2.0
"""How long the end of a sample that is being taken is waited for: a driver may hang."""


class Sampler:
    """Samples from `start` to `stop`; each record is the mean of `samples` of them, `interval` seconds apart."""

    def __init__(
        self, log: Log, *, interval: float, samples: int = 1, prefix: str = "system/", root: str = "/"
    ) -> None:
        self._log = log
        self._interval = interval
        self._samples = samples
        self._prefix = prefix
        self._root = root
        self._owner = os.getpid()
        self._stopping = allocate_lock()
        self._running = allocate_lock()
        self._gpus: Gpus | None = None
        self._sources: list[Source] = []

    def start(self) -> None:
        """Begin."""
        self._stopping.acquire()
        self._running.acquire()
        start_new_thread(self._run, ())

    def flush(self, timeout: float) -> None:
        """Nothing waits here: what was sampled has been logged."""

    def tell(self, text: str) -> None:
        """Nothing is noted here."""

    def stop(self) -> None:
        """Log a last sample and end; a child that was forked from the process has nothing to end."""
        if self._owner == os.getpid() and self._stopping.locked():
            self._stopping.release()
            self._running.acquire(timeout=STOP_SECONDS)

    def wait(self, timeout: float) -> None:
        """Nothing waits here."""

    def _run(self) -> None:
        try:
            self._sources = self._open()
            self._sample_until_stopped()
            if self._gpus is not None:
                self._gpus.close()
        except Exception:  # noqa: S110 - whatever it is: it must not show in a training process
            pass
        finally:
            self._running.release()

    def _open(self) -> list[Source]:
        sources = machine.sources(self._root)
        if driver_is_there():
            try:
                self._gpus = Gpus()
                sources.append(self._gpus)
            except Exception:  # noqa: S110 - no library, no driver, no permission: there is none to measure
                pass
        return sources

    def _sample_until_stopped(self) -> None:
        step, taken = 0, []
        due, stopped = monotonic(), False
        while not stopped:
            due += self._interval
            stopped = self._stopping.acquire(timeout=max(due - monotonic(), 0.0))
            due = max(due, monotonic() - self._interval)  # after a suspension: no samples to be caught up with
            taken.append(self.sample())
            if len(taken) >= self._samples or stopped:
                if values := _means(taken):
                    self._log({self._prefix + name: value for name, value in values.items()}, step)
                step, taken = step + 1, []

    def sample(self) -> dict[str, float]:
        """All parts, once. One that fails is measured no more."""
        values: dict[str, float] = {}
        for source in list(self._sources):
            try:
                values.update(source())
            except Exception:
                self._sources.remove(source)
        return values


def _means(samples: list[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for sample in samples for name in sample)
    columns = {name: [sample[name] for sample in samples if name in sample] for name in names}
    return {name: sum(column) / len(column) for name, column in columns.items()}
