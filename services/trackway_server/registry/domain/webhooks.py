"""Webhooks: who is told of which events, and how deliveries go on after what came of the last one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum

from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.events import EventKind

MAX_WEBHOOKS = 100
"""Of one workspace."""


class WebhookStatus(IntEnum):
    """Whether it delivers; numbers are those of registry/v1/resources.proto."""

    ACTIVE = 1
    DISABLED = 2


class PayloadForm(IntEnum):
    """What is sent; numbers are those of registry/v1/resources.proto."""

    CLOUD_EVENTS = 1
    MLFLOW = 2


MLFLOW_KINDS = frozenset(
    {
        EventKind.MODEL_CREATED,
        EventKind.VERSION_CREATED,
        EventKind.VERSION_TAG_SET,
        EventKind.VERSION_TAG_DELETED,
        EventKind.ALIAS_SET,
        EventKind.ALIAS_DELETED,
    }
)
"""The kinds that MLflow's form has a name for."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """How the deliveries of a webhook fare. Times are microseconds since 1970 UTC."""

    delivered: int = 0
    refused: int = 0
    last_attempt_us: int = 0
    last_event_id: str = ""
    last_http_status: int = 0
    last_error: str = ""
    attempts: int = 0
    """How often the present event was tried in vain."""
    failing_since_us: int = 0
    next_attempt_us: int = 0


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told of what."""

    webhook_id: str
    workspace: str
    name: str
    description: str
    url: str
    events: frozenset[EventKind]
    form: PayloadForm
    status: WebhookStatus
    sealed_secret: bytes = field(repr=False)
    """The secret as it is kept; empty where there is none."""
    create_time_us: int
    update_time_us: int
    position: int
    """Sequence of the event up to which nothing is left to be told."""
    deliveries: Deliveries = Deliveries()


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """What is to be changed of a webhook; None: nothing."""

    name: str | None = None
    description: str | None = None
    url: str | None = None
    events: frozenset[EventKind] | None = None
    sealed_secret: bytes | None = field(default=None, repr=False)
    status: WebhookStatus | None = None


class Verdict(Enum):
    """What came of one attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The receiver will not have this event, however often it comes."""
    FAILED = "failed"
    """It may succeed later."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt went."""

    verdict: Verdict
    http_status: int = 0
    error: str = ""
    retry_after_s: float | None = None


_LATER = frozenset({401, 403, 404, 408, 425, 429})
"""Statuses below 500 that somebody's mistake or a moment explains, not the event."""


def outcome_of(http_status: int, retry_after_s: float | None = None) -> Outcome:
    """What an answer means."""
    if 200 <= http_status < 300:
        return Outcome(Verdict.DELIVERED, http_status)
    if 300 <= http_status < 400:
        return Outcome(Verdict.FAILED, http_status, "the receiver answered with a redirect, and none is followed")
    final = 400 <= http_status < 500 and http_status not in _LATER
    verdict = Verdict.REFUSED if final else Verdict.FAILED
    return Outcome(verdict, http_status, f"the receiver answered with status {http_status}", retry_after_s)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before an event is tried again, in seconds: twice as long each time, in part by chance."""

    first_s: float = 1.0
    most_s: float = 3600.0
    most_asked_s: float = 86_400.0
    """The longest that a receiver may ask for by Retry-After."""

    def after(self, attempts: int, asked_s: float | None, chance: float) -> float:
        """The pause after so many attempts in vain; `chance` is from 0 to 1."""
        grown = min(self.most_s, self.first_s * 2.0 ** min(attempts - 1, 40))
        return max(grown * (0.5 + chance / 2), min(asked_s or 0.0, self.most_asked_s))


def after_attempt(
    before: Deliveries, event_id: str, outcome: Outcome, now_us: int, backoff: Backoff, chance: float
) -> Deliveries:
    """How deliveries fare after an attempt."""
    tried = replace(
        before,
        last_attempt_us=now_us,
        last_event_id=event_id,
        last_http_status=outcome.http_status,
        last_error=outcome.error,
    )
    if outcome.verdict is Verdict.FAILED:
        attempts = before.attempts + 1
        pause_s = backoff.after(attempts, outcome.retry_after_s, chance)
        return replace(
            tried,
            attempts=attempts,
            failing_since_us=before.failing_since_us or now_us,
            next_attempt_us=now_us + int(pause_s * 1e6),
        )
    delivered = outcome.verdict is Verdict.DELIVERED
    return replace(
        tried,
        delivered=before.delivered + delivered,
        refused=before.refused + (not delivered),
        attempts=0,
        failing_since_us=0,
        next_attempt_us=0,
    )


def check_events(kinds: Collection[EventKind], form: PayloadForm) -> None:
    """Raise INVALID_FIELD where the form has no name for one of the kinds."""
    unknown = sorted(kind.name for kind in kinds if kind not in MLFLOW_KINDS)
    if form is PayloadForm.MLFLOW and unknown:
        message = f"MLflow's form has no event for {', '.join(unknown)}; use WEBHOOK_PAYLOAD_CLOUD_EVENTS for it."
        raise DomainError(Reason.INVALID_FIELD, message, field="events")


def webhook_not_found(webhook_id: str) -> DomainError:
    """The refusal of an id that names none."""
    message = f"There is no webhook {webhook_id[:64]!r} in this workspace."
    return DomainError(Reason.WEBHOOK_NOT_FOUND, message, webhook_id=webhook_id[:64])
