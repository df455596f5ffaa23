"""What searches over metrics need, in the tables that metrics of runs and of versions have in common.

Nothing fills the columns here: versions are not searched by their metrics.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_summary_search"
down_revision = "0002_version_metrics"
branch_labels = None
depends_on = None

KEY = sa.String(250).with_variant(sa.String(250, collation="C"), "postgresql")
UNPLACED = sa.text("subject_id IS NULL")


def upgrade() -> None:
    """Add columns and indexes."""
    subject = sa.Column(
        "subject_id", sa.String(64), comment="of the series; null until it is placed, see sql_placing.py"
    )
    key = sa.Column("search_key", KEY, comment="key of the series that stands for it in searches; null for others")
    for column in (subject, key):
        op.add_column("metric_summaries", column)
    op.create_index("ix_metric_summaries_search", "metric_summaries", ["search_key", "last_key", "subject_id"])
    op.create_index(
        "ix_metric_summaries_unplaced", "metric_summaries", ["series"], sqlite_where=UNPLACED, postgresql_where=UNPLACED
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("ix_metric_summaries_unplaced", "ix_metric_summaries_search"):
        op.drop_index(name, "metric_summaries")
    for name in ("search_key", "subject_id"):
        op.drop_column("metric_summaries", name)
