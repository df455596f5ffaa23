"""Making and changing webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.pages import Page, page_token_invalid
from trackway_server.registry.domain.webhook_ports import WebhookStore, WebhookUnit
from trackway_server.registry.domain.webhooks import (
    MAX_WEBHOOKS,
    PayloadForm,
    Webhook,
    WebhookChange,
    WebhookStatus,
    check_events,
    webhook_not_found,
)

_AFTER = "webhooks/"


@dataclass(frozen=True, slots=True)
class WebhookBook:
    """The webhooks of all workspaces. Who may see them is the caller's to check."""

    store: WebhookStore

    async def create(self, webhook: Webhook) -> Webhook:
        """Keep a new webhook; it tells of what happens from now on. Raises INVALID_FIELD, LIMIT_EXCEEDED."""
        check_events(webhook.events, webhook.form)
        return await self.store.write(partial(_create, webhook=webhook))

    async def get(self, workspace: str, webhook_id: str) -> Webhook:
        """One webhook. Raises WEBHOOK_NOT_FOUND."""
        return await self.store.read(partial(_require, workspace=workspace, webhook_id=webhook_id))

    async def page(self, workspace: str, form: PayloadForm | None, size: int, token: str) -> Page[Webhook]:
        """Webhooks, newest first. Raises PAGE_AFTER_INVALID."""
        if token and not token.startswith(_AFTER):
            raise page_token_invalid("ListWebhooks")
        before = token.removeprefix(_AFTER)

        def work(unit: WebhookUnit) -> Sequence[Webhook]:
            return unit.webhooks.page(workspace, form, before, size + 1)

        found = await self.store.read(work)
        return Page(found[:size], _AFTER + found[size - 1].webhook_id if len(found) > size else "")

    async def change(self, workspace: str, webhook_id: str, change: WebhookChange, now_us: int) -> Webhook:
        """Change what is given. Raises WEBHOOK_NOT_FOUND, INVALID_FIELD."""
        return await self.store.write(
            partial(_change, workspace=workspace, webhook_id=webhook_id, change=change, now_us=now_us)
        )

    async def delete(self, workspace: str, webhook_id: str) -> None:
        """Delete a webhook. Raises WEBHOOK_NOT_FOUND."""

        def work(unit: WebhookUnit) -> None:
            _require(unit, workspace, webhook_id)
            unit.webhooks.delete(webhook_id)

        await self.store.write(work)


def _create(unit: WebhookUnit, webhook: Webhook) -> Webhook:
    if unit.webhooks.count(webhook.workspace) >= MAX_WEBHOOKS:
        message = f"The workspace has {MAX_WEBHOOKS} webhooks already; delete one first."
        raise DomainError(Reason.LIMIT_EXCEEDED, message, limit="webhooks", maximum=str(MAX_WEBHOOKS))
    made = replace(webhook, position=unit.registry.events.head().sequence)
    unit.webhooks.insert(made)
    return made


def _require(unit: WebhookUnit, workspace: str, webhook_id: str) -> Webhook:
    found = unit.webhooks.find(webhook_id)
    if found is None or found.workspace != workspace:
        raise webhook_not_found(webhook_id)
    return found


def _change(unit: WebhookUnit, workspace: str, webhook_id: str, change: WebhookChange, now_us: int) -> Webhook:
    before = _require(unit, workspace, webhook_id)
    status = change.status or before.status
    revived = status is WebhookStatus.ACTIVE and before.status is WebhookStatus.DISABLED
    after = replace(
        before,
        name=before.name if change.name is None else change.name,
        description=before.description if change.description is None else change.description,
        url=before.url if change.url is None else change.url,
        events=before.events if change.events is None else change.events,
        sealed_secret=before.sealed_secret if change.sealed_secret is None else change.sealed_secret,
        status=status,
        update_time_us=now_us,
        # What happened while it was disabled is not told.
        position=unit.registry.events.head().sequence if revived else before.position,
        deliveries=replace(
            before.deliveries,
            next_attempt_us=0,
            attempts=0 if revived else before.deliveries.attempts,
            failing_since_us=0 if revived else before.deliveries.failing_since_us,
        ),
    )
    check_events(after.events, after.form)
    unit.webhooks.put(after)
    return after
