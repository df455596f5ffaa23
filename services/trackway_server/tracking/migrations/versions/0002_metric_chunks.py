"""Chunks of points, which a background compaction makes of segments; the first points and first NaNs of summaries;
what is noted of deleted runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_metric_chunks"
down_revision = "0002_experiment_bindings"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FIRSTS = ("first_step", "first_time", "first_sequence", "first_key", "first_nan_step", "firsts_known")


def upgrade() -> None:
    """Make the tables. Segments stay as they are: reads go through both."""
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
        "run_deletions",
        sa.Column("run_id", sa.String(length=32), nullable=False, comment="of a run, or of one that is gone"),
        sa.Column("since_us", sa.BigInteger(), nullable=False, comment="when it was first found deleted"),
        sa.Column("stage", sa.Integer(), nullable=False, comment="domain/deletions.py, Stage"),
        sa.PrimaryKeyConstraint("run_id"),
    )
    # Summaries that are there already say by `firsts_known` 0 that they do not know.
    for name in FIRSTS:
        op.add_column("metric_summaries", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    column = sa.Column("format", sa.Integer(), nullable=False, server_default="1", comment="1: SUMMARY_1")
    op.add_column("metric_unfolded", column)


def downgrade() -> None:
    """Drop the tables; points that stand in chunks are lost."""
    op.drop_column("metric_unfolded", "format")
    for name in FIRSTS:
        op.drop_column("metric_summaries", name)
    for table in ("run_deletions", "metric_compactions", "metric_chunks", "metric_rows"):
        op.drop_table(table)
