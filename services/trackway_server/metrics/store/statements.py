"""The statements of every write and of every run that is shown, built once for the tables of a service: building one
takes twice as long as running it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Delete, Insert, Select, Update, bindparam, select

from trackway_server.core.db.inserts import insert_into
from trackway_server.core.db.locking import locked
from trackway_server.metrics.domain.summaries import SUMMARY
from trackway_server.metrics.store.tables import MetricTables

SUMMARY_NAMES = SUMMARY.names or ()


@dataclass(frozen=True, slots=True)
class Statements:
    """Those of one service."""

    writer: Select[Any]
    """Of `writer_id`."""
    locked_writer: Select[Any]
    add_writer: Insert
    known_series: Select[Any]
    """Key, digest of the context and number of the series of `subject_id` with `keys` and `digests`."""
    add_columns: Insert
    add_segment: Insert
    add_unfolded: Insert
    unfolded: Select[Any]
    """Which subjects of `ids` have unfolded summaries, in order."""
    unfolded_of: Select[Any]
    """Number, summaries and format of the first `limit` of `subject_id`."""
    drop_unfolded: Delete
    """Those of these `numbers`."""
    summaries: Select[Any]
    """Of the series of these `numbers`, in order."""
    put_summaries: Insert
    any_unplaced: Select[Any]
    """A row, where there is a summary that is not placed."""
    unplaced: Select[Any]
    """Number, subject, key and digest of the context of all series whose summaries are not placed."""
    unplaced_among: Select[Any]
    """The same, of the series of these `numbers`."""
    standing: Select[Any]
    """The same, of series of `subjects` and `keys` that stand for their keys."""
    place: Update


@cache
def statements_of(tables: MetricTables, dialect: str) -> Statements:
    """The statements of a service's tables, for SQLite or PostgreSQL."""
    series, subject_id = tables.series.c, tables.unfolded.c.subject_id
    unfolded, summaries = tables.unfolded.c, tables.summaries.c
    numbers: BindParameter[Any] = bindparam("numbers", expanding=True)
    named = select(series.number, series.subject_id, series.key, series.context_digest)
    unplaced = named.join_from(tables.summaries, tables.series, summaries.series == series.number).where(
        summaries.subject_id.is_(None)
    )
    standing = named.join_from(tables.series, tables.summaries, summaries.series == series.number).where(
        series.subject_id.in_(bindparam("subjects", expanding=True)),
        series.key.in_(bindparam("keys", expanding=True)),
        summaries.search_key.is_not(None),
    )
    put = insert_into(dialect, tables.summaries)
    changes = {name: put.excluded[name] for name in SUMMARY_NAMES if name != "series"}
    writer = select(tables.writers).where(tables.writers.c.writer_id == bindparam("writer_id"))
    known_series = select(series.key, series.context_digest, series.number).where(
        series.subject_id == bindparam("subject_id"),
        series.key.in_(bindparam("keys", expanding=True)),
        series.context_digest.in_(bindparam("digests", expanding=True)),
    )
    return Statements(
        writer,
        locked(writer, writing=True),
        tables.writers.insert(),
        known_series,
        tables.columns.insert(),
        tables.segments.insert(),
        tables.unfolded.insert(),
        select(subject_id).distinct().where(subject_id.in_(bindparam("ids", expanding=True))).order_by(subject_id),
        select(unfolded.number, unfolded.summaries, unfolded.format)
        .where(subject_id == bindparam("subject_id"))
        .order_by(unfolded.number)
        .limit(bindparam("limit")),
        tables.unfolded.delete().where(unfolded.number.in_(numbers)),
        select(*(summaries[name] for name in SUMMARY_NAMES))
        .where(summaries.series.in_(numbers))
        .order_by(summaries.series),
        put.on_conflict_do_update(index_elements=["series"], set_=changes),
        select(summaries.series).where(summaries.subject_id.is_(None)).limit(1),
        unplaced,
        unplaced.where(summaries.series.in_(numbers)),
        standing,
        tables.summaries.update()
        .where(summaries.series == bindparam("number"))
        .values(subject_id=bindparam("subject"), search_key=bindparam("stands_for")),
    )
