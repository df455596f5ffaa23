"""Deletions over a SQLAlchemy connection: SQLite and PostgreSQL. What each method promises: domain/deletions.py."""

from __future__ import annotations

from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from trackway_server.core.db.locking import lock_name, locked
from trackway_server.tracking.domain.deletions import Deletion, Stage
from trackway_server.tracking.store.tables import DELETIONS, METADATA, RUNS

_OF_RUNS = [key.parent for table in METADATA.sorted_tables for key in table.foreign_keys if key.column.table is RUNS]
"""The columns that refer to runs, of every table there is."""


class SqlDeletions:
    """What is noted of deleted runs, within the transaction of `connection`."""

    def __init__(self, connection: Connection, *, writing: bool) -> None:
        self._connection = connection
        self._writing = writing

    def note(self, now_us: int, limit: int) -> int:
        """See Deletions."""
        lock_name(self._connection, DELETIONS.name)
        noted = select(DELETIONS.c.run_id).where(DELETIONS.c.run_id == RUNS.c.run_id).exists()
        query = select(RUNS.c.run_id).where(RUNS.c.deleted.is_(True), ~noted).limit(limit)
        rows = [
            {"run_id": run_id, "since_us": now_us, "stage": int(Stage.NOTED)}
            for run_id in self._connection.execute(query).scalars()
        ]
        if rows:
            self._connection.execute(insert(DELETIONS), rows)
        return len(rows)

    def get(self, run_id: str) -> Deletion | None:
        """See Deletions."""
        query = locked(select(DELETIONS).where(DELETIONS.c.run_id == run_id), writing=self._writing)
        row = self._connection.execute(query).first()
        return None if row is None else Deletion(row.run_id, row.since_us, Stage(row.stage))

    def due(self, before_us: int, after: str, limit: int) -> list[Deletion]:
        """See Deletions."""
        long_ago = and_(
            DELETIONS.c.stage == int(Stage.NOTED), DELETIONS.c.since_us <= before_us, RUNS.c.deleted.is_(True)
        )
        query = (
            select(DELETIONS)
            .join_from(DELETIONS, RUNS, DELETIONS.c.run_id == RUNS.c.run_id, isouter=True)
            .where(DELETIONS.c.run_id > after, or_(DELETIONS.c.stage == int(Stage.BEGUN), long_ago))
            .order_by(DELETIONS.c.run_id)
            .limit(limit)
        )
        return [Deletion(row.run_id, row.since_us, Stage(row.stage)) for row in self._connection.execute(query)]

    def begin(self, run_id: str) -> None:
        """See Deletions."""
        self._set_stage(run_id, Stage.BEGUN)

    def forget(self, run_id: str) -> None:
        """See Deletions."""
        self._connection.execute(delete(DELETIONS).where(DELETIONS.c.run_id == run_id))

    def drop_run(self, run_id: str) -> None:
        """See Deletions."""
        for column in _OF_RUNS:
            self._connection.execute(delete(column.table).where(column == run_id))
        self._connection.execute(delete(RUNS).where(RUNS.c.run_id == run_id))
        self._set_stage(run_id, Stage.GONE)

    def _set_stage(self, run_id: str, stage: Stage) -> None:
        self._connection.execute(update(DELETIONS).where(DELETIONS.c.run_id == run_id).values(stage=int(stage)))
