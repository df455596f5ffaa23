"""What the SQL stores of Tracking share: inserts that know ON CONFLICT, and lists in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

T = TypeVar("T")

_BATCH = 400
"""Values in one IN: below the least limit of bound variables (999, old SQLite)."""


def insert_of(connection: Connection, table: Table) -> Any:
    """An INSERT of the connection's dialect, which has ON CONFLICT."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: Table) -> Any:
    if dialect == "postgresql":
        # Loaded where it is used: it is a tenth of an embedded server's start.
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)


@cache
def upsert_value(dialect: str, table: Table, key: tuple[str, ...]) -> Any:
    """An INSERT into a table of values, which replaces the value where the key is there."""
    insert = _insert(dialect, table)
    return insert.on_conflict_do_update(index_elements=key, set_={"value": insert.excluded.value})


def batches(items: Iterable[T], times: int = 1) -> Iterator[list[T]]:
    """The items in pieces that fit one IN, or as many of them in one statement."""
    rest = iter(items)
    while batch := list(islice(rest, _BATCH // times)):
        yield batch
