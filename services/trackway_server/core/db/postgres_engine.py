"""Connections to PostgreSQL: the URL, what every connection is opened with, and how a transaction begins.

Nothing is kept in a session: no prepared statements, no SET that outlives its transaction. Where to look for tables and
how long to wait travels with each BEGIN, in the same round trip; so a pooler in transaction mode may stand in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from trackway_server.core.lifecycle import StartupError

SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")

_CONNECT_ARGUMENTS: Mapping[str, Any] = {
    "connect_timeout": "5",
    # A peer that vanished without a word is noticed within half a minute.
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


@dataclass(frozen=True, slots=True)
class PostgresLimits:
    """How many connections, and how long what may take."""

    connections: int = 10
    """Greatest number of connections of one service of one process; further transactions wait their turn."""
    statement_timeout_ms: int = 30_000
    lock_timeout_ms: int = 10_000
    idle_timeout_ms: int = 60_000
    """How long a transaction may do nothing before PostgreSQL ends it: its process is gone or stopped."""


def postgres_url(text: str) -> URL:
    """The URL as the engine wants it. Raises StartupError where it is none, without repeating it: it has a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise _not_a_url() from None
    if url.drivername not in SCHEMES:
        raise _not_a_url()
    for name in ("psycopg", "greenlet"):
        if find_spec(name) is None:
            raise StartupError(f"{name} is missing: install the server with: pip install 'trackway[server,postgres]'")
    return url.set(drivername="postgresql+psycopg")


def shown(url: URL) -> str:
    """The URL for people, without its password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def connect_arguments(url: URL, schema: str) -> dict[str, Any]:
    """What a connection is opened with; what the URL says itself stands."""
    own = {**_CONNECT_ARGUMENTS, "application_name": f"trackway-{schema}"}
    chosen = {name: value for name, value in own.items() if name not in url.query}
    # The driver begins no transactions of its own, and prepares no statements: those would live in the session.
    return {**chosen, "autocommit": True, "prepare_threshold": None}


def begin_statement(schema: str, limits: PostgresLimits, *, writing: bool) -> str:
    """What begins a transaction: one round trip, and nothing of it outlives the transaction.

    A reading one sees one state. A writing one sees what is committed when each of its statements begins, so that a
    row it had to wait for is read as it is now: what it decides by, it locks.
    """
    mode = "READ COMMITTED READ WRITE" if writing else "REPEATABLE READ READ ONLY"
    return (
        f"BEGIN ISOLATION LEVEL {mode};"
        f' SET LOCAL search_path = "{schema}";'
        f" SET LOCAL statement_timeout = {limits.statement_timeout_ms};"
        f" SET LOCAL lock_timeout = {limits.lock_timeout_ms};"
        f" SET LOCAL idle_in_transaction_session_timeout = {limits.idle_timeout_ms}"
    )


def plain_engine(url: URL, schema: str) -> Engine:
    """A synchronous engine without a pool, for migrations and the check at the start; it leaves BEGIN to us."""
    return create_engine(url, poolclass=NullPool, connect_args=connect_arguments(url, schema), use_native_hstore=False)


def _not_a_url() -> StartupError:
    return StartupError(
        "the database URL is not understood: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        " in TRACKWAY_DATABASE_URL or --database-url"
    )
