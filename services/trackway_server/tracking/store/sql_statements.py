"""What the SQL stores of Tracking share: replacing inserts, and lists in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Table

from trackway_server.core.db.inserts import insert_into

T = TypeVar("T")

_BATCH = 400
"""Values in one IN: below the least limit of bound variables (999, old SQLite)."""


@cache
def upsert_value(dialect: str, table: Table, key: tuple[str, ...]) -> Any:
    """An INSERT into a table of values, which replaces the value where the key is there."""
    insert = insert_into(dialect, table)
    return insert.on_conflict_do_update(index_elements=key, set_={"value": insert.excluded.value})


def batches(items: Iterable[T], times: int = 1) -> Iterator[list[T]]:
    """The items in pieces that fit one IN, or as many of them in one statement."""
    rest = iter(items)
    while batch := list(islice(rest, _BATCH // times)):
        yield batch
