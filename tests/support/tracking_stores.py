"""Stores of Tracking to test against: every adapter, fresh, and asserted to leak no connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from support.postgres import opened_postgres
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.module import MIGRATIONS
from trackway_server.tracking.store.memory import MemoryTracking
from trackway_server.tracking.store.sql import SqlTracking

ADAPTERS = ("memory", "sqlite", "postgres")


@asynccontextmanager
async def open_tracking_store(adapter: str, folder: Path) -> AsyncIterator[Transactions[TrackingUnit]]:
    """An empty store of the adapter; SQLite lies in `folder`."""
    if adapter == "memory":
        yield MemoryTracking()
        return
    if adapter == "postgres":
        async with opened_postgres("tracking") as postgres:
            yield SqlTracking(postgres)
        return
    path = folder / "tracking.db"
    upgrade(path, MIGRATIONS)
    database = open_sqlite(path)
    try:
        yield SqlTracking(database)
    finally:
        await database.close()
        assert database.open_connections == 0
