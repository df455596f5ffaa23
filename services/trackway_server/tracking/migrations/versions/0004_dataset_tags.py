"""Tags of the data sets that runs read. Servers of the version before may go on writing: they write none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_dataset_tags"
down_revision = "0003_search"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    tags = sa.Column("tags", sa.Text, nullable=False, server_default="{}", comment="store/dataset_codec.py")
    op.add_column("dataset_inputs", tags)


def downgrade() -> None:
    """Drop it."""
    op.drop_column("dataset_inputs", "tags")
