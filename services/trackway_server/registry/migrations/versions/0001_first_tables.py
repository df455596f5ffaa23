"""Registered models, versions, aliases and the log of events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def exact(length: int) -> sa.String:
    """Text that every database compares and sorts by code points."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables, and the one row of the log's head."""
    op.create_table(
        "event_log_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_id", exact(32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "events",
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("event_id", exact(32), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("workspace", exact(63), nullable=False),
        sa.Column("name", exact(250), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("ix_events_model", "events", ["workspace", "name", "sequence"], unique=False)
    op.create_index("ix_events_workspace", "events", ["workspace", "sequence"], unique=False)
    op.create_table(
        "registered_models",
        sa.Column("workspace", exact(63), nullable=False),
        sa.Column("name", exact(250), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("create_time_us", sa.BigInteger(), nullable=False),
        sa.Column("update_time_us", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "name"),
    )
    op.create_table(
        "version_counters",
        sa.Column("workspace", exact(63), nullable=False),
        sa.Column("name", exact(250), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "name"),
    )
    op.create_table(
        "version_requests",
        sa.Column("workspace", exact(63), nullable=False),
        sa.Column("name", exact(250), nullable=False),
        sa.Column("request_id", exact(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "name", "request_id"),
    )
    op.create_table(
        "model_versions",
        sa.Column("workspace", exact(63), nullable=False),
        sa.Column("name", exact(250), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("run_id", exact(32), nullable=False),
        sa.Column("manifest_digest", exact(71), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("stage", exact(64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("create_time_us", sa.BigInteger(), nullable=False),
        sa.Column("update_time_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "name"], ["registered_models.workspace", "registered_models.name"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace", "name", "version"),
    )
    op.create_index(
        "ix_model_versions_stage", "model_versions", ["workspace", "name", "stage", "version"], unique=False
    )
    op.create_table(
        "registered_model_tags",
        sa.Column("workspace", exact(63), nullable=False),
        sa.Column("name", exact(250), nullable=False),
        sa.Column("key", exact(250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "name"], ["registered_models.workspace", "registered_models.name"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace", "name", "key"),
    )
    op.create_table(
        "model_aliases",
        sa.Column("workspace", exact(63), nullable=False),
        sa.Column("name", exact(250), nullable=False),
        sa.Column("alias", exact(255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "name", "version"],
            ["model_versions.workspace", "model_versions.name", "model_versions.version"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace", "name", "alias"),
    )
    op.create_index("ix_model_aliases_version", "model_aliases", ["workspace", "name", "version"], unique=False)
    op.create_table(
        "model_version_manifests",
        sa.Column("workspace", exact(63), nullable=False),
        sa.Column("name", exact(250), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "name", "version"],
            ["model_versions.workspace", "model_versions.name", "model_versions.version"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace", "name", "version"),
    )
    op.create_table(
        "model_version_tags",
        sa.Column("workspace", exact(63), nullable=False),
        sa.Column("name", exact(250), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("key", exact(250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "name", "version"],
            ["model_versions.workspace", "model_versions.name", "model_versions.version"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace", "name", "version", "key"),
    )
    head = sa.table("event_log_head", sa.column("id"), sa.column("sequence"), sa.column("event_id"))
    op.execute(sa.insert(head).values(id=1, sequence=0, event_id="0" * 32))


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("model_version_tags")
    op.drop_table("model_version_manifests")
    op.drop_index("ix_model_aliases_version", table_name="model_aliases")
    op.drop_table("model_aliases")
    op.drop_table("registered_model_tags")
    op.drop_index("ix_model_versions_stage", table_name="model_versions")
    op.drop_table("model_versions")
    op.drop_table("version_requests")
    op.drop_table("version_counters")
    op.drop_table("registered_models")
    op.drop_index("ix_events_workspace", table_name="events")
    op.drop_index("ix_events_model", table_name="events")
    op.drop_table("events")
    op.drop_table("event_log_head")
