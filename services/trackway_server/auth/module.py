"""Wires the auth service: database, authority, servicer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from trackway.api.auth.v1 import auth_service_pb2
from trackway_server.auth.authority import Authority
from trackway_server.auth.config import AuthSettings
from trackway_server.auth.policy import POLICY
from trackway_server.auth.service import AuthServicer
from trackway_server.auth.store.sql import SqlAuthStore
from trackway_server.core.clock import Clock
from trackway_server.core.db.opening import opened_database
from trackway_server.core.rpc.call import ServiceBinding

MIGRATIONS = Path(__file__).parent / "migrations"
DESCRIPTOR = auth_service_pb2.DESCRIPTOR.services_by_name["AuthService"]


@asynccontextmanager
async def open_module(settings: AuthSettings, clock: Clock) -> AsyncIterator[ServiceBinding]:
    """The auth service on the data directory, ready to be served inside the block.

    Raises StartupError where the database cannot be used.
    """
    file = settings.data_dir / "auth.db"
    async with opened_database(file, MIGRATIONS, settings.database_url) as database:
        if settings.database_url is None:
            file.chmod(0o600)  # it holds the keys that sign
        store = SqlAuthStore(database)
        yield ServiceBinding(DESCRIPTOR, AuthServicer(Authority(store, clock, settings), store, clock), POLICY)
