"""Which runs changed, in the order of transactions: what copies of runs in memory are brought up to date by.

Servers of the version before do not write it; none was ever released.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_run_changes"
down_revision = "0005_gone_models"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, with its first mark."""
    table = op.create_table(
        "run_changes",
        sa.Column(
            "stamp", sa.BigInteger(), primary_key=True, autoincrement=False, comment="rises with the transactions"
        ),
        sa.Column("run_id", sa.String(32), primary_key=True, comment="empty: a mark; *: all runs"),
    )
    op.bulk_insert(table, [{"stamp": 0, "run_id": ""}])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("run_changes")
