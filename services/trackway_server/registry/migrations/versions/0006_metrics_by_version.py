"""Summaries of metrics are indexed by key and version, no longer by key and value.

The entries of what is new then stand at the end of each key's, whatever the values are: by value they lay anywhere in
the index. The old one goes in a revision of its own, so that nobody who writes meanwhile is in a circle with this.
"""

from __future__ import annotations

from alembic import op

revision = "0006_metrics_by_version"
down_revision = "0005_model_beginnings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the new one."""
    op.create_index("ix_metric_summaries_values", "metric_summaries", ["search_key", "subject_id", "last_key"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_metric_summaries_values", "metric_summaries")
