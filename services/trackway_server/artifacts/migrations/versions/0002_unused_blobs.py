"""Which blobs may have become unused, for the collection that removes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_unused_blobs"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "unused_blobs",
        sa.Column("digest", sa.String(71), primary_key=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("since_us", sa.BigInteger, nullable=False, comment="0: no collection has seen it yet"),
        sa.Column("removing", sa.Boolean, nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("unused_blobs")
