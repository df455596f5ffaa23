"""ModelDeletions over a SQLAlchemy connection. What each method promises: domain/model_deletions.py."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select

from trackway_server.core.db.inserts import insert_new
from trackway_server.core.db.locking import locked
from trackway_server.tracking.store.sql_statements import batches
from trackway_server.tracking.store.tables import (
    EXPERIMENTS,
    GONE_MODELS,
    LOGGED_MODEL_PARAMS,
    LOGGED_MODEL_TAGS,
    LOGGED_MODELS,
)


class SqlModelDeletions:
    """Which logged models go and have gone, within the transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def due(self, before_us: int, after: str, limit: int) -> list[str]:
        """See ModelDeletions."""
        query = select(LOGGED_MODELS.c.model_id).where(LOGGED_MODELS.c.model_id > after, _is_due(before_us))
        return list(self._connection.execute(query.order_by(LOGGED_MODELS.c.model_id).limit(limit)).scalars())

    def doomed(self, model_ids: Sequence[str], before_us: int | None) -> set[str]:
        """See ModelDeletions."""
        found: set[str] = set()
        for batch in batches(model_ids):
            gone = select(GONE_MODELS.c.model_id).where(GONE_MODELS.c.model_id.in_(batch))
            found.update(self._connection.execute(gone).scalars())
            if before_us is not None:
                due = select(LOGGED_MODELS.c.model_id).where(LOGGED_MODELS.c.model_id.in_(batch), _is_due(before_us))
                found.update(self._connection.execute(due).scalars())
        return found

    def drop(self, model_ids: Sequence[str], before_us: int) -> list[str]:
        """See ModelDeletions."""
        chosen = select(LOGGED_MODELS.c.model_id).where(LOGGED_MODELS.c.model_id.in_(model_ids), _is_due(before_us))
        query = locked(chosen.order_by(LOGGED_MODELS.c.model_id), writing=True)
        going = list(self._connection.execute(query).scalars())
        if not going:
            return []
        for table in (LOGGED_MODEL_PARAMS, LOGGED_MODEL_TAGS, LOGGED_MODELS):
            self._connection.execute(delete(table).where(table.c.model_id.in_(going)))
        rows = [{"model_id": model_id} for model_id in going]
        self._connection.execute(insert_new(self._connection.dialect.name, GONE_MODELS), rows)
        return going


def _is_due(before_us: int) -> ColumnElement[bool]:
    deleted = and_(LOGGED_MODELS.c.deleted.is_(True), LOGGED_MODELS.c.update_time_us <= before_us)
    long_ago = and_(EXPERIMENTS.c.deleted.is_(True), EXPERIMENTS.c.update_time_us <= before_us)
    experiments = select(EXPERIMENTS.c.experiment_id).where(long_ago)
    return or_(deleted, LOGGED_MODELS.c.experiment_id.in_(experiments))
