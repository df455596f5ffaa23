"""What the SQL stores of Tracking share: inserts that know ON CONFLICT, and lists in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

T = TypeVar("T")

_BATCH = 400
"""Values in one IN: below the least limit of bound variables (999, old SQLite)."""


def insert_of(connection: Connection, table: Table) -> Any:
    """An INSERT of the connection's dialect, which has ON CONFLICT."""
    if connection.dialect.name == "postgresql":
        # Loaded where it is used: it is a tenth of an embedded server's start.
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in pieces that fit one IN."""
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield batch
