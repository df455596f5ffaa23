"""What searches need: numbers of params, which series stand for their keys, and indexes of values.

The new columns begin as null, which means not filled yet: the server fills them in small batches while it runs, and so
does whoever searches before that is done (tracking/store/sql_numbers.py, metrics/store/sql_placing.py). Servers of the
version before may go on writing meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_search"
down_revision = "0002_console_pages"
branch_labels = None
depends_on = None

KEY = sa.String(250).with_variant(sa.String(250, collation="C"), "postgresql")
HEAD = sa.text("substr(value, 1, 128)")
UNFILLED, UNPLACED = sa.text("number IS NULL"), sa.text("subject_id IS NULL")


def upgrade() -> None:
    """Add columns and indexes."""
    number = sa.Column("number", sa.Float(53), comment="what number the value is; infinite: none; null: not filled yet")
    op.add_column("params", number)
    op.create_index("ix_params_value", "params", ["key", HEAD, "run_id"])
    op.create_index("ix_params_number", "params", ["key", "number", "run_id"])
    op.create_index("ix_params_unfilled", "params", ["run_id"], sqlite_where=UNFILLED, postgresql_where=UNFILLED)
    op.create_index("ix_tags_value", "tags", ["key", HEAD, "run_id"])
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
    op.drop_index("ix_tags_value", "tags")
    for name in ("ix_params_unfilled", "ix_params_number", "ix_params_value"):
        op.drop_index(name, "params")
    op.drop_column("params", "number")
