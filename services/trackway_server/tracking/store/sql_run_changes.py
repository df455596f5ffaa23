"""Which runs changed since when: what copies of runs in memory are brought up to date by, in every replica.

A transaction that changes what is searched or shown of runs notes their ids under one stamp. In SQLite, which has one
writer, stamps are counted; in PostgreSQL they are the numbers of the transactions, which do not commit in that order: a
reader begins where the oldest was that had not ended when it read, and so meets some changes twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Text, cast, delete, func, literal, select

from trackway_server.core.db.inserts import insert_new
from trackway_server.tracking.domain.change_log import ChangedRuns
from trackway_server.tracking.store.tables import RUN_CHANGES

ALL_RUNS = "*"
_MARK = ""
_LAST_STAMP = select(func.coalesce(func.max(RUN_CHANGES.c.stamp), literal(0)))
_KEPT = 20_000
"""Changes that are kept at least, for readers who come seldom."""


class SqlRunChanges:
    """ChangeLog, within the transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_postgres = connection.dialect.name == "postgresql"
        self._noted: set[str] = set()

    def note(self, run_ids: Iterable[str]) -> None:
        """See ChangeLog. Written down by `store`."""
        self._noted.update(run_ids)

    def note_all(self) -> None:
        """See ChangeLog."""
        self._noted.add(ALL_RUNS)

    def store(self) -> None:
        """Write down what was noted; the last a transaction does."""
        if self._noted:
            stamp = self._own_stamp()
            rows = [{"stamp": stamp, "run_id": run_id} for run_id in sorted(self._noted)]
            self._connection.execute(insert_new(self._connection.dialect.name, RUN_CHANGES), rows)
            self._noted.clear()

    def horizon(self) -> int:
        """See ChangeLog: a stamp that all later changes have, or one after it."""
        if self._is_postgres:
            oldest = func.pg_snapshot_xmin(func.pg_current_snapshot())
            return self._connection.execute(select(_number(oldest))).scalar_one()
        return self._next_stamp()

    def since(self, horizon: int, limit: int) -> ChangedRuns | None:
        """See ChangeLog."""
        stamp, run_id = RUN_CHANGES.c.stamp, RUN_CHANGES.c.run_id
        first = self._connection.execute(select(func.min(stamp))).scalar()
        if first is None or first > horizon:
            return None
        query = select(run_id).where(stamp >= horizon, run_id != _MARK).distinct().limit(limit + 1)
        found = frozenset(self._connection.execute(query).scalars())
        return None if len(found) > limit else ChangedRuns(found - {ALL_RUNS}, ALL_RUNS in found)

    def trim(self) -> None:
        """Forget what is long ago."""
        stamp = RUN_CHANGES.c.stamp
        last = self.horizon()
        if self._is_postgres and (self._connection.execute(select(func.max(stamp))).scalar() or 0) > self._own_stamp():
            # Stamps of another cluster, of which this database is a copy: they would never be past.
            self._connection.execute(delete(RUN_CHANGES))
            self._mark(last)
            return
        oldest_kept = select(stamp).order_by(stamp.desc()).limit(1).offset(_KEPT)
        oldest = self._connection.execute(oldest_kept).scalar()
        if oldest is not None and oldest > 0:
            self._connection.execute(delete(RUN_CHANGES).where(stamp < oldest))
            self._mark(oldest)

    def _mark(self, stamp: int) -> None:
        insert = insert_new(self._connection.dialect.name, RUN_CHANGES)
        self._connection.execute(insert, [{"stamp": stamp, "run_id": _MARK}])

    def _own_stamp(self) -> int:
        if self._is_postgres:
            return self._connection.execute(select(_number(func.pg_current_xact_id()))).scalar_one()
        return self._next_stamp()

    def _next_stamp(self) -> int:
        return int(self._connection.execute(_LAST_STAMP).scalar_one()) + 1


def _number(transaction: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(cast(transaction, Text), BigInteger)
