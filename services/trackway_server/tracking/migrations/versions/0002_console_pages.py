"""Console output of runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_console_pages"
down_revision = "0003_liveness"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of console pages."""
    op.create_table(
        "console_pages",
        sa.Column("number", BIG_KEY, nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("writer_id", sa.String(length=32), nullable=False),
        sa.Column("first_sequence", sa.BigInteger(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("total_bytes", sa.BigInteger(), nullable=False, comment="of the writer, up to the end of this page"),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="store/console_codec.py"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("writer_id", "first_sequence", name="uq_console_pages"),
    )
    op.create_index("ix_console_pages_writer", "console_pages", ["writer_id", "last_sequence"], unique=False)
    op.create_index("ix_console_pages_run_id", "console_pages", ["run_id"], unique=False)


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("console_pages")
