"""Wires the registry: database, feed of events, the services it asks, servicer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from trackway.api.registry.v1 import model_registry_service_pb2
from trackway_server.core.auth.service_identity import ServiceIdentity
from trackway_server.core.clock import Clock
from trackway_server.core.db.observed import observed
from trackway_server.core.db.opening import opened_database
from trackway_server.core.rpc.call import ServiceBinding
from trackway_server.core.telemetry import Telemetry
from trackway_server.registry.config import RegistrySettings
from trackway_server.registry.domain.events import Event
from trackway_server.registry.domain.feed import EventFeed, FeedLimits
from trackway_server.registry.domain.registry import Registry
from trackway_server.registry.monitoring import monitoring
from trackway_server.registry.policy import POLICY
from trackway_server.registry.service import ModelRegistryServicer
from trackway_server.registry.store.sql import SqlRegistryStore
from trackway_server.registry.store.sql_monitoring import SqlMonitoring
from trackway_server.registry.telemetry import FeedTelemetry
from trackway_server.registry.upstream import GrpcSource
from trackway_server.registry.webhook_module import delivering

MIGRATIONS = Path(__file__).parent / "migrations"
DESCRIPTOR = model_registry_service_pb2.DESCRIPTOR.services_by_name["ModelRegistryService"]


@asynccontextmanager
async def open_module(
    settings: RegistrySettings,
    tracking: grpc.aio.Channel,
    clock: Clock,
    *,
    artifacts: grpc.aio.Channel | None = None,
    telemetry: Telemetry | None = None,
    auth: grpc.aio.Channel | None = None,
) -> AsyncIterator[ServiceBinding]:
    """The registry on the data directory, ready to be served inside the block.

    `tracking`, `artifacts` and `auth` reach those services, and stay the caller's; without the latter two one channel
    reaches all. Raises StartupError where the database cannot be used.
    """
    telemetry = telemetry or Telemetry()
    async with opened_database(settings.data_dir / "registry.db", MIGRATIONS, settings.database_url) as database:
        counted = observed(database, telemetry, "registry")
        store = SqlRegistryStore(counted)
        identity = ServiceIdentity(auth or tracking, settings.service_key)
        source = GrpcSource(tracking, artifacts or tracking, settings.upstream_timeout_s, identity)
        counts = FeedTelemetry(telemetry, clock)
        async with delivering(counted, settings, clock, telemetry) as (webhooks, dispatcher):

            def seen(events: Sequence[Event]) -> None:
                counts.seen(events)
                dispatcher.wake()

            async with (
                following(EventFeed(store, _feed_limits(settings), seen)) as feed,
                monitoring(SqlMonitoring(counted), settings, clock, telemetry) as metrics,
            ):
                counts.follow(feed)
                registry = Registry(store, source, feed)
                yield ServiceBinding(DESCRIPTOR, ModelRegistryServicer(registry, metrics, webhooks, clock), POLICY)


@asynccontextmanager
async def following(feed: EventFeed) -> AsyncIterator[EventFeed]:
    """The feed, following its log inside the block; at its end every watch is ended.

    Not a TaskGroup, which would wrap what goes wrong inside the block in an ExceptionGroup.
    """
    follower = asyncio.create_task(feed.run(), name="registry-feed")
    try:
        yield feed
    finally:
        feed.close()
        follower.cancel()
        await asyncio.wait([follower])


def _feed_limits(settings: RegistrySettings) -> FeedLimits:
    return FeedLimits(settings.watch_poll_s, settings.watch_bookmark_s, settings.max_watchers)
