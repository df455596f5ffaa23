"""Series that were measured on data sets, for no model, are noted beside those of models: lists of runs show them."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0008_metrics_of_datasets"
down_revision = "0007_params_search"
branch_labels = None
depends_on = None

_FIELDS = ("series", "model_id", "workspace", "run_id", "key", "dataset_name", "dataset_digest")
_NOTED = sa.table("logged_model_series", *(sa.column(name) for name in _FIELDS))
_UNNOTED = sa.text(
    "SELECT s.number, s.subject_id, s.key, s.context, r.workspace FROM metric_series s "
    "JOIN runs r ON r.run_id = s.subject_id LEFT JOIN logged_model_series n ON n.series = s.number "
    "WHERE s.context LIKE :about AND n.series IS NULL AND s.number > :after ORDER BY s.number LIMIT 1000"
)


def upgrade() -> None:
    """Note those that are there."""
    connection, after = op.get_bind(), 0
    while True:
        found = connection.execute(_UNNOTED, {"about": '%"dataset_name"%', "after": after}).all()
        rows = []
        for number, run_id, key, context, workspace in found:
            known = json.loads(context)
            if name := known.get("dataset_name"):
                values = (number, "", workspace, run_id, key, name, known.get("dataset_digest", ""))
                rows.append(dict(zip(_FIELDS, values, strict=True)))
        if rows:
            connection.execute(_NOTED.insert(), rows)
        if not found:
            return
        after = found[-1].number


def downgrade() -> None:
    """Forget them."""
    op.execute("DELETE FROM logged_model_series WHERE model_id = ''")
