"""Roles on one experiment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_experiment_bindings"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    principal = sa.String(250).with_variant(sa.String(250, collation="C"), "postgresql")
    op.create_table(
        "experiment_bindings",
        sa.Column("experiment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("principal", principal, nullable=False),
        sa.Column("role", sa.Integer(), nullable=False, comment="auth.v1.Role"),
        sa.ForeignKeyConstraint(["experiment_id"], ["experiments.experiment_id"]),
        sa.PrimaryKeyConstraint("experiment_id", "principal"),
    )
    op.create_index("ix_experiment_bindings_principal", "experiment_bindings", ["principal", "experiment_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("experiment_bindings")
