"""An index of the events with which models come under their names, so that the events of a model are found.

Servers of the version before may go on writing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_model_beginnings"
down_revision = "0004_webhooks"
branch_labels = None
depends_on = None

BEGINNINGS = sa.text("kind IN (1, 14)")


def upgrade() -> None:
    """Make the index."""
    op.create_index(
        "ix_events_beginnings",
        "events",
        ["workspace", "name", "sequence"],
        sqlite_where=BEGINNINGS,
        postgresql_where=BEGINNINGS,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_events_beginnings", "events")
