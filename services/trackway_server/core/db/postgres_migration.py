"""One schema of a PostgreSQL database, as migrations and the check at a server's start see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from trackway_server.core.db.postgres_engine import PostgresLimits, begin_statement, plain_engine, postgres_url, shown
from trackway_server.core.lifecycle import StartupError

LOCK_WAIT_MS = 60_000
"""How long a migration waits for another one of the same schema."""
MIGRATION = PostgresLimits(statement_timeout_ms=600_000, lock_timeout_ms=10_000, idle_timeout_ms=0)
"""A migration gives up rather than hold up the servers that queue behind the lock it waits for."""
HOLDING = PostgresLimits(statement_timeout_ms=0, lock_timeout_ms=LOCK_WAIT_MS, idle_timeout_ms=0)

LOG = structlog.get_logger(__name__)

_LOCK_NOT_AVAILABLE = "55P03"


class PostgresMigration:
    """The schema of one service. Raises StartupError where the database cannot be used."""

    def __init__(self, database_url: str, schema: str) -> None:
        self._url = postgres_url(database_url)
        self._schema = schema
        self.url = shown(self._url)
        self.name = f"{self.url} (schema {schema})"

    def current(self) -> str | None:
        """The revision the schema is at; None where there is no schema, or none of ours."""
        with self._connected(PostgresLimits()) as connection:
            table = connection.execute(text("SELECT to_regclass(:name)"), {"name": f'"{self._schema}".alembic_version'})
            if table.scalar() is None:
                return None
            revision = connection.execute(text(f'SELECT version_num FROM "{self._schema}".alembic_version')).scalar()  # noqa: S608 - the name of a service
            return None if revision is None else str(revision)

    def warn_of_loss(self) -> None:
        """Tell the log where the server does not make a commit durable before it answers."""
        query = "SELECT name FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit') AND setting = 'off'"
        with self._connected(PostgresLimits()) as connection:
            if off := list(connection.execute(text(query)).scalars()):
                LOG.warning("database_may_lose_acknowledged_writes", database=self.name, off=sorted(off))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other migrations of the schema out of the block, and make the schema where there is none.

        The lock is a transaction's, in a connection of its own that does nothing else meanwhile: so it holds through a
        pooler in transaction mode, across the transactions of the migrations, and ends with this process.
        """
        with self._connected(HOLDING) as connection:
            key = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
            connection.execute(key, {"name": f"trackway migrate {self._schema}"})
            self._make_schema()
            yield

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A connection for migrations: each of its transactions has time-outs, and looks into the schema alone."""
        with self._connected(MIGRATION) as connection:
            yield connection

    def _make_schema(self) -> None:
        with self._connected(MIGRATION) as connection:
            there = connection.execute(text("SELECT to_regnamespace(:name)"), {"name": self._schema}).scalar()
            if there is None:  # asked first: who may not make one may still use it
                connection.execute(text(f'CREATE SCHEMA "{self._schema}"'))
                connection.commit()

    @contextmanager
    def _connected(self, limits: PostgresLimits) -> Iterator[Connection]:
        engine = plain_engine(self._url, self._schema)
        begin = begin_statement(self._schema, limits, writing=True)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        try:
            with engine.connect() as connection:
                # Alembic compares with what it finds here; the driver asked before our first BEGIN.
                connection.dialect.default_schema_name = self._schema
                yield connection
        except DBAPIError as error:
            raise self._refused(error) from error
        finally:
            engine.dispose()

    def _refused(self, error: DBAPIError) -> StartupError:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            return StartupError(
                f"cannot migrate {self.name}: another migration or a long transaction is in the way; try again later"
            )
        lines = str(error.orig).strip().splitlines()
        return StartupError(f"cannot use the database {self.name}: {lines[0] if lines else 'no reason was given'}")
