"""The number that a param's text is, in a column of its own: searches compare params as numbers by it."""

from __future__ import annotations

import math

from sqlalchemy import Connection, bindparam, func, select, update

from trackway_server.core.search.evaluation import number_of
from trackway_server.core.search.ordering import HEAD
from trackway_server.tracking.store.tables import PARAMS

NO_NUMBER = math.inf


def number_column(value: str) -> float:
    """What stands in the column."""
    number = number_of(value)
    return NO_NUMBER if number is None else number


def has_unfilled_numbers(connection: Connection) -> bool:
    """Whether an older server has written params."""
    return connection.execute(select(PARAMS.c.run_id).where(PARAMS.c.number.is_(None)).limit(1)).first() is not None


def fill_numbers(connection: Connection, limit: int) -> None:
    """Fill the column of up to `limit` of them."""
    # The head suffices: a longer text is no number.
    query = select(PARAMS.c.run_id, PARAMS.c.key, func.substr(PARAMS.c.value, 1, HEAD).label("head"))
    rows = connection.execute(query.where(PARAMS.c.number.is_(None)).limit(limit)).all()
    if rows:
        filled = (
            update(PARAMS)
            .where(PARAMS.c.run_id == bindparam("of_run"), PARAMS.c.key == bindparam("of_key"))
            .values(number=bindparam("is_number"))
        )
        numbers = [{"of_run": row.run_id, "of_key": row.key, "is_number": number_column(row.head)} for row in rows]
        connection.execute(filled, numbers)
