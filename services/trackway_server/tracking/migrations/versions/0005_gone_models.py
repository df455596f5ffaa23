"""Logged models that were deleted for good are known by their ids.

Servers of the version before remove no model, so that nothing is to be noted of theirs.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_gone_models"
down_revision = "0004_logged_models"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "gone_logged_models",
        sa.Column("model_id", sa.String(34), primary_key=True, comment="of a model that was deleted for good"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("gone_logged_models")
