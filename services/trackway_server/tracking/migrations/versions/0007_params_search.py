"""One index of params instead of two: a text tells its number, so that both are found by (key, number, text).

Entries of such an index lie anywhere in it, and each costs a page to write: two bounded how fast runs are stored.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_params_search"
down_revision = "0006_run_changes"
branch_labels = None
depends_on = None

HEAD = sa.text("substr(value, 1, 128)")


def upgrade() -> None:
    """Make the one, drop the others."""
    op.create_index("ix_params_search", "params", ["key", "number", HEAD, "run_id"])
    op.drop_index("ix_params_number", "params")
    op.drop_index("ix_params_value", "params")


def downgrade() -> None:
    """The other way round."""
    op.create_index("ix_params_value", "params", ["key", HEAD, "run_id"])
    op.create_index("ix_params_number", "params", ["key", "number", "run_id"])
    op.drop_index("ix_params_search", "params")
