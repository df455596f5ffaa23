"""Metrics of versions in production."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_version_metrics"
down_revision = "0002_model_bindings"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FIRSTS = ("first_step", "first_time", "first_sequence", "first_key", "first_nan_step", "firsts_known")
KEY = sa.String(250).with_variant(sa.String(250, collation="C"), "postgresql")


def _exact(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "metric_series",
        sa.Column("number", BIG_KEY, nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("context_digest", sa.String(length=32), nullable=False, comment="context_digest(context)"),
        sa.Column("context", sa.Text(), nullable=False, comment="canonical JSON; empty for none"),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("subject_id", "key", "context_digest", name="uq_metric_series"),
    )
    op.create_table(
        "metric_unfolded",
        sa.Column("number", BIG_KEY, nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("summaries", sa.LargeBinary(), nullable=False, comment="records of domain/summaries.py, SUMMARY"),
        sa.Column("format", sa.Integer(), nullable=False, server_default="1", comment="1: SUMMARY_1"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_metric_unfolded_subject_id", "metric_unfolded", ["subject_id", "number"], unique=False)
    op.create_table(
        "metric_writers",
        sa.Column("number", BIG_KEY, nullable=False),
        sa.Column("writer_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("principal", sa.String(length=250), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("durable_sequence", sa.BigInteger(), nullable=False),
        sa.Column("prefix_checksum", sa.BigInteger(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False, comment="JSON object"),
        sa.Column("last_heard_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("writer_id"),
    )
    op.create_index("ix_metric_writers_subject_id", "metric_writers", ["subject_id", "writer_id"], unique=False)
    op.create_table(
        "metric_columns",
        sa.Column("writer", BIG_KEY, nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False, comment="the writer's own number"),
        sa.Column("series", BIG_KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["series"],
            ["metric_series.number"],
        ),
        sa.ForeignKeyConstraint(
            ["writer"],
            ["metric_writers.number"],
        ),
        sa.PrimaryKeyConstraint("writer", "series_id"),
    )
    op.create_index("ix_metric_columns_series", "metric_columns", ["series"], unique=False)
    op.create_table(
        "metric_segments",
        sa.Column("number", BIG_KEY, nullable=False),
        sa.Column("writer", BIG_KEY, nullable=False),
        sa.Column("first_sequence", sa.BigInteger(), nullable=False),
        sa.Column("end_sequence", sa.BigInteger(), nullable=False),
        sa.Column("point_count", sa.BigInteger(), nullable=False),
        sa.Column("series_ids", sa.LargeBinary(), nullable=False, comment="the writer's own numbers, rising, each u32"),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="codec.py"),
        sa.ForeignKeyConstraint(
            ["writer"],
            ["metric_writers.number"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("writer", "first_sequence", name="uq_metric_segments"),
    )
    op.create_table(
        "metric_summaries",
        sa.Column("series", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("nan_count", sa.BigInteger(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("last_time", sa.BigInteger(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("last_key", sa.BigInteger(), nullable=False),
        sa.Column("min_key", sa.BigInteger(), nullable=False),
        sa.Column("min_step", sa.BigInteger(), nullable=False),
        sa.Column("max_key", sa.BigInteger(), nullable=False),
        sa.Column("max_step", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0") for name in FIRSTS),
        sa.ForeignKeyConstraint(
            ["series"],
            ["metric_series.number"],
        ),
        sa.PrimaryKeyConstraint("series"),
    )
    op.create_table(
        "metric_rows",
        sa.Column("number", BIG_KEY, nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("point_count", sa.BigInteger(), nullable=False),
        sa.Column("min_step", sa.BigInteger(), nullable=False),
        sa.Column("max_step", sa.BigInteger(), nullable=False),
        sa.Column("min_time", sa.BigInteger(), nullable=False),
        sa.Column("max_time", sa.BigInteger(), nullable=False),
        sa.Column("writers", sa.LargeBinary(), nullable=False, comment="records of domain/chunks.py, WRITER"),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="chunk_codec.py, row set"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_metric_rows_subject_id", "metric_rows", ["subject_id"], unique=False)
    op.create_table(
        "metric_chunks",
        sa.Column("number", BIG_KEY, nullable=False),
        sa.Column("series", BIG_KEY, nullable=False),
        sa.Column("rows", BIG_KEY, nullable=False),
        sa.Column("rollup", sa.LargeBinary(), nullable=False, comment="chunk_codec.py, roll-up"),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="chunk_codec.py, values"),
        sa.ForeignKeyConstraint(["series"], ["metric_series.number"]),
        sa.ForeignKeyConstraint(["rows"], ["metric_rows.number"]),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_metric_chunks_series", "metric_chunks", ["series", "number"], unique=False)
    op.create_index("ix_metric_chunks_rows", "metric_chunks", ["rows"], unique=False)
    op.create_table(
        "metric_compactions",
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id"),
    )
    op.create_table(
        "version_subjects",
        sa.Column("subject_id", _exact(32), nullable=False, comment="of the metric_ tables"),
        sa.Column("workspace", _exact(63), nullable=False),
        sa.Column("name", _exact(250), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id"),
        sa.UniqueConstraint("workspace", "name", "version", name="uq_version_subjects"),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("version_subjects")
    for table in (
        "metric_compactions",
        "metric_chunks",
        "metric_rows",
        "metric_summaries",
        "metric_segments",
        "metric_columns",
        "metric_writers",
        "metric_unfolded",
        "metric_series",
    ):
        op.drop_table(table)
