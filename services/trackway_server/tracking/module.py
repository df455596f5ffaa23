"""The Tracking module: database, background task and servicer, wired."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from trackway.api.tracking.v1 import tracking_service_pb2
from trackway_server.core.clock import Clock
from trackway_server.core.db.observed import observed
from trackway_server.core.db.opening import opened_database
from trackway_server.core.rpc.call import ServiceBinding
from trackway_server.core.telemetry import Telemetry
from trackway_server.metrics.bell import Bell
from trackway_server.metrics.compacting import Compactor
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.endpoint import IngestEndpoint
from trackway_server.metrics.folding import Folder
from trackway_server.metrics.following import Follower, FollowPatience
from trackway_server.metrics.ingest import IngestLimits
from trackway_server.metrics.liveness import Liveness
from trackway_server.metrics.query import MetricQueries
from trackway_server.metrics.shares import Shares
from trackway_server.metrics.sweeping import Sweeper
from trackway_server.metrics.telemetry import CompactionTelemetry, IngestTelemetry
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.convert import payload_from_proto
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.runs import has_ended
from trackway_server.tracking.policy import POLICY
from trackway_server.tracking.purging import Purger
from trackway_server.tracking.service import TrackingService
from trackway_server.tracking.store.sql import SqlTracking

MIGRATIONS = Path(__file__).parent / "migrations"
_SERVICE = tracking_service_pb2.DESCRIPTOR.services_by_name["TrackingService"]


@asynccontextmanager
async def open_module(
    settings: TrackingSettings, clock: Clock, telemetry: Telemetry | None = None
) -> AsyncIterator[ServiceBinding]:
    """Tracking on its database, see `opened_database`. Raises StartupError."""
    telemetry = telemetry or Telemetry()
    async with (
        opened_database(settings.database_path, MIGRATIONS, settings.database_url) as database,
        _copying(SqlTracking(observed(database, telemetry, "tracking"))) as store,
        serve(store, settings, clock, telemetry) as binding,
    ):
        yield binding


@asynccontextmanager
async def _copying(store: SqlTracking) -> AsyncIterator[SqlTracking]:
    """The store, whose copy of runs is kept meanwhile."""
    keeping = asyncio.create_task(store.copy.keep(), name="keep-run-copy")
    try:
        yield store
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


@asynccontextmanager
async def serve(
    store: Transactions[TrackingUnit], settings: TrackingSettings, clock: Clock, telemetry: Telemetry | None = None
) -> AsyncIterator[ServiceBinding]:
    """Tracking over an open store, with its background tasks."""
    telemetry = telemetry or Telemetry()
    queries = MetricQueries(store)
    folder = Folder(queries, settings.fold_interval_seconds)
    limits = IngestLimits(
        max_append_bytes=settings.max_append_bytes,
        held_bytes=settings.held_bytes_per_stream,
        held_bytes_per_principal=settings.held_bytes_per_principal,
        max_series=settings.max_series_per_writer,
    )
    shares = Shares(limits.held_bytes_per_principal)
    counts = IngestTelemetry(telemetry, "tracking")
    liveness = Liveness(store, clock, settings.lost_after_seconds, telemetry, "tracking")
    compactor = Compactor(
        store,
        clock,
        quiet_seconds=settings.compaction_quiet_seconds,
        busy_share=settings.compaction_busy_share,
        counts=CompactionTelemetry(telemetry, "tracking"),
    )

    bell = Bell(settings.max_followers)

    def points_came(run_id: str) -> None:
        folder.mark(run_id)
        compactor.mark(run_id)
        bell.ring(run_id)

    follower = Follower(store, bell, has_ended, FollowPatience(settings.follow_poll_seconds))
    ingest = IngestEndpoint(store, payload_from_proto, limits, clock, points_came, shares, counts, liveness)
    sweeper = Sweeper(store, clock, settings.unused_writer_seconds)
    purger = Purger(store, clock, settings.retention_seconds)
    service = TrackingService(store, queries, ingest, clock, follower)
    tasks = [
        asyncio.create_task(folder.run(), name="fold-summaries"),
        asyncio.create_task(sweeper.run(), name="sweep-unused-writers"),
        asyncio.create_task(liveness.run(), name="hear-writers"),
        asyncio.create_task(compactor.run(), name="compact-points"),
        asyncio.create_task(purger.run(), name="purge-runs"),
        asyncio.create_task(service.upgrade(), name="fill-search-index"),
    ]
    try:
        yield ServiceBinding(_SERVICE, service, POLICY)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
