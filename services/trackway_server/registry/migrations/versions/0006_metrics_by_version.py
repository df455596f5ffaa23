"""Metrics are indexed by key and version, no longer by key and value: as in Tracking, whose tables these are, too."""

from __future__ import annotations

from alembic import op

revision = "0006_metrics_by_version"
down_revision = "0005_model_beginnings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the new one, drop the old."""
    op.create_index("ix_metric_summaries_values", "metric_summaries", ["search_key", "subject_id", "last_key"])
    op.drop_index("ix_metric_summaries_search", "metric_summaries")


def downgrade() -> None:
    """The other way round."""
    op.create_index("ix_metric_summaries_search", "metric_summaries", ["search_key", "last_key", "subject_id"])
    op.drop_index("ix_metric_summaries_values", "metric_summaries")
