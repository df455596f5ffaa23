"""Params are indexed by key and run, no longer by key and value.

A new run's entries then stand at the end of each key's, whatever its values are: by value they lay anywhere in the
index, and each cost a page to write once the index had outgrown the caches. The old index goes in a revision of its
own: on PostgreSQL, whoever had read the table and waits to write would be in a circle with one that makes and drops.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_params_by_run"
down_revision = "0008_metrics_of_datasets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the new one."""
    op.create_index("ix_params_values", "params", ["key", "run_id", "number", sa.text("substr(value, 1, 128)")])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_params_values", "params")
