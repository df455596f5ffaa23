"""The part of SqlMetricUnit that keeps chunks. What each method promises: domain/ports.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, delete, func, insert, select, update

from trackway_server.core.db.locking import lock_name
from trackway_server.metrics.domain.chunks import WRITER, Axis, ChunkEntry, Move, NewRows, Range, WaitingSegment
from trackway_server.metrics.store.tables import MetricTables

T = TypeVar("T")

BATCH = 400
"""Values in one IN, of which a query has two at most: below the least limit of bound variables (999, old SQLite)."""

_INCREMENTAL = 2
"""SQLite's number for `PRAGMA auto_vacuum=INCREMENTAL`."""


class SqlChunks:
    """The chunks of one service, within the transaction of `connection`."""

    def __init__(self, connection: Connection, tables: MetricTables) -> None:
        self._connection = connection
        self._tables = tables

    def chunks(self, series: Sequence[int], within: Range | None) -> list[ChunkEntry]:
        """See MetricUnit."""
        chunks, rows = self._tables.chunks, self._tables.rows
        of_rows = [rows.c[name] for name in ("point_count", "min_step", "max_step", "min_time", "max_time", "writers")]
        query = select(chunks.c.number, chunks.c.series, chunks.c.rows, *of_rows).join_from(
            chunks, rows, chunks.c.rows == rows.c.number
        )
        if within is not None:
            low, high = (
                (rows.c.min_step, rows.c.max_step) if within.axis is Axis.STEP else (rows.c.min_time, rows.c.max_time)
            )
            query = query.where(low <= within.last, high >= within.first)
        found: list[ChunkEntry] = []
        for batch in batches(sorted(series)):
            one = query.where(chunks.c.series.in_(batch)).order_by(chunks.c.series, chunks.c.number)
            found += [_entry(row) for row in self._connection.execute(one)]
        return found

    def chunk_rows(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """See MetricUnit."""
        return self._bytes(self._tables.rows, self._tables.rows.c.data, numbers)

    def chunk_values(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """See MetricUnit."""
        return self._bytes(self._tables.chunks, self._tables.chunks.c.data, numbers)

    def chunk_rollups(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """See MetricUnit."""
        return self._bytes(self._tables.chunks, self._tables.chunks.c.rollup, numbers)

    def _bytes(self, table: Table, column: Column[Any], numbers: Sequence[int]) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for batch in batches(sorted(numbers)):
            query = select(table.c.number, column.label("data")).where(table.c.number.in_(batch))
            found |= {row.number: row.data for row in self._connection.execute(query)}
        return found

    def waiting_subjects(self, after: str, limit: int) -> list[str]:
        """See MetricUnit."""
        writers, segments = self._tables.writers, self._tables.segments
        has_segments = select(segments.c.number).where(segments.c.writer == writers.c.number).exists()
        query = (
            select(writers.c.subject_id)
            .distinct()
            .where(writers.c.subject_id > after, has_segments)
            .order_by(writers.c.subject_id)
            .limit(limit)
        )
        return list(self._connection.execute(query).scalars())

    def waiting_segments(self, subject_id: str, limit: int) -> list[WaitingSegment]:
        """See MetricUnit."""
        writers, segments = self._tables.writers, self._tables.segments
        query = (
            select(
                writers.c.writer_id,
                segments.c.first_sequence,
                segments.c.point_count,
                func.length(segments.c.series_ids).op("/")(4),
            )
            .join_from(writers, segments, segments.c.writer == writers.c.number)
            .where(writers.c.subject_id == subject_id)
            .order_by(writers.c.writer_id, segments.c.first_sequence)
            .limit(limit)
        )
        return [WaitingSegment(*row) for row in self._connection.execute(query)]

    def count_segments(self) -> int:
        """See MetricUnit."""
        return self._connection.execute(select(func.count()).select_from(self._tables.segments)).scalar_one()

    def lease_compaction(self, subject_id: str, holder: str, now_us: int, until_us: int) -> bool:
        """See MetricUnit."""
        leases = self._tables.leases
        lock_name(self._connection, f"{leases.name}/{subject_id}")
        of_subject = leases.c.subject_id == subject_id
        lease = self._connection.execute(select(leases.c.holder, leases.c.until_us).where(of_subject)).first()
        if lease is None:
            if until_us > now_us:
                self._connection.execute(insert(leases).values(subject_id=subject_id, holder=holder, until_us=until_us))
            return True
        if lease.holder != holder and lease.until_us > now_us:
            return False
        if until_us <= now_us:
            self._connection.execute(delete(leases).where(of_subject))
        else:
            self._connection.execute(update(leases).where(of_subject).values(holder=holder, until_us=until_us))
        return True

    def move(self, subject_id: str, move: Move) -> bool:
        """See MetricUnit."""
        # One at a time moves points of a subject: what is found here is there until the end.
        lock_name(self._connection, f"{self._tables.chunks.name}/{subject_id}")
        segments = self._segment_numbers(subject_id, move.segments)
        chunks, rows = self._tables.chunks, self._tables.rows
        merged: list[tuple[int, int]] = []
        for batch in batches(sorted(move.chunks)):
            query = select(chunks.c.number, chunks.c.rows).where(chunks.c.number.in_(batch))
            merged += [(row.number, row.rows) for row in self._connection.execute(query)]
        if len(segments) != len(move.segments) or len(merged) != len(move.chunks):
            return False
        # Added first: SQLite gives the numbers of rows deleted last to others, and readers tell chunks by them.
        for added in move.added:
            self._add(subject_id, added)
        self._delete(self._tables.segments, segments)
        self._delete(chunks, [number for number, _ in merged])
        self._delete(rows, self._unused({row_set for _, row_set in merged}))
        return True

    def point_bytes(self, subject_id: str) -> int:
        """See MetricUnit."""
        tables = self._tables
        rows, chunks, segments, writers = tables.rows, tables.chunks, tables.segments, tables.writers
        queries = (
            select(func.sum(func.length(rows.c.data))).where(rows.c.subject_id == subject_id),
            select(func.sum(func.length(chunks.c.data) + func.length(chunks.c.rollup)))
            .join_from(chunks, rows, chunks.c.rows == rows.c.number)
            .where(rows.c.subject_id == subject_id),
            select(func.sum(func.length(segments.c.data)))
            .join_from(segments, writers, segments.c.writer == writers.c.number)
            .where(writers.c.subject_id == subject_id),
        )
        return sum(int(self._connection.execute(query).scalar() or 0) for query in queries)

    def purge(self, subject_id: str, limit: int) -> bool:
        """See MetricUnit."""
        lock_name(self._connection, f"{self._tables.chunks.name}/{subject_id}")
        tables = self._tables
        of_rows = select(tables.rows.c.number).where(tables.rows.c.subject_id == subject_id)
        of_writers = select(tables.writers.c.number).where(tables.writers.c.subject_id == subject_id)
        of_series = select(tables.series.c.number).where(tables.series.c.subject_id == subject_id)
        steps = (
            (tables.chunks.c.number, tables.chunks.c.rows.in_(of_rows)),
            (tables.rows.c.number, tables.rows.c.subject_id == subject_id),
            (tables.segments.c.number, tables.segments.c.writer.in_(of_writers)),
            (tables.unfolded.c.number, tables.unfolded.c.subject_id == subject_id),
            (tables.summaries.c.series, tables.summaries.c.series.in_(of_series)),
        )
        for key, chosen in steps:
            if self._purge_rows(key, chosen, limit):
                return True
        if self._purge_series(of_series.limit(limit), limit):
            return True
        for table in (tables.writers, tables.leases):
            self._connection.execute(delete(table).where(table.c.subject_id == subject_id))
        return False

    def _purge_rows(self, key: Column[Any], chosen: ColumnElement[bool], limit: int) -> bool:
        """Remove up to `limit` rows; whether there may be more."""
        some = select(key).where(chosen).limit(limit)
        return self._connection.execute(delete(key.table).where(key.in_(some))).rowcount >= limit

    def _purge_series(self, some: Select[Any], limit: int) -> bool:
        """Remove some series and what their writers call them; whether there may be more."""
        numbers = list(self._connection.execute(some).scalars())
        for batch in batches(numbers):
            for column in (self._tables.columns.c.series, self._tables.series.c.number):
                self._connection.execute(delete(column.table).where(column.in_(batch)))
        return len(numbers) >= limit

    def reclaim(self, most_bytes: int) -> int:
        """See MetricUnit."""
        if self._connection.dialect.name != "sqlite" or self._pragma("auto_vacuum") != _INCREMENTAL:
            return 0
        page_size = self._pragma("page_size")
        self._pragma(f"incremental_vacuum({max(1, most_bytes // page_size)})")
        return self._pragma("freelist_count") * page_size

    def _pragma(self, pragma: str) -> int:
        """Run a pragma to its end, straight on the driver: SQLAlchemy would not step one that answers no rows."""
        driver: Any = self._connection.connection.driver_connection
        rows = driver.execute(f"PRAGMA {pragma}").fetchall()
        return int(rows[0][0]) if rows else 0

    def _segment_numbers(self, subject_id: str, chosen: Sequence[tuple[str, int]]) -> list[int]:
        segments, writers = self._tables.segments, self._tables.writers
        found: list[int] = []
        for writer_id, of_writer in groupby(sorted(chosen), key=itemgetter(0)):
            for batch in batches(first_sequence for _, first_sequence in of_writer):
                query = (
                    select(segments.c.number)
                    .join_from(segments, writers, segments.c.writer == writers.c.number)
                    .where(writers.c.writer_id == writer_id, writers.c.subject_id == subject_id)
                    .where(segments.c.first_sequence.in_(batch))
                )
                found += self._connection.execute(query).scalars()
        return found

    def _add(self, subject_id: str, added: NewRows) -> None:
        names = ("point_count", "min_step", "max_step", "min_time", "max_time", "data")
        row = {name: getattr(added, name) for name in names}
        row |= {"subject_id": subject_id, "writers": added.writers.tobytes()}
        rows = self._tables.rows
        number = self._connection.execute(insert(rows).values(row).returning(rows.c.number)).scalar_one()
        self._connection.execute(
            insert(self._tables.chunks),
            [
                {"series": chunk.series, "rows": number, "data": chunk.values, "rollup": chunk.rollup}
                for chunk in added.chunks
            ],
        )

    def _unused(self, row_sets: Iterable[int]) -> list[int]:
        chunks, rows = self._tables.chunks, self._tables.rows
        unused: list[int] = []
        for batch in batches(sorted(row_sets)):
            used = select(chunks.c.number).where(chunks.c.rows == rows.c.number).exists()
            query = select(rows.c.number).where(rows.c.number.in_(batch), ~used)
            unused += self._connection.execute(query).scalars()
        return unused

    def _delete(self, table: Table, numbers: Sequence[int]) -> None:
        for batch in batches(numbers):
            self._connection.execute(delete(table).where(table.c.number.in_(batch)))


def _entry(row: Row[Any]) -> ChunkEntry:
    span = (row.min_step, row.max_step, row.min_time, row.max_time)
    directory = np.frombuffer(row.writers, dtype=WRITER)
    return ChunkEntry(row.number, row.series, row.rows, row.point_count, *span, directory)


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """The items, up to BATCH at a time."""
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
