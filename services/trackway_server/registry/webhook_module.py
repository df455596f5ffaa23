"""Wires webhooks: store, secrets, sender and the task that delivers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trackway_server.core.clock import Clock
from trackway_server.core.db.database import Database
from trackway_server.core.ids import new_id
from trackway_server.core.outbound.urls import Outbound
from trackway_server.core.telemetry import Telemetry
from trackway_server.registry.config import RegistrySettings
from trackway_server.registry.domain.webhook_book import WebhookBook
from trackway_server.registry.domain.webhooks import Backoff
from trackway_server.registry.store.sql_webhooks import SqlWebhookStore
from trackway_server.registry.telemetry import WebhookTelemetry
from trackway_server.registry.webhook_delivery import DeliveryLimits, WebhookDispatcher
from trackway_server.registry.webhook_secrets import KEY_FILE, SecretBox
from trackway_server.registry.webhook_sending import WebhookSender
from trackway_server.registry.webhooks import WebhookAccess

_ONLY_HOLDER = "0" * 32
"""Holds all leases of a database that one process has: what it held when it was killed, it holds again."""
_SPARE_SECONDS = 5.0


@asynccontextmanager
async def delivering(
    database: Database, settings: RegistrySettings, clock: Clock, telemetry: Telemetry
) -> AsyncIterator[tuple[WebhookAccess, WebhookDispatcher]]:
    """Webhooks over an open database, delivered inside the block."""
    shared = settings.database_url is not None
    key_file = settings.webhook_key_file or (None if shared else settings.data_dir / KEY_FILE)
    secrets = SecretBox(key_file, make=settings.webhook_key_file is None)
    outbound = Outbound(
        settings.webhook_allow_http,
        settings.webhook_allow_private_hosts,
        settings.webhook_timeout_s,
        settings.webhook_ca_file,
    )
    store, sender = SqlWebhookStore(database), WebhookSender(outbound, secrets, clock)
    limits = DeliveryLimits(
        at_once=settings.webhook_deliveries_at_once,
        lease_us=int((settings.webhook_timeout_s + _SPARE_SECONDS) * 1e6),
        backoff=Backoff(settings.webhook_first_pause_s, settings.webhook_longest_pause_s),
    )
    holder = new_id() if shared else _ONLY_HOLDER
    dispatcher = WebhookDispatcher(store, sender, clock, holder, limits, WebhookTelemetry(telemetry))
    task = asyncio.create_task(dispatcher.run(), name="deliver-webhooks")
    try:
        access = WebhookAccess(WebhookBook(store), secrets, sender, outbound, dispatcher.wake)
        yield access, dispatcher
    finally:
        task.cancel()
        await asyncio.wait([task])
        sender.close()
