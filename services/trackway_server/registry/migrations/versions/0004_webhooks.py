"""Webhooks, and how far each has come in the log of events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_webhooks"
down_revision = "0004_version_lineage"
branch_labels = None
depends_on = None


def exact(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", exact(32), nullable=False),
        sa.Column("workspace", exact(63), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.BigInteger(), nullable=False, comment="1 << EventKind of each kind it tells of"),
        sa.Column("form", sa.Integer(), nullable=False, comment="registry.v1.WebhookPayload"),
        sa.Column("status", sa.Integer(), nullable=False, comment="registry.v1.WebhookStatus"),
        sa.Column("secret", sa.LargeBinary(), nullable=False, comment="encrypted; empty: none"),
        sa.Column("create_time_us", sa.BigInteger(), nullable=False),
        sa.Column("update_time_us", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="sequence of the event up to which all is told"),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("last_attempt_us", sa.BigInteger(), nullable=False),
        sa.Column("last_event_id", exact(32), nullable=False),
        sa.Column("last_http_status", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failing_since_us", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_us", sa.BigInteger(), nullable=False),
        sa.Column("lease_holder", exact(32), nullable=False),
        sa.Column("lease_until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("webhook_id"),
    )
    op.create_index("ix_webhooks_workspace", "webhooks", ["workspace", "webhook_id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("webhooks")
