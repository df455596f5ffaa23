"""The index of metrics by value goes: see 0006_metrics_by_version."""

from __future__ import annotations

from alembic import op

revision = "0007_metrics_by_value_gone"
down_revision = "0006_metrics_by_version"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop it."""
    op.drop_index("ix_metric_summaries_search", "metric_summaries")


def downgrade() -> None:
    """Make it."""
    op.create_index("ix_metric_summaries_search", "metric_summaries", ["search_key", "last_key", "subject_id"])
