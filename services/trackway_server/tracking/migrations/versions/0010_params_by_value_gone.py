"""The index of params by value goes: see 0009_params_by_run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010_params_by_value_gone"
down_revision = "0009_params_by_run"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop it."""
    op.drop_index("ix_params_search", "params")


def downgrade() -> None:
    """Make it."""
    op.create_index("ix_params_search", "params", ["key", "number", sa.text("substr(value, 1, 128)"), "run_id"])
