"""Locks that store functions take where other transactions may run beside theirs: on PostgreSQL.

SQLite has one writer at a time, so it needs none.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, func, select


def locked(query: Select[Any], *, writing: bool) -> Select[Any]:
    """The query; where the transaction is `writing`, its rows are locked until the end, and read as they are then.

    Rows that refer to them by key may still be inserted by others.
    """
    return query.with_for_update(key_share=True) if writing else query


def lock_name(connection: Connection, name: str) -> None:
    """Keep other transactions that lock the same name, in the same database, out until this one ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
