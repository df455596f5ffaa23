"""The SQL tables of metrics, for the schema of the service that takes them.

Nothing here has a row per point. All 64-bit columns are signed: sequences and epochs end at 2^63 - 1, values stand as
their keys (domain/summaries.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

BigKey = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the type is INTEGER."""

_KEY = String(250).with_variant(String(250, collation="C"), "postgresql")
"""Sorted by code points everywhere, so that lists of series have one order."""

_UNPLACED = text("subject_id IS NULL")


@dataclass(frozen=True, slots=True)
class MetricTables:
    """The tables of one service."""

    writers: Table
    series: Table
    columns: Table
    segments: Table
    rows: Table
    chunks: Table
    leases: Table
    unfolded: Table
    summaries: Table


def metric_tables(metadata: MetaData) -> MetricTables:
    """Define the tables in `metadata`."""
    return MetricTables(
        _writers(metadata),
        _series(metadata),
        _columns(metadata),
        _segments(metadata),
        _rows(metadata),
        _chunks(metadata),
        _leases(metadata),
        _unfolded(metadata),
        _summaries(metadata),
    )


def _writers(metadata: MetaData) -> Table:
    return Table(
        "metric_writers",
        metadata,
        Column("number", BigKey, primary_key=True),
        Column("writer_id", String(32), nullable=False, unique=True),
        Column("subject_id", String(64), nullable=False),
        Column("principal", String(250), nullable=False),
        Column("workspace", String(63), nullable=False),
        Column("epoch", BigInteger, nullable=False),
        Column("durable_sequence", BigInteger, nullable=False),
        Column("prefix_checksum", BigInteger, nullable=False),
        Column("labels", Text, nullable=False, comment="JSON object"),
        Column("last_heard_us", BigInteger, nullable=False),
        Index("ix_metric_writers_subject_id", "subject_id", "writer_id"),
    )


def _series(metadata: MetaData) -> Table:
    return Table(
        "metric_series",
        metadata,
        Column("number", BigKey, primary_key=True),
        Column("subject_id", String(64), nullable=False),
        Column("key", _KEY, nullable=False),
        Column("context_digest", String(32), nullable=False, comment="context_digest(context)"),
        Column("context", Text, nullable=False, comment="canonical JSON; empty for none"),
        UniqueConstraint("subject_id", "key", "context_digest", name="uq_metric_series"),
    )


def _columns(metadata: MetaData) -> Table:
    return Table(
        "metric_columns",
        metadata,
        Column("writer", ForeignKey("metric_writers.number"), primary_key=True),
        Column("series_id", Integer, primary_key=True, comment="the writer's own number"),
        Column("series", ForeignKey("metric_series.number"), nullable=False),
        Index("ix_metric_columns_series", "series"),
    )


def _segments(metadata: MetaData) -> Table:
    return Table(
        "metric_segments",
        metadata,
        Column("number", BigKey, primary_key=True),
        Column("writer", ForeignKey("metric_writers.number"), nullable=False),
        Column("first_sequence", BigInteger, nullable=False),
        Column("end_sequence", BigInteger, nullable=False),
        Column("point_count", BigInteger, nullable=False),
        Column("series_ids", LargeBinary, nullable=False, comment="the writer's own numbers, rising, each u32"),
        Column("data", LargeBinary, nullable=False, comment="codec.py"),
        UniqueConstraint("writer", "first_sequence", name="uq_metric_segments"),
    )


def _rows(metadata: MetaData) -> Table:
    return Table(
        "metric_rows",
        metadata,
        Column("number", BigKey, primary_key=True),
        Column("subject_id", String(64), nullable=False),
        Column("point_count", BigInteger, nullable=False),
        Column("min_step", BigInteger, nullable=False),
        Column("max_step", BigInteger, nullable=False),
        Column("min_time", BigInteger, nullable=False),
        Column("max_time", BigInteger, nullable=False),
        Column("writers", LargeBinary, nullable=False, comment="records of domain/chunks.py, WRITER"),
        Column("data", LargeBinary, nullable=False, comment="chunk_codec.py, row set"),
        Index("ix_metric_rows_subject_id", "subject_id"),
    )


def _chunks(metadata: MetaData) -> Table:
    return Table(
        "metric_chunks",
        metadata,
        Column("number", BigKey, primary_key=True),
        Column("series", ForeignKey("metric_series.number"), nullable=False),
        Column("rows", ForeignKey("metric_rows.number"), nullable=False),
        Column("rollup", LargeBinary, nullable=False, comment="chunk_codec.py, roll-up"),
        Column("data", LargeBinary, nullable=False, comment="chunk_codec.py, values"),
        Index("ix_metric_chunks_series", "series", "number"),
        Index("ix_metric_chunks_rows", "rows"),
    )


def _leases(metadata: MetaData) -> Table:
    return Table(
        "metric_compactions",
        metadata,
        Column("subject_id", String(64), primary_key=True),
        Column("holder", String(32), nullable=False),
        Column("until_us", BigInteger, nullable=False),
    )


def _unfolded(metadata: MetaData) -> Table:
    return Table(
        "metric_unfolded",
        metadata,
        Column("number", BigKey, primary_key=True),
        Column("subject_id", String(64), nullable=False),
        Column("summaries", LargeBinary, nullable=False, comment="records of domain/summaries.py, SUMMARY"),
        Column("format", Integer, nullable=False, server_default="1", comment="1: SUMMARY_1"),
        Index("ix_metric_unfolded_subject_id", "subject_id", "number"),
    )


def _summaries(metadata: MetaData) -> Table:
    names = ("count", "nan_count", "last_step", "last_time", "last_sequence", "last_key")
    bounds = ("min_key", "min_step", "max_key", "max_step")
    firsts = ("first_step", "first_time", "first_sequence", "first_key", "first_nan_step", "firsts_known")
    return Table(
        "metric_summaries",
        metadata,
        Column("series", ForeignKey("metric_series.number"), primary_key=True, autoincrement=False),
        *(Column(name, BigInteger, nullable=False) for name in (*names, *bounds)),
        *(Column(name, BigInteger, nullable=False, server_default="0") for name in firsts),
        Column("subject_id", String(64), comment="of the series; null until it is placed, see sql_placing.py"),
        Column("search_key", _KEY, comment="key of the series that stands for it in searches; null for others"),
        Index("ix_metric_summaries_values", "search_key", "subject_id", "last_key"),
        Index("ix_metric_summaries_unplaced", "series", sqlite_where=_UNPLACED, postgresql_where=_UNPLACED),
    )
