"""Counters and timings of the server, in a registry of their own: nothing is global, so tests may run many servers."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)

Observe = Callable[[str, float], None]
"""Takes the status code's name and the duration in seconds of one ended call."""


class Telemetry:
    """What the server counts. Labels come from descriptors and status codes only, so their number is bounded."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._calls = Counter(
            "trackway_rpc_calls", "Calls that have ended.", ("service", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "trackway_rpc_duration_seconds",
            "How long calls took, streams from their first message to their status.",
            ("service", "method"),
            buckets=BUCKETS,
            registry=self.registry,
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

    def exposition(self) -> bytes:
        """All values in the Prometheus text format."""
        return generate_latest(self.registry)
