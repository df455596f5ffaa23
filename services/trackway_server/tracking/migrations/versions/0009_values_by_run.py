"""Params and metrics are indexed by key and run, no longer by key and value.

A new run's entries then stand at the end of each key's, whatever its values are: by value they lay anywhere in the
index, and each cost a page to write once the index had outgrown the caches.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_values_by_run"
down_revision = "0008_metrics_of_datasets"
branch_labels = None
depends_on = None

HEAD = sa.text("substr(value, 1, 128)")


def upgrade() -> None:
    """Make the new ones, drop the old."""
    op.create_index("ix_params_values", "params", ["key", "run_id", "number", HEAD])
    op.drop_index("ix_params_search", "params")
    op.create_index("ix_metric_summaries_values", "metric_summaries", ["search_key", "subject_id", "last_key"])
    op.drop_index("ix_metric_summaries_search", "metric_summaries")


def downgrade() -> None:
    """The other way round."""
    op.create_index("ix_metric_summaries_search", "metric_summaries", ["search_key", "last_key", "subject_id"])
    op.drop_index("ix_metric_summaries_values", "metric_summaries")
    op.create_index("ix_params_search", "params", ["key", "number", HEAD, "run_id"])
    op.drop_index("ix_params_values", "params")
