"""Webhooks of the registry, synchronously."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from trackway import types
from trackway._rpc.webhooks import AsyncWebhooks
from trackway._sync.iteration import items
from trackway._sync.mirror import mirrors

if TYPE_CHECKING:
    from trackway._sync.portal import Portal


@mirrors(AsyncWebhooks)
class Webhooks:
    if TYPE_CHECKING:
        _webhooks: AsyncWebhooks
        _portal: Portal

    def create_webhook(
        self,
        name: str,
        url: str,
        events: Iterable[types.EventKind],
        *,
        secret: str = "",
        description: str = "",
        status: types.WebhookStatus = "ACTIVE",
    ) -> types.Webhook:
        return self._portal.call(
            self._webhooks.create_webhook,
            name,
            url,
            events,
            secret=secret,
            description=description,
            status=status,
        )

    def get_webhook(self, webhook_id: str) -> types.Webhook:
        return self._portal.call(self._webhooks.get_webhook, webhook_id)

    def list_webhooks(self, *, page_size: int = 100) -> Iterator[types.Webhook]:
        return items(self._portal, self._webhooks.list_webhooks(page_size=page_size))

    def update_webhook(
        self,
        webhook_id: str,
        *,
        name: str | None = None,
        url: str | None = None,
        events: Iterable[types.EventKind] | None = None,
        secret: str | None = None,
        description: str | None = None,
        status: types.WebhookStatus | None = None,
    ) -> types.Webhook:
        return self._portal.call(
            self._webhooks.update_webhook,
            webhook_id,
            name=name,
            url=url,
            events=events,
            secret=secret,
            description=description,
            status=status,
        )

    def delete_webhook(self, webhook_id: str) -> None:
        self._portal.call(self._webhooks.delete_webhook, webhook_id)

    def test_webhook(self, webhook_id: str, event: types.EventKind | None = None) -> types.WebhookTest:
        return self._portal.call(self._webhooks.test_webhook, webhook_id, event)
