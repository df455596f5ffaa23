"""Which series stands for its key in searches: the one without a context, else the first by the context's digest.

Its summary bears the key in `search_key`, so that the index of (key, subject, last value) has one entry a run. A
summary is placed once, when its series has its first points; one that an older server has put is placed later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, update

from trackway_server.metrics.store.sql_chunks import batches
from trackway_server.metrics.store.statements import Statements
from trackway_server.metrics.store.tables import MetricTables


def unplaced_subjects(connection: Connection, statements: Statements, limit: int) -> list[str]:
    """Up to `limit` subjects that have summaries not placed yet."""
    return sorted({row.subject_id for row in connection.execute(statements.unplaced.limit(limit))})


def place(connection: Connection, statements: Statements, tables: MetricTables, among: str | Sequence[int]) -> None:
    """Place the summaries of a subject, or of some series, that are not yet. The caller keeps others out of those."""
    if connection.execute(statements.any_unplaced).first() is None:
        return
    if isinstance(among, str):
        rows = connection.execute(statements.unplaced.where(tables.series.c.subject_id == among)).all()
        place_rows(connection, statements, tables, rows)
        return
    for batch in batches(among):
        rows = connection.execute(statements.unplaced_among, {"numbers": batch}).all()
        place_rows(connection, statements, tables, rows)


def place_rows(connection: Connection, statements: Statements, tables: MetricTables, fresh: Sequence[Row[Any]]) -> None:
    """Place summaries, given as (number, subject, key, context digest) of their series."""
    if not fresh:
        return
    standing = {(row.subject_id, row.key): row for row in _standing(connection, statements, fresh)}
    first: dict[tuple[str, str], Row[Any]] = {}
    for row in (*fresh, *standing.values()):
        rival = first.setdefault((row.subject_id, row.key), row)
        if row.context_digest < rival.context_digest:
            first[row.subject_id, row.key] = row
    chosen = {row.number for row in first.values()}
    summaries = tables.summaries
    for batch in batches(row.number for row in standing.values() if row.number not in chosen):
        connection.execute(update(summaries).where(summaries.c.series.in_(batch)).values(search_key=None))
    rows = [
        {"number": row.number, "subject": row.subject_id, "stands_for": row.key if row.number in chosen else None}
        for row in fresh
    ]
    connection.execute(statements.place, rows)


def _standing(connection: Connection, statements: Statements, fresh: Iterable[Row[Any]]) -> list[Row[Any]]:
    """The series that stand so far for the keys of the fresh ones."""
    found: list[Any] = []
    for batch in batches(fresh):
        wanted = {(row.subject_id, row.key) for row in batch}
        named = {"subjects": sorted({one for one, _ in wanted}), "keys": sorted({key for _, key in wanted})}
        found += [row for row in connection.execute(statements.standing, named) if (row.subject_id, row.key) in wanted]
    return found
