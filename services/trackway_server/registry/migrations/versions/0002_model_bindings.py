"""Roles on one registered model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_model_bindings"
down_revision = "0001"
branch_labels = None
depends_on = None


def exact(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "model_bindings",
        sa.Column("workspace", exact(63), nullable=False),
        sa.Column("name", exact(250), nullable=False),
        sa.Column("principal", exact(250), nullable=False),
        sa.Column("role", sa.Integer(), nullable=False, comment="auth.v1.Role"),
        sa.ForeignKeyConstraint(
            ["workspace", "name"], ["registered_models.workspace", "registered_models.name"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace", "name", "principal"),
    )
    op.create_index("ix_model_bindings_principal", "model_bindings", ["principal", "workspace", "name"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("model_bindings")
