"""Experiments, runs and their metrics; the `Default` experiment."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.String(250).with_variant(sa.String(250, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables, and the experiment 0."""
    op.create_table(
        "experiments",
        sa.Column("experiment_id", BIG_KEY, nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("create_time_us", sa.BigInteger(), nullable=False),
        sa.Column("update_time_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id"),
        sa.UniqueConstraint("workspace", "name", name="uq_experiments_name"),
    )
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
        "experiment_tags",
        sa.Column("experiment_id", BIG_KEY, nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.experiment_id"],
        ),
        sa.PrimaryKeyConstraint("experiment_id", "key"),
    )
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
        sa.ForeignKeyConstraint(
            ["series"],
            ["metric_series.number"],
        ),
        sa.PrimaryKeyConstraint("series"),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("experiment_id", BIG_KEY, nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False, comment="tracking.v1.RunStatus"),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(length=250), nullable=False),
        sa.Column("start_time_us", sa.BigInteger(), nullable=False),
        sa.Column("end_time_us", sa.BigInteger(), nullable=False, comment="0: not ended"),
        sa.Column("parent_run_id", sa.String(length=32), nullable=False, comment="empty: none"),
        sa.Column("start_digest", sa.String(length=64), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("deleted_with_experiment", sa.Boolean(), nullable=False),
        sa.Column("refused_count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.experiment_id"],
        ),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index("ix_runs_experiment", "runs", ["experiment_id", "deleted", "start_time_us", "run_id"], unique=False)
    op.create_index("ix_runs_parent", "runs", ["parent_run_id"], unique=False)
    op.create_index("ix_runs_workspace", "runs", ["workspace", "deleted", "start_time_us", "run_id"], unique=False)
    op.create_table(
        "dataset_inputs",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("digest", sa.String(length=128), nullable=False),
        sa.Column("source_type", sa.String(length=250), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("schema", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("context", sa.String(length=250), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("run_id", "name", "digest"),
    )
    op.create_table(
        "params",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("run_id", "key"),
    )
    op.create_table(
        "run_refusals",
        sa.Column("number", BIG_KEY, nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("writer_id", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False, comment="common.v1.ErrorReason"),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_run_refusals_run_id", "run_refusals", ["run_id", "number"], unique=False)
    op.create_table(
        "tags",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("run_id", "key"),
    )
    now_us = time.time_ns() // 1_000
    op.execute(
        sa.text(
            "INSERT INTO experiments (experiment_id, workspace, name, deleted, create_time_us, update_time_us) "
            "VALUES (0, 'default', 'Default', :deleted, :now_us, :now_us)"
        ).bindparams(deleted=False, now_us=now_us)
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in (
        "run_refusals",
        "dataset_inputs",
        "tags",
        "params",
        "runs",
        "experiment_tags",
        "experiments",
        "metric_summaries",
        "metric_unfolded",
        "metric_segments",
        "metric_columns",
        "metric_series",
        "metric_writers",
    ):
        op.drop_table(table)
