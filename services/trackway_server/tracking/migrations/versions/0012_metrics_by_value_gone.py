"""The index of metrics by value goes: see 0011_metrics_by_run."""

from __future__ import annotations

from alembic import op

revision = "0012_metrics_by_value_gone"
down_revision = "0011_metrics_by_run"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop it."""
    op.drop_index("ix_metric_summaries_search", "metric_summaries")


def downgrade() -> None:
    """Make it."""
    op.create_index("ix_metric_summaries_search", "metric_summaries", ["search_key", "last_key", "subject_id"])
