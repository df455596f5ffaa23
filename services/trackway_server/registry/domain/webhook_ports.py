"""What webhooks need of a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from trackway_server.registry.domain.events import Event
from trackway_server.registry.domain.ports import RegistryTransaction
from trackway_server.registry.domain.webhooks import Deliveries, PayloadForm, Webhook

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Due:
    """A webhook whose time has come."""

    webhook_id: str
    workspace: str
    failing: bool
    """Whether the last attempt failed."""


class Webhooks(Protocol):
    """The webhooks, inside one transaction."""

    def find(self, webhook_id: str) -> Webhook | None:
        """The webhook, whichever its workspace; None where there is none."""
        ...

    def page(self, workspace: str, form: PayloadForm | None, before: str, limit: int) -> Sequence[Webhook]:
        """The first `limit` webhooks of a workspace, newest first, with an id smaller than `before` where that is not
        empty; of one form where it is given."""
        ...

    def count(self, workspace: str) -> int:
        """How many webhooks a workspace has. Until the transaction ends no other one adds to them."""
        ...

    def insert(self, webhook: Webhook) -> None:
        """Store a new webhook."""
        ...

    def put(self, webhook: Webhook) -> None:
        """Replace what people set of a webhook, its position and when it is tried next; it is tried at once."""
        ...

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook."""
        ...

    def due(self, now_us: int, holder: str, limit: int) -> Sequence[Due]:
        """Up to `limit` active webhooks with an event to tell, whose time has come, and which no other holder is at.

        The first of each workspace, the one of it that was tried longest ago, then the second of each, and so on; of
        several the one that was tried longest ago first.
        """
        ...

    def next_time_us(self, now_us: int) -> int | None:
        """When the next webhook that waits is to be tried, or the next lease ends; None where none waits."""
        ...

    def lease(self, webhook_id: str, holder: str, now_us: int, until_us: int) -> bool:
        """Take or extend the lease of a webhook until then, or give it back; False where another holds it."""
        ...

    def next_event(self, webhook: Webhook) -> Event | None:
        """The first event after the webhook's position that it tells of."""
        ...

    def record(self, webhook: Webhook, holder: str, position: int, deliveries: Deliveries) -> bool:
        """Note what came of an attempt, and that the webhook is told up to `position`.

        False, and nothing is noted, where the holder has lost its lease, or the webhook was moved on or deleted.
        """
        ...

    def skip_quiet(self, now_us: int, behind: int) -> int:
        """Move webhooks that are more than `behind` events behind the end, and have none of them to tell, to the end;
        how many."""
        ...

    def failing(self) -> int:
        """How many active webhooks cannot deliver at present."""
        ...


class WebhookUnit(Protocol):
    """One transaction over webhooks and the registry, of which it changes nothing."""

    @property
    def webhooks(self) -> Webhooks:
        """The webhooks."""
        ...

    @property
    def registry(self) -> RegistryTransaction:
        """The registry, to read."""
        ...


class WebhookStore(Protocol):
    """Runs functions over a unit, each in one transaction. What it promises: core/db/database.py, Database."""

    async def read(self, work: Callable[[WebhookUnit], T]) -> T:
        """Run `work` over one state of the store."""
        ...

    async def write(self, work: Callable[[WebhookUnit], T]) -> T:
        """Run `work`; what it wrote is durable when this returns and undone when it raises."""
        ...
