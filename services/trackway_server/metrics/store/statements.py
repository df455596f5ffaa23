"""The statements of every write and of every run that is shown, built once for the tables of a service: building one
takes twice as long as running it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Insert, Select, bindparam, select

from trackway_server.core.db.locking import locked
from trackway_server.metrics.store.tables import MetricTables


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


@cache
def statements_of(tables: MetricTables) -> Statements:
    """The statements of a service's tables."""
    series, subject_id = tables.series.c, tables.unfolded.c.subject_id
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
    )
