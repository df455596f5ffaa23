"""Artifacts, manifests and their entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

PATH = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "artifacts",
        sa.Column("workspace", sa.String(63), primary_key=True),
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("path", PATH, primary_key=True),
        sa.Column("digest", sa.String(71), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
    )
    op.create_index("artifacts_by_digest", "artifacts", ["digest"])
    op.create_table(
        "manifests",
        sa.Column("workspace", sa.String(63), primary_key=True),
        sa.Column("digest", sa.String(71), primary_key=True),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "manifest_entries",
        sa.Column("workspace", sa.String(63), primary_key=True),
        sa.Column("manifest_digest", sa.String(71), primary_key=True),
        sa.Column("path", PATH, primary_key=True),
        sa.Column("digest", sa.String(71), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["workspace", "manifest_digest"], ["manifests.workspace", "manifests.digest"]),
    )
    op.create_index("manifest_entries_by_digest", "manifest_entries", ["digest"])


def downgrade() -> None:
    op.drop_table("manifest_entries")
    op.drop_table("manifests")
    op.drop_table("artifacts")
