"""The store on a SQL database, portable between SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from trackway_server.core.db.database import Database
from trackway_server.registry.domain.ports import RegistryTransaction
from trackway_server.registry.store.sql_bindings import SqlBindings
from trackway_server.registry.store.sql_events import SqlEvents
from trackway_server.registry.store.sql_models import SqlModels
from trackway_server.registry.store.sql_versions import SqlVersions

P = ParamSpec("P")
T = TypeVar("T")


class SqlRegistryStore:
    """See RegistryStore. The database is at the head of `migrations`; the caller closes it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(
        self, work: Callable[Concatenate[RegistryTransaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See RegistryStore."""
        return await self._database.read(_read, work, *args, **kwargs)

    async def write(
        self, work: Callable[Concatenate[RegistryTransaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See RegistryStore."""
        return await self._database.write(_write, work, *args, **kwargs)


class SqlTransaction:
    """See RegistryTransaction."""

    def __init__(self, connection: Connection) -> None:
        self.models = SqlModels(connection)
        self.versions = SqlVersions(connection)
        self.bindings = SqlBindings(connection)
        self.events = SqlEvents(connection)


def _read(
    connection: Connection,
    work: Callable[Concatenate[RegistryTransaction, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    return work(SqlTransaction(connection), *args, **kwargs)


def _write(
    connection: Connection,
    work: Callable[Concatenate[RegistryTransaction, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    transaction = SqlTransaction(connection)
    transaction.events.lock()
    result = work(transaction, *args, **kwargs)
    transaction.events.flush()
    return result
