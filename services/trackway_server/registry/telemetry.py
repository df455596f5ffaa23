"""What is counted of the registry's feed of events."""

from __future__ import annotations

from collections.abc import Sequence

from trackway_server.core.clock import Clock
from trackway_server.core.telemetry import Telemetry
from trackway_server.registry.domain.events import Event
from trackway_server.registry.domain.feed import EventFeed
from trackway_server.registry.domain.webhooks import Outcome


class FeedTelemetry:
    """Events as this process comes to see them, those of other replicas too."""

    def __init__(self, telemetry: Telemetry, clock: Clock) -> None:
        self._clock = clock
        self._events = telemetry.counter("trackway_registry_events", "Events of the registry seen.", "kind")
        self._lag = telemetry.histogram(
            "trackway_registry_watch_lag_seconds", "From an event's time until watchers could be told of it."
        )
        self._watchers = telemetry.gauge("trackway_registry_watchers", "Watches that are open.")

    def seen(self, events: Sequence[Event]) -> None:
        """Told of events that the feed has read."""
        now_us = self._clock.now_us()
        for event in events:
            self._events.labels(event.kind.name).inc()
            self._lag.observe(max(0, now_us - event.change.time_us) / 1e6)

    def follow(self, feed: EventFeed) -> None:
        """Tell how many watch `feed`, whenever that is asked."""
        self._watchers.set_function(lambda: feed.watchers)


class WebhookTelemetry:
    """What is counted of deliveries to webhooks."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._attempts = telemetry.counter(
            "trackway_registry_webhook_attempts", "Deliveries to webhooks that were tried.", "outcome"
        )
        self.failing = telemetry.gauge(
            "trackway_registry_webhooks_failing", "Active webhooks whose last delivery failed."
        )

    def attempted(self, outcome: Outcome) -> None:
        """Told of each attempt."""
        self._attempts.labels(outcome.verdict.value).inc()
