"""Inserts that know ON CONFLICT: SQLite and PostgreSQL have the same, under names of their own."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite


def insert_into(dialect: str, table: Table) -> Any:
    """An INSERT of a dialect, by its name."""
    if dialect == "postgresql":
        # Loaded where it is used: it is a tenth of an embedded server's start.
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)


@cache
def insert_new(dialect: str, table: Table) -> Any:
    """An INSERT that leaves rows alone which are there, built once: building one takes longer than running it."""
    return insert_into(dialect, table).on_conflict_do_nothing()
