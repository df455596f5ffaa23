"""When runs were last heard, for those that are written; since when a server has listened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_liveness"
down_revision = "0002_metric_chunks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, with the runs that are being written now."""
    op.create_table(
        "metric_liveness",
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("last_heard_us", sa.BigInteger(), nullable=False),
        sa.Column("lost", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id"),
    )
    op.create_index("ix_metric_liveness_silent", "metric_liveness", ["lost", "last_heard_us"], unique=False)
    op.create_table(
        "metric_listening",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="1: there is one row"),
        sa.Column("since_us", sa.BigInteger(), nullable=False, comment="the end of the last pause of all servers"),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(sa.text("INSERT INTO metric_listening (id, since_us, last_us) VALUES (1, 0, 0)"))
    op.execute(
        sa.text(
            "INSERT INTO metric_liveness (subject_id, last_heard_us, lost) "
            "SELECT runs.run_id, max(metric_writers.last_heard_us), :lost FROM runs "
            "JOIN metric_writers ON metric_writers.subject_id = runs.run_id "
            "WHERE runs.status = 1 AND NOT runs.deleted GROUP BY runs.run_id"
        ).bindparams(lost=False)
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("metric_listening")
    op.drop_table("metric_liveness")
