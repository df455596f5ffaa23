"""Deletions over a SQLAlchemy connection: SQLite and PostgreSQL. What each method promises: domain/deletions.py."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from trackway_server.core.db.locking import lock_name, locked
from trackway_server.tracking.domain.deletions import Deletion, Stage
from trackway_server.tracking.store.sql_run_changes import SqlRunChanges
from trackway_server.tracking.store.tables import DELETIONS, EXPERIMENTS, LOGGED_MODELS, METADATA, RUNS

_OF_RUNS = [key.parent for table in METADATA.sorted_tables for key in table.foreign_keys if key.column.table is RUNS]
"""The columns that refer to runs, of every table there is."""
_OF_EXPERIMENTS = [
    key.parent
    for table in METADATA.sorted_tables
    for key in table.foreign_keys
    if key.column.table is EXPERIMENTS and table not in (RUNS, LOGGED_MODELS)
]
"""Those that refer to experiments, but for the runs and logged models, which go before."""


class SqlDeletions:
    """What is noted of deleted runs, within the transaction of `connection`."""

    def __init__(self, connection: Connection, changes: SqlRunChanges, *, writing: bool) -> None:
        self._connection = connection
        self._changes = changes
        self._writing = writing

    def unnoted(self, after: str, limit: int) -> list[str]:
        """See Deletions."""
        noted = select(DELETIONS.c.run_id).where(DELETIONS.c.run_id == RUNS.c.run_id).exists()
        query = select(RUNS.c.run_id).where(RUNS.c.run_id > after, RUNS.c.deleted.is_(True), ~noted)
        return list(self._connection.execute(query.order_by(RUNS.c.run_id).limit(limit)).scalars())

    def note(self, run_ids: Sequence[str], now_us: int) -> None:
        """See Deletions."""
        # One at a time: two replicas find the same runs at the same hour.
        lock_name(self._connection, DELETIONS.name)
        known = select(DELETIONS.c.run_id).where(DELETIONS.c.run_id.in_(run_ids))
        noted = set(self._connection.execute(known).scalars())
        rows = [
            {"run_id": run_id, "since_us": now_us, "stage": int(Stage.NOTED)}
            for run_id in run_ids
            if run_id not in noted
        ]
        if rows:
            self._connection.execute(insert(DELETIONS), rows)

    def get(self, run_id: str) -> Deletion | None:
        """See Deletions."""
        query = locked(select(DELETIONS).where(DELETIONS.c.run_id == run_id), writing=self._writing)
        row = self._connection.execute(query).first()
        return None if row is None else Deletion(row.run_id, row.since_us, Stage(row.stage))

    def due(self, before_us: int, after: str, limit: int) -> list[Deletion]:
        """See Deletions."""
        query = (
            select(DELETIONS)
            .join_from(DELETIONS, RUNS, DELETIONS.c.run_id == RUNS.c.run_id, isouter=True)
            .where(DELETIONS.c.run_id > after, or_(DELETIONS.c.stage == int(Stage.BEGUN), _long_ago(before_us)))
            .order_by(DELETIONS.c.run_id)
            .limit(limit)
        )
        return [Deletion(row.run_id, row.since_us, Stage(row.stage)) for row in self._connection.execute(query)]

    def doomed(self, run_ids: Sequence[str], before_us: int | None) -> set[str]:
        """See Deletions."""
        wanted = DELETIONS.c.stage == int(Stage.GONE)
        if before_us is not None:
            wanted = or_(wanted, DELETIONS.c.stage == int(Stage.BEGUN), _long_ago(before_us))
        query = select(DELETIONS.c.run_id).join_from(DELETIONS, RUNS, DELETIONS.c.run_id == RUNS.c.run_id, isouter=True)
        return set(self._connection.execute(query.where(DELETIONS.c.run_id.in_(run_ids), wanted)).scalars())

    def abandoned_experiments(self, before_us: int, limit: int) -> list[int]:
        """See Deletions."""
        query = select(EXPERIMENTS.c.experiment_id).where(_is_abandoned(before_us))
        return list(self._connection.execute(query.order_by(EXPERIMENTS.c.experiment_id).limit(limit)).scalars())

    def doomed_experiments(self, before_us: int) -> int:
        """See Deletions."""
        query = select(func.count()).select_from(EXPERIMENTS).where(_is_doomed(before_us))
        return self._connection.execute(query).scalar_one()

    def drop_experiment(self, experiment_id: int, before_us: int) -> bool:
        """See Deletions."""
        mine = EXPERIMENTS.c.experiment_id == experiment_id
        query = locked(select(EXPERIMENTS.c.experiment_id).where(mine, _is_abandoned(before_us)), writing=True)
        if self._connection.execute(query).first() is None:
            return False
        for column in _OF_EXPERIMENTS:
            self._connection.execute(delete(column.table).where(column == experiment_id))
        self._connection.execute(delete(EXPERIMENTS).where(mine))
        return True

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
        self._changes.note([run_id])
        self._set_stage(run_id, Stage.GONE)

    def _set_stage(self, run_id: str, stage: Stage) -> None:
        self._connection.execute(update(DELETIONS).where(DELETIONS.c.run_id == run_id).values(stage=int(stage)))


def _long_ago(before_us: int) -> ColumnElement[bool]:
    noted = and_(DELETIONS.c.stage == int(Stage.NOTED), DELETIONS.c.since_us <= before_us)
    return and_(noted, RUNS.c.deleted.is_(True))


def _is_abandoned(before_us: int) -> ColumnElement[bool]:
    within = [
        select(table.c.experiment_id).where(table.c.experiment_id == EXPERIMENTS.c.experiment_id).exists()
        for table in (RUNS, LOGGED_MODELS)
    ]
    return and_(_may_go(before_us), *(~each for each in within))


def _is_doomed(before_us: int) -> ColumnElement[bool]:
    """Whether it is abandoned once all that is due has gone; its logged models are due as it is."""
    going = or_(DELETIONS.c.stage == int(Stage.BEGUN), _long_ago(before_us))
    noted = select(DELETIONS.c.run_id).where(DELETIONS.c.run_id == RUNS.c.run_id, going).correlate(RUNS).exists()
    kept = select(RUNS.c.run_id).where(RUNS.c.experiment_id == EXPERIMENTS.c.experiment_id, ~noted).exists()
    return and_(_may_go(before_us), ~kept)


def _may_go(before_us: int) -> ColumnElement[bool]:
    known = EXPERIMENTS.alias()
    last = select(func.max(known.c.experiment_id)).scalar_subquery()
    long_ago = and_(EXPERIMENTS.c.deleted.is_(True), EXPERIMENTS.c.update_time_us <= before_us)
    return and_(long_ago, EXPERIMENTS.c.experiment_id != last)
