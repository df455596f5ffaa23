"""Which series stands for its key in searches: the one without a context, else the first by the context's digest.

Its summary bears the key in `search_key`, so that the index of (key, last value, subject) has one entry a run. A
summary is placed once, when its series has its first points; one that an older server has put is placed later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select, update

from trackway_server.metrics.store.sql_chunks import batches
from trackway_server.metrics.store.tables import MetricTables


def unplaced_subjects(connection: Connection, tables: MetricTables, limit: int) -> list[str]:
    """Up to `limit` subjects that have summaries not placed yet."""
    return sorted({row.subject_id for row in connection.execute(_unplaced(tables).limit(limit))})


def place(connection: Connection, tables: MetricTables, among: str | Sequence[int]) -> None:
    """Place the summaries of a subject, or of some series, that are not yet. The caller keeps others out of those."""
    summaries = tables.summaries
    if connection.execute(select(summaries.c.series).where(summaries.c.subject_id.is_(None)).limit(1)).first() is None:
        return
    query = _unplaced(tables)
    if isinstance(among, str):
        place_rows(connection, tables, connection.execute(query.where(tables.series.c.subject_id == among)).all())
        return
    for batch in batches(among):
        place_rows(connection, tables, connection.execute(query.where(summaries.c.series.in_(batch))).all())


def place_rows(connection: Connection, tables: MetricTables, fresh: Sequence[Row[Any]]) -> None:
    """Place summaries, given as (number, subject, key, context digest) of their series."""
    if not fresh:
        return
    standing = {(row.subject_id, row.key): row for row in _standing(connection, tables, fresh)}
    first: dict[tuple[str, str], Row[Any]] = {}
    for row in (*fresh, *standing.values()):
        rival = first.setdefault((row.subject_id, row.key), row)
        if row.context_digest < rival.context_digest:
            first[row.subject_id, row.key] = row
    chosen = {row.number for row in first.values()}
    summaries = tables.summaries
    for batch in batches(row.number for row in standing.values() if row.number not in chosen):
        connection.execute(update(summaries).where(summaries.c.series.in_(batch)).values(search_key=None))
    placed = (
        update(summaries)
        .where(summaries.c.series == bindparam("number"))
        .values(subject_id=bindparam("subject"), search_key=bindparam("stands_for"))
    )
    rows = [
        {"number": row.number, "subject": row.subject_id, "stands_for": row.key if row.number in chosen else None}
        for row in fresh
    ]
    connection.execute(placed, rows)


def _unplaced(tables: MetricTables) -> Select[Any]:
    series, summaries = tables.series, tables.summaries
    return (
        select(series.c.number, series.c.subject_id, series.c.key, series.c.context_digest)
        .join_from(summaries, series, summaries.c.series == series.c.number)
        .where(summaries.c.subject_id.is_(None))
    )


def _standing(connection: Connection, tables: MetricTables, fresh: Iterable[Row[Any]]) -> list[Row[Any]]:
    """The series that stand so far for the keys of the fresh ones."""
    series, summaries = tables.series, tables.summaries
    found: list[Any] = []
    for batch in batches(fresh):
        wanted = {(row.subject_id, row.key) for row in batch}
        query = (
            select(series.c.number, series.c.subject_id, series.c.key, series.c.context_digest)
            .join_from(series, summaries, summaries.c.series == series.c.number)
            .where(
                series.c.subject_id.in_({subject_id for subject_id, _ in wanted}),
                series.c.key.in_({key for _, key in wanted}),
                summaries.c.search_key.is_not(None),
            )
        )
        found += [row for row in connection.execute(query) if (row.subject_id, row.key) in wanted]
    return found
