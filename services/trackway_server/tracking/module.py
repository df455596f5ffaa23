"""The Tracking module: database, background task and servicer, wired."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from trackway.api.tracking.v1 import tracking_service_pb2
from trackway_server.core.clock import Clock
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.observed import observed
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.core.rpc.call import ServiceBinding
from trackway_server.core.telemetry import Telemetry
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.endpoint import IngestEndpoint
from trackway_server.metrics.folding import Folder
from trackway_server.metrics.ingest import IngestLimits
from trackway_server.metrics.query import MetricQueries
from trackway_server.metrics.telemetry import IngestTelemetry
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.convert import payload_from_proto
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.policy import POLICY
from trackway_server.tracking.service import TrackingService
from trackway_server.tracking.store.sql import SqlTracking

MIGRATIONS = Path(__file__).parent / "migrations"
_SERVICE = tracking_service_pb2.DESCRIPTOR.services_by_name["TrackingService"]


@asynccontextmanager
async def open_module(
    settings: TrackingSettings, clock: Clock, telemetry: Telemetry | None = None
) -> AsyncIterator[ServiceBinding]:
    """Tracking on the embedded database, which is migrated first. Raises StartupError."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(upgrade, settings.database_path, MIGRATIONS)
    telemetry = telemetry or Telemetry()
    database = open_sqlite(settings.database_path)
    try:
        async with serve(SqlTracking(observed(database, telemetry, "tracking")), settings, clock, telemetry) as binding:
            yield binding
    finally:
        await database.close()


@asynccontextmanager
async def serve(
    store: Transactions[TrackingUnit], settings: TrackingSettings, clock: Clock, telemetry: Telemetry | None = None
) -> AsyncIterator[ServiceBinding]:
    """Tracking over an open store, with its background task."""
    queries = MetricQueries(store)
    folder = Folder(queries, settings.fold_interval_seconds)
    limits = IngestLimits(held_bytes=settings.held_bytes_per_stream, max_series=settings.max_series_per_writer)
    counts = IngestTelemetry(telemetry or Telemetry(), "tracking")
    ingest = IngestEndpoint(store, payload_from_proto, limits, clock, folder.mark, counts)
    folding = asyncio.create_task(folder.run(), name="fold-summaries")
    try:
        yield ServiceBinding(_SERVICE, TrackingService(store, queries, ingest, clock), POLICY)
    finally:
        folding.cancel()
        with suppress(asyncio.CancelledError):
            await folding
