"""Counters and timings of the server, in a registry of their own: nothing is global, so tests may run many servers.

Names follow Prometheus' conventions: the prefix `trackway_`, base units (seconds, bytes), `_total` for counters. Every
label is a service, a method, a status, a reason or another word of a closed set that this program knows: nothing that
a caller sends becomes a label, so the number of series is bounded.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics import MetricWrapperBase

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LOOP_LAG_INTERVAL_S = 0.5

Observe = Callable[[str, float], None]
"""Takes the status code's name and the duration in seconds of one ended call."""

FamilyT = TypeVar("FamilyT", bound=MetricWrapperBase)


@dataclass(slots=True)
class InFlight:
    """How many calls run now: a plain number, read when the gauge is asked for."""

    calls: int = 0


class Telemetry:
    """What a server counts. A family is made by whoever asks for it first; all parts of a server share it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._families: dict[str, MetricWrapperBase] = {}
        self._calls = self.counter("trackway_rpc_calls", "Calls that have ended.", "service", "method", "status")
        self._in_flight = self.gauge("trackway_rpc_in_flight", "Calls that have not ended yet.", "service", "method")
        self._seconds = self.histogram(
            "trackway_rpc_duration_seconds",
            "How long calls took, streams from their first message to their status.",
            "service",
            "method",
        )

    def counter(self, name: str, documentation: str, *labels: str) -> Counter:
        """The counter of this name; Prometheus sees it with `_total` at the end."""
        return self._family(Counter, name, lambda: Counter(name, documentation, labels, registry=self.registry))

    def gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        """The gauge of this name."""
        return self._family(Gauge, name, lambda: Gauge(name, documentation, labels, registry=self.registry))

    def histogram(self, name: str, documentation: str, *labels: str, buckets: Sequence[float] = BUCKETS) -> Histogram:
        """The histogram of this name."""
        return self._family(
            Histogram, name, lambda: Histogram(name, documentation, labels, buckets=buckets, registry=self.registry)
        )

    def calls_of(self, service: str, method: str) -> Observe:
        """What records the calls of one method."""
        seconds = self._seconds.labels(service, method)
        counts: dict[str, Counter] = {}

        def observe(status: str, duration: float) -> None:
            count = counts.get(status)
            if count is None:
                count = counts[status] = self._calls.labels(service, method, status)
            count.inc()
            seconds.observe(duration)

        return observe

    def in_flight(self, service: str, method: str) -> InFlight:
        """Where the calls of one method that run now are counted."""
        counted = InFlight()
        self._in_flight.labels(service, method).set_function(lambda: counted.calls)
        return counted

    def exposition(self) -> bytes:
        """All values in the Prometheus text format."""
        return generate_latest(self.registry)

    def _family(self, kind: type[FamilyT], name: str, make: Callable[[], FamilyT]) -> FamilyT:
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = make()
        if not isinstance(family, kind):
            raise TypeError(f"{name} is a {type(family).__name__}, not a {kind.__name__}")
        return family


@asynccontextmanager
async def observed_process(telemetry: Telemetry, version: str, target: str) -> AsyncIterator[None]:
    """Tell of the process (memory, processor time, open files, lateness of the event loop) inside the block."""
    if sys.platform == "linux":
        from prometheus_client import ProcessCollector

        ProcessCollector(registry=telemetry.registry)
    telemetry.gauge("trackway_build_info", "1, labelled with what runs.", "version", "target").labels(
        version, target
    ).set(1)
    lag = telemetry.histogram(
        "trackway_event_loop_lag_seconds", "How late the event loop woke a task that slept; high: it was held up."
    )
    measuring = asyncio.create_task(_measure_lag(lag), name="event-loop-lag")
    try:
        yield
    finally:
        measuring.cancel()
        with suppress(asyncio.CancelledError):
            await measuring


async def _measure_lag(lag: Histogram) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + LOOP_LAG_INTERVAL_S
        await asyncio.sleep(LOOP_LAG_INTERVAL_S)
        lag.observe(max(0.0, clock() - due))
