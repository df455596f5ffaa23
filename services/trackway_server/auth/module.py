"""Wires the auth service: database, authority, servicer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from trackway.api.auth.v1 import auth_service_pb2
from trackway_server.auth.authority import Authority
from trackway_server.auth.config import AuthSettings
from trackway_server.auth.federation import Federation
from trackway_server.auth.identities import read_identities
from trackway_server.auth.oidc.verifying import OidcVerifier
from trackway_server.auth.policy import POLICY
from trackway_server.auth.service import AuthServicer
from trackway_server.auth.store.sql import SqlAuthStore
from trackway_server.core.auth.attempts import FailedAttempts
from trackway_server.core.clock import Clock
from trackway_server.core.db.opening import opened_database
from trackway_server.core.rpc.call import ServiceBinding

MIGRATIONS = Path(__file__).parent / "migrations"
DESCRIPTOR = auth_service_pb2.DESCRIPTOR.services_by_name["AuthService"]


@asynccontextmanager
async def open_module(settings: AuthSettings, clock: Clock) -> AsyncIterator[ServiceBinding]:
    """The auth service on the data directory, ready to be served inside the block.

    Raises StartupError where the database or the identities file cannot be used.
    """
    identities = read_identities(settings.identities_file)
    if identities.issuers:
        import httpx  # noqa: F401 - which fetches their keys: loaded now, not while the first caller waits
    verifier = OidcVerifier(identities.issuers, settings.oidc_refresh_seconds, clock)
    file = settings.data_dir / "auth.db"
    async with opened_database(file, MIGRATIONS, settings.database_url) as database:
        if settings.database_url is None:
            file.chmod(0o600)  # it holds the keys that sign
        store = SqlAuthStore(database)
        authority = Authority(store, clock, settings)
        attempts = FailedAttempts(settings.failed_attempts)
        federation = Federation(store, authority, identities, verifier, attempts)
        yield ServiceBinding(DESCRIPTOR, AuthServicer(authority, federation, store, clock), POLICY)
