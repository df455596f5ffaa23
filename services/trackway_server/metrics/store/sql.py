"""MetricUnit over a SQLAlchemy connection: SQLite and PostgreSQL. What each method promises: domain/ports.py."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Column, Connection, RowMapping, Table, and_, func, literal, or_, select

from trackway_server.core.db.inserts import insert_new
from trackway_server.core.db.locking import lock_name
from trackway_server.metrics.domain.points import Int64s, UInt32s
from trackway_server.metrics.domain.ports import SUMMARY_FIELDS, SegmentEntry, Series, SummaryRow, Unfolded
from trackway_server.metrics.domain.records import Segment, SeriesDefinition, WriterCursor, context_digest
from trackway_server.metrics.domain.summaries import SUMMARY, SUMMARY_1, Summaries, of_format_1
from trackway_server.metrics.store.sql_chunks import SqlChunks, batches
from trackway_server.metrics.store.sql_placing import place, unplaced_subjects
from trackway_server.metrics.store.statements import SUMMARY_NAMES, statements_of
from trackway_server.metrics.store.tables import MetricTables


class SqlMetricUnit(SqlChunks):
    """The metrics of one service, within the transaction of `connection`; one that is `writing` locks cursors."""

    def __init__(self, connection: Connection, tables: MetricTables, *, writing: bool) -> None:
        super().__init__(connection, tables)
        self._writing = writing
        self._statements = statements_of(tables, connection.dialect.name)
        self._numbers: dict[str, int | None] = {}
        """Of writers, as far as they were looked up; None: of one that is not there."""

    def writer(self, writer_id: str) -> WriterCursor | None:
        """See MetricUnit."""
        query = self._statements.locked_writer if self._writing else self._statements.writer
        row = self._connection.execute(query, {"writer_id": writer_id}).mappings().first()
        self._numbers[writer_id] = None if row is None else row["number"]
        return None if row is None else _cursor(row)

    def put_writer(self, cursor: WriterCursor) -> None:
        """See MetricUnit."""
        writers = self._tables.writers
        changing = {
            "epoch": cursor.epoch,
            "durable_sequence": cursor.durable_sequence,
            "prefix_checksum": cursor.prefix_checksum,
            "labels": json.dumps(dict(cursor.labels)),
            "last_heard_us": cursor.last_heard_us,
        }
        fixed = {
            "writer_id": cursor.writer_id,
            "subject_id": cursor.subject_id,
            "principal": cursor.principal,
            "workspace": cursor.workspace,
        }
        number = self._number(cursor.writer_id)
        if number is None:
            inserted = self._connection.execute(self._statements.add_writer, fixed | changing).inserted_primary_key
            self._numbers[cursor.writer_id] = None if inserted is None else inserted[0]
        else:
            self._connection.execute(writers.update().where(writers.c.number == number).values(changing))

    def writers(self, subject_id: str, after: str, limit: int) -> list[WriterCursor]:
        """See MetricUnit."""
        writers = self._tables.writers
        query = select(writers).where(writers.c.subject_id == subject_id, writers.c.writer_id > after)
        rows = self._connection.execute(query.order_by(writers.c.writer_id).limit(limit)).mappings()
        return [_cursor(row) for row in rows]

    def drop_unused_writers(self, before_us: int, limit: int) -> int:
        """See MetricUnit."""
        writers = self._tables.writers
        unused = and_(writers.c.durable_sequence == 0, writers.c.last_heard_us < before_us)
        chosen = select(writers.c.number).where(unused).limit(limit)
        # The condition again: of two replicas, the one that waited must not delete what has begun to write meanwhile.
        return self._connection.execute(writers.delete().where(writers.c.number.in_(chosen), unused)).rowcount

    def defined_series(self, writer_id: str) -> tuple[UInt32s, Int64s]:
        """See MetricUnit."""
        columns = self._tables.columns
        query = select(columns.c.series_id, columns.c.series).where(columns.c.writer == self._number(writer_id))
        rows = np.array([tuple(row) for row in self._connection.execute(query)], dtype=np.int64).reshape(-1, 2)
        return rows[:, 0].astype(np.uint32), rows[:, 1].copy()

    def define_series(self, cursor: WriterCursor, definitions: Sequence[SeriesDefinition]) -> Int64s:
        """See MetricUnit."""
        digests = [context_digest(definition.context) for definition in definitions]
        named = list(zip(definitions, digests, strict=True))
        known = self._known_series(cursor.subject_id, named)
        missing = {(d.key, digest): d.context for d, digest in named if (d.key, digest) not in known}
        if missing:
            rows = [
                {"subject_id": cursor.subject_id, "key": key, "context_digest": digest, "context": context}
                for (key, digest), context in sorted(missing.items())  # one order: no deadlock with another writer
            ]
            self._connection.execute(insert_new(self._connection.dialect.name, self._tables.series), rows)
            known |= self._known_series(cursor.subject_id, named)
        numbers = [known[d.key, digest] for d, digest in named]
        writer = self._number(cursor.writer_id)
        self._connection.execute(
            self._statements.add_columns,
            [
                {"writer": writer, "series_id": definition.series_id, "series": number}
                for definition, number in zip(definitions, numbers, strict=True)
            ],
        )
        return np.array(numbers, dtype=np.int64)

    def _known_series(
        self, subject_id: str, named: Iterable[tuple[SeriesDefinition, str]]
    ) -> dict[tuple[str, str], int]:
        known: dict[tuple[str, str], int] = {}
        for batch in batches(named):
            keys, digests = {definition.key for definition, _ in batch}, {digest for _, digest in batch}
            wanted = {"subject_id": subject_id, "keys": list(keys), "digests": list(digests)}
            rows = self._connection.execute(self._statements.known_series, wanted).all()
            known |= {(key, digest): number for key, digest, number in rows}
        return known

    def series(self, subject_id: str, key: str, context: str | None) -> list[Series]:
        """See MetricUnit."""
        series = self._tables.series
        query = select(series).where(series.c.subject_id == subject_id, series.c.key == key)
        if context is not None:
            query = query.where(series.c.context_digest == context_digest(context))
        rows = self._connection.execute(query.order_by(series.c.context_digest)).mappings()
        return [_series(row) for row in rows]

    def series_page(self, subject_id: str, key: str, after: int, limit: int) -> list[Series]:
        """See MetricUnit."""
        series = self._tables.series
        query = select(series).where(series.c.subject_id == subject_id)
        if key:
            query = query.where(series.c.key == key)
        if after:
            at = select(series.c.key, series.c.context_digest).where(series.c.number == after)
            last = self._connection.execute(at).first()
            if last is None:
                return []
            beyond = and_(series.c.key == last.key, series.c.context_digest > last.context_digest)
            query = query.where(series.c.key >= last.key, or_(series.c.key > last.key, beyond))
        rows = self._connection.execute(query.order_by(series.c.key, series.c.context_digest).limit(limit)).mappings()
        return [_series(row) for row in rows]

    def series_of_subjects(self, subject_ids: Sequence[str], context: str | None, limit: int) -> list[Series]:
        """See MetricUnit."""
        series = self._tables.series
        found: list[Series] = []
        for batch in batches(sorted(subject_ids)):
            query = select(*_series_columns(series)).where(series.c.subject_id.in_(batch))
            if context is not None:
                query = query.where(series.c.context_digest == context_digest(context))
            query = query.order_by(series.c.subject_id, series.c.key, series.c.context_digest).limit(limit - len(found))
            found += [Series(*row) for row in self._connection.execute(query).all()]
        return found

    def summary_rows(self, subject_ids: Sequence[str], context: str | None, limit: int) -> Sequence[SummaryRow]:
        """See MetricUnit."""
        series, summaries = self._tables.series, self._tables.summaries
        # Of one context it is known, and what else is asked of a series stands in an index.
        text = series.c.context if context is None else literal(context, literal_execute=not context)
        columns = (series.c.subject_id, series.c.key, text, *(summaries.c[name] for name in SUMMARY_FIELDS))
        found: list[SummaryRow] = []
        for batch in batches(sorted(subject_ids)):
            query = select(*columns).join_from(series, summaries, summaries.c.series == series.c.number)
            query = query.where(series.c.subject_id.in_(batch))
            if context is not None:
                query = query.where(series.c.context_digest == context_digest(context))
            query = query.order_by(series.c.subject_id, series.c.key, series.c.context_digest).limit(limit - len(found))
            found += self._connection.execute(query).all()
        return found

    def columns(self, number: int) -> list[tuple[str, int]]:
        """See MetricUnit."""
        columns, writers = self._tables.columns, self._tables.writers
        query = (
            select(writers.c.writer_id, columns.c.series_id)
            .join_from(columns, writers, columns.c.writer == writers.c.number)
            .where(columns.c.series == number)
            .order_by(writers.c.writer_id, columns.c.series_id)
        )
        return [(row.writer_id, row.series_id) for row in self._connection.execute(query)]

    def add_segment(self, writer_id: str, segment: Segment) -> None:
        """See MetricUnit."""
        row = {
            "writer": self._number(writer_id),
            "first_sequence": segment.first_sequence,
            "end_sequence": segment.end_sequence,
            "point_count": segment.point_count,
            "series_ids": segment.series,
            "data": segment.data,
        }
        self._connection.execute(self._statements.add_segment, row)

    def segment_index(self, writer_id: str, after: int, limit: int) -> list[SegmentEntry]:
        """See MetricUnit."""
        segments = self._tables.segments
        of_writer = segments.c.writer == self._number(writer_id)
        # The one that `after` lies in or before: segments of a writer do not overlap.
        least = select(func.max(segments.c.first_sequence)).where(of_writer, segments.c.first_sequence <= after + 1)
        query = (
            select(*(segments.c[name] for name in ("first_sequence", "end_sequence", "point_count", "series_ids")))
            .where(of_writer, segments.c.first_sequence >= func.coalesce(least.scalar_subquery(), 0))
            .where(segments.c.end_sequence > after + 1)
            .order_by(segments.c.first_sequence)
            .limit(limit)
        )
        return [SegmentEntry(*row) for row in self._connection.execute(query)]

    def segment_data(self, writer_id: str, first_sequences: Sequence[int]) -> list[bytes]:
        """See MetricUnit."""
        segments, found = self._tables.segments, []
        for batch in batches(sorted(first_sequences)):
            query = (
                select(segments.c.data)
                .where(segments.c.writer == self._number(writer_id), segments.c.first_sequence.in_(batch))
                .order_by(segments.c.first_sequence)
            )
            found += list(self._connection.execute(query).scalars())
        return found

    def add_unfolded(self, subject_id: str, summaries: Summaries) -> None:
        """See MetricUnit."""
        row = {"subject_id": subject_id, "summaries": summaries.tobytes(), "format": 2}
        self._connection.execute(self._statements.add_unfolded, row)

    def unfolded_subjects(self, among: Collection[str] | None) -> list[str]:
        """See MetricUnit."""
        subject_id = self._tables.unfolded.c.subject_id
        if among is None:
            return list(self._connection.execute(select(subject_id).distinct().order_by(subject_id)).scalars())
        found: list[str] = []
        for batch in batches(sorted(among)):
            found += self._connection.execute(self._statements.unfolded, {"ids": batch}).scalars()
        return found

    def take_unfolded(self, subject_id: str, limit: int, number: int | None = None) -> Unfolded:
        """See MetricUnit."""
        unfolded = self._tables.unfolded
        # One at a time folds a subject: two would take different summaries, and each put what the other had not seen.
        lock_name(self._connection, f"{unfolded.name}/{subject_id}")
        of_subject = {"subject_id": subject_id, "limit": limit}
        query = self._statements.unfolded_of
        if number is not None:
            query = query.where(unfolded.c.number == number)
        rows = self._connection.execute(query, of_subject).all()
        for batch in batches([row.number for row in rows]):
            self._connection.execute(self._statements.drop_unfolded, {"numbers": batch})
        parts = [
            np.frombuffer(row.summaries, dtype=SUMMARY)
            if row.format > 1
            else of_format_1(np.frombuffer(row.summaries, dtype=SUMMARY_1))
            for row in rows
        ]
        return Unfolded(rows[0].number if rows else 0, parts)

    def put_back(self, subject_id: str, number: int, summaries: Summaries) -> None:
        """See MetricUnit."""
        row = {"number": number, "subject_id": subject_id, "summaries": summaries.tobytes(), "format": 2}
        self._connection.execute(self._tables.unfolded.insert().values(row))

    def summaries(self, numbers: Sequence[int]) -> Summaries:
        """See MetricUnit."""
        rows: list[tuple[int, ...]] = []
        for batch in batches(sorted(numbers)):
            rows += map(tuple, self._connection.execute(self._statements.summaries, {"numbers": batch}).all())
        return np.array(rows, dtype=SUMMARY)

    def put_summaries(self, summaries: Summaries) -> None:
        """See MetricUnit."""
        if not len(summaries):
            return
        rows = [dict(zip(SUMMARY_NAMES, row, strict=True)) for row in summaries.tolist()]
        self._connection.execute(self._statements.put_summaries, rows)
        place(self._connection, self._statements, self._tables, summaries["series"].tolist())

    def unplaced_subjects(self, limit: int) -> list[str]:
        """See MetricUnit."""
        return unplaced_subjects(self._connection, self._statements, limit)

    def place(self, subject_id: str) -> None:
        """See MetricUnit."""
        lock_name(self._connection, f"{self._tables.unfolded.name}/{subject_id}")
        place(self._connection, self._statements, self._tables, subject_id)

    def _number(self, writer_id: str) -> int | None:
        if writer_id not in self._numbers:
            writers = self._tables.writers
            query = select(writers.c.number).where(writers.c.writer_id == writer_id)
            self._numbers[writer_id] = self._connection.execute(query).scalar()
        return self._numbers[writer_id]


def _cursor(row: RowMapping) -> WriterCursor:
    return WriterCursor(
        row["writer_id"],
        row["subject_id"],
        row["principal"],
        row["workspace"],
        row["epoch"],
        row["durable_sequence"],
        row["prefix_checksum"],
        json.loads(row["labels"]),
        row["last_heard_us"],
    )


def _series_columns(series: Table) -> list[Column[Any]]:
    """What a Series is made of, in its order."""
    return [series.c[name] for name in ("number", "subject_id", "key", "context")]


def _series(row: RowMapping) -> Series:
    return Series(row["number"], row["subject_id"], row["key"], row["context"])
