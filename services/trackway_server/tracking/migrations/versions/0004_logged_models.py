"""Logged models: their params and tags, which series are their metrics, and which runs read and make them.

No model is there yet, so nothing of what is stored can belong to one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_logged_models"
down_revision = "0004_dataset_tags"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.String(250).with_variant(sa.String(250, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "logged_models",
        sa.Column("model_id", sa.String(34), nullable=False),
        sa.Column("workspace", sa.String(63), nullable=False),
        sa.Column("experiment_id", BIG_KEY, nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("model_type", sa.String(500), nullable=False, comment="empty: none"),
        sa.Column("source_run_id", sa.String(32), nullable=False, comment="empty: none"),
        sa.Column("status", sa.Integer(), nullable=False, comment="tracking.v1.LoggedModelStatus"),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.Column("create_time_us", sa.BigInteger(), nullable=False),
        sa.Column("update_time_us", sa.BigInteger(), nullable=False),
        sa.Column("start_digest", sa.String(64), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["experiment_id"], ["experiments.experiment_id"]),
        sa.PrimaryKeyConstraint("model_id"),
    )
    for name, first in (("ix_logged_models_workspace", "workspace"), ("ix_logged_models_experiment", "experiment_id")):
        op.create_index(name, "logged_models", [first, "deleted", "create_time_us", "model_id"])
    op.create_table(
        "logged_model_params",
        sa.Column("model_id", sa.String(34), nullable=False),
        sa.Column("key", sa.String(250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("number", sa.Float(53), nullable=False, comment="what number the value is; infinite: none"),
        sa.ForeignKeyConstraint(["model_id"], ["logged_models.model_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id", "key"),
    )
    op.create_table(
        "logged_model_tags",
        sa.Column("model_id", sa.String(34), nullable=False),
        sa.Column("key", sa.String(250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["logged_models.model_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id", "key"),
    )
    op.create_table(
        "logged_model_series",
        sa.Column("series", BIG_KEY, autoincrement=False, nullable=False),
        sa.Column(
            "model_id", sa.String(34), nullable=False, comment="of the series' context; the model need not be there"
        ),
        sa.Column("workspace", sa.String(63), nullable=False, comment="of the run"),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("dataset_name", sa.String(250), nullable=False),
        sa.Column("dataset_digest", sa.String(250), nullable=False),
        sa.ForeignKeyConstraint(["series"], ["metric_series.number"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("series"),
    )
    op.create_index("ix_logged_model_series_model", "logged_model_series", ["model_id", "key"])
    op.create_index("ix_logged_model_series_run", "logged_model_series", ["run_id"])
    op.create_table(
        "run_models",
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("output", sa.Boolean(), nullable=False, comment="whether the run makes the model; else it reads it"),
        sa.Column("model_id", sa.String(34), nullable=False, comment="the model need not be there"),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False, comment="0 for what is read"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"]),
        sa.PrimaryKeyConstraint("run_id", "output", "model_id", "step"),
    )
    op.create_index("ix_run_models_model", "run_models", ["model_id", "output"])


def downgrade() -> None:
    """Drop them."""
    for name in ("run_models", "logged_model_series", "logged_model_tags", "logged_model_params", "logged_models"):
        op.drop_table(name)
