"""Wires the artifact store: database, blobs, servicer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from trackway.api.artifacts.v1 import artifact_store_service_pb2
from trackway_server.artifacts.allocator import keep_freed_blocks
from trackway_server.artifacts.config import ArtifactsSettings
from trackway_server.artifacts.observed import ObservedBlobs
from trackway_server.artifacts.policy import POLICY
from trackway_server.artifacts.service import ArtifactStoreServicer
from trackway_server.artifacts.store.blob_local import open_local_blobs
from trackway_server.artifacts.store.index_sql import SqlArtifactIndex
from trackway_server.core.clock import Clock
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.observed import observed
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.core.rpc.call import ServiceBinding
from trackway_server.core.telemetry import Telemetry

MIGRATIONS = Path(__file__).parent / "migrations"
DESCRIPTOR = artifact_store_service_pb2.DESCRIPTOR.services_by_name["ArtifactStoreService"]


@asynccontextmanager
async def open_module(
    settings: ArtifactsSettings, clock: Clock, telemetry: Telemetry | None = None
) -> AsyncIterator[ServiceBinding]:
    """The artifact store on the data directory, ready to be served inside the block.

    Raises StartupError where the database or the blob directory cannot be used.
    """
    keep_freed_blocks()
    path = settings.data_dir / "artifacts.db"
    await asyncio.to_thread(upgrade, path, MIGRATIONS)
    telemetry = telemetry or Telemetry()
    database = open_sqlite(path)
    try:
        async with open_local_blobs(settings.data_dir / "blobs") as blobs:
            servicer = ArtifactStoreServicer(
                SqlArtifactIndex(observed(database, telemetry, "artifacts")),
                ObservedBlobs(blobs, telemetry),
                clock,
                settings,
            )
            yield ServiceBinding(DESCRIPTOR, servicer, POLICY)
    finally:
        await database.close()
