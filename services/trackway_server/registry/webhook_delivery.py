"""The background task that delivers webhooks.

The log of events is the queue: a webhook has a position in it, which moves on when its receiver has taken an event, in
one transaction with what is told of that. Killed at any place, the server delivers the event again, and none is left
out. A webhook is leased while it is delivered to, so that of several replicas one does, and its events come in their
order. Each is on its own: what one receiver does, or a pause after a failure, keeps no other from its events. All those
of a workspace have at most half of what is delivered at once, and so have all that failed when they were tried last.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError
from trackway_server.registry.domain.events import Event
from trackway_server.registry.domain.webhook_payloads import About, about
from trackway_server.registry.domain.webhook_ports import Due, WebhookStore, WebhookUnit
from trackway_server.registry.domain.webhooks import (
    Backoff,
    Deliveries,
    Outcome,
    Verdict,
    Webhook,
    WebhookStatus,
    after_attempt,
)
from trackway_server.registry.telemetry import WebhookTelemetry
from trackway_server.registry.webhook_sending import WebhookSender

_log = structlog.get_logger(__name__)

_LOOK_SECONDS = 5.0
"""How often to look, at least: for what other replicas have left."""
_BEHIND = 1_000
"""About so many events that a webhook does not tell of are passed over at each look; then it is moved beyond them."""
_LONG_FAILING_US = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """How much is delivered at once."""

    at_once: int = 32
    """Webhooks that are delivered to at the same time."""
    turn: int = 32
    """Events that a webhook delivers before others have their turn."""
    turn_us: int = 10_000_000
    """The same in time: no further event begins then."""
    lease_us: int = 15_000_000
    """How long a webhook stays another's that has vanished; more than one delivery may take."""
    backoff: Backoff = field(default_factory=Backoff)

    @property
    def share(self) -> int:
        """Of `at_once` those of one workspace, and those that failed last."""
        return max(1, self.at_once // 2)


@dataclass(frozen=True, slots=True)
class _Turn:
    """What to send next."""

    webhook: Webhook
    event: Event
    known: About


class WebhookDispatcher:
    """Delivers what there is to deliver, as `holder`."""

    def __init__(
        self,
        store: WebhookStore,
        sender: WebhookSender,
        clock: Clock,
        holder: str,
        limits: DeliveryLimits,
        counts: WebhookTelemetry,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock
        self._holder = holder
        self._limits = limits
        self._counts = counts
        self._chance = chance
        self._woken = asyncio.Event()
        self._running: dict[str, tuple[Due, asyncio.Task[None]]] = {}
        self._skipped_to = 0

    def wake(self) -> None:
        """Say that there may be something to deliver."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                self._woken.clear()
                pause = await self._guarded()
                try:
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            tasks = [task for _, task in self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(self) -> float:
        """Start what is due; how long to wait then, in seconds."""
        try:
            await self._skip_quiet()
            return await self._start_due()
        except DomainError as refused:
            # The store cannot take it now (full, closing); the next look will do.
            _log.warning("webhooks_wait", reason=refused.reason.name)
        except Exception:
            # A defect; the next look tries again.
            _log.exception("webhooks_not_delivered")
        return _LOOK_SECONDS

    async def _skip_quiet(self) -> None:
        """Keep what a look has to pass over short: of events that a webhook does not tell of."""
        head = await self._store.read(lambda unit: unit.registry.events.head().sequence)
        if head - self._skipped_to >= _BEHIND:
            now_us = self._clock.now_us()
            await self._store.write(lambda unit: unit.webhooks.skip_quiet(now_us, _BEHIND // 2))
            self._skipped_to = head

    async def _start_due(self) -> float:
        now_us, at_once = self._clock.now_us(), self._limits.at_once

        def work(unit: WebhookUnit) -> tuple[Sequence[Due], int | None, int]:
            # Those that are delivered to now are among the due.
            due = unit.webhooks.due(now_us, self._holder, 4 * at_once)
            return due, unit.webhooks.next_time_us(now_us), unit.webhooks.failing()

        due, next_us, failing = await self._store.read(work)
        self._counts.failing.set(failing)
        for each in due:
            if each.webhook_id not in self._running and self._has_room(each):
                task = asyncio.create_task(self._deliver(each.webhook_id), name=f"webhook-{each.webhook_id}")
                self._running[each.webhook_id] = each, task
        return _LOOK_SECONDS if next_us is None else min(max((next_us - now_us) / 1e6, 0.01), _LOOK_SECONDS)

    def _has_room(self, due: Due) -> bool:
        running, share = [each for each, _ in self._running.values()], self._limits.share
        return (
            len(running) < self._limits.at_once
            and sum(each.workspace == due.workspace for each in running) < share
            and not (due.failing and sum(each.failing for each in running) >= share)
        )

    async def _deliver(self, webhook_id: str) -> None:
        """Give a webhook its turn. What fails waits for the next look; other webhooks go on."""
        try:
            turn = await self._store.write(partial(self._begin, webhook_id))
            told, ends_us = 0, self._clock.now_us() + self._limits.turn_us
            while turn is not None:
                outcome = await self._sender.send(turn.webhook, turn.event, turn.known)
                told += 1
                last = told >= self._limits.turn or self._clock.now_us() >= ends_us
                noted = partial(self._noted, turn, outcome, self._fare(turn, outcome), last)
                turn = await self._store.write(noted)
        except DomainError as refused:
            _log.warning("webhook_not_delivered", webhook_id=webhook_id, reason=refused.reason.name)
            await asyncio.sleep(1.0)
        except Exception:
            # A defect; the others must not stop for it, and this one not be tried without a pause.
            _log.exception("webhook_not_delivered", webhook_id=webhook_id)
            await asyncio.sleep(_LOOK_SECONDS)
        finally:
            del self._running[webhook_id]
            self.wake()

    def _begin(self, webhook_id: str, unit: WebhookUnit) -> _Turn | None:
        now_us = self._clock.now_us()
        if not unit.webhooks.lease(webhook_id, self._holder, now_us, now_us + self._limits.lease_us):
            return None
        return self._next(webhook_id, unit)

    def _next(self, webhook_id: str, unit: WebhookUnit) -> _Turn | None:
        """What to send next; where there is nothing, the lease is given back."""
        webhook = unit.webhooks.find(webhook_id)
        event = None
        if webhook is not None and webhook.status is WebhookStatus.ACTIVE:
            event = unit.webhooks.next_event(webhook)
        if webhook is None or event is None:
            unit.webhooks.lease(webhook_id, self._holder, self._clock.now_us(), 0)
            return None
        return _Turn(webhook, event, about(unit.registry, webhook.form, event))

    def _noted(self, turn: _Turn, outcome: Outcome, fare: Deliveries, last: bool, unit: WebhookUnit) -> _Turn | None:
        """Store what came of an attempt; what to send next."""
        webhook, failed = turn.webhook, outcome.verdict is Verdict.FAILED
        position = webhook.position if failed else turn.event.position.sequence
        # Where it is not noted, the webhook was deleted, or begins anew elsewhere; or another replica has it, and will
        # send this again.
        ends = not unit.webhooks.record(webhook, self._holder, position, fare) or failed or last
        now_us = self._clock.now_us()
        unit.webhooks.lease(webhook.webhook_id, self._holder, now_us, 0 if ends else now_us + self._limits.lease_us)
        return None if ends else self._next(webhook.webhook_id, unit)

    def _fare(self, turn: _Turn, outcome: Outcome) -> Deliveries:
        before, event_id = turn.webhook.deliveries, turn.event.position.event_id
        now_us, backoff = self._clock.now_us(), self._limits.backoff
        fare = after_attempt(before, event_id, outcome, now_us, backoff, self._chance())
        self._counts.attempted(outcome)
        _tell(turn.webhook, event_id, outcome, fare)
        return fare


def _tell(webhook: Webhook, event_id: str, outcome: Outcome, fare: Deliveries) -> None:
    """What the log says: the beginning of a failure, its end, and when it has lasted a day; never address or secret."""
    before, told = webhook.deliveries, {"webhook_id": webhook.webhook_id, "event_id": event_id}
    if outcome.verdict is Verdict.REFUSED:
        _log.warning("webhook_refused", **told, error=outcome.error)
    elif outcome.verdict is Verdict.FAILED:
        lasted, lasted_before = (
            each.last_attempt_us - each.failing_since_us if each.failing_since_us else 0 for each in (fare, before)
        )
        if not before.failing_since_us:
            _log.warning("webhook_failing", **told, error=outcome.error)
        elif lasted >= _LONG_FAILING_US > lasted_before:
            _log.warning("webhook_failing_for_a_day", **told, error=outcome.error, attempts=fare.attempts)
    elif before.failing_since_us:
        _log.info("webhook_delivers_again", **told)
