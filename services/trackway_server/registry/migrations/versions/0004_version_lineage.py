"""What a version may say besides: a link to its run, the logged model it was made from, and where a copy's files were.

Servers of the version before may go on writing: all are empty where nothing is said.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_version_lineage"
down_revision = "0003_summary_search"
branch_labels = None
depends_on = None

MODEL_ID = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns."""
    for name, kind in (("run_link", sa.Text()), ("model_id", MODEL_ID), ("location", sa.Text())):
        op.add_column("model_versions", sa.Column(name, kind, nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    """Drop them."""
    for name in ("location", "model_id", "run_link"):
        op.drop_column("model_versions", name)
