"""Metrics of versions in SQL: their transactions lock nothing of the log of events, which they do not change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, select

from trackway_server.core.db.database import Database
from trackway_server.metrics.store.sql import SqlMetricUnit
from trackway_server.registry.domain.model import ModelKey, VersionKey
from trackway_server.registry.domain.monitoring import MonitoringUnit, VersionRecords
from trackway_server.registry.store.sql import SqlTransaction
from trackway_server.registry.store.sql_load import of_version, same_version, version_parameters
from trackway_server.registry.store.tables import METRICS, VERSION_SUBJECTS, VERSIONS

T = TypeVar("T")

_FIND = select(VERSION_SUBJECTS.c.subject_id).where(of_version(VERSION_SUBJECTS))


class SqlMonitoring:
    """Transactions[MonitoringUnit] over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, work: Callable[[MonitoringUnit], T]) -> T:
        """See Transactions."""
        return await self._database.read(_in_unit, work, writing=False)

    async def write(self, work: Callable[[MonitoringUnit], T]) -> T:
        """See Transactions."""
        return await self._database.write(_in_unit, work, writing=True)


def _in_unit(connection: Connection, work: Callable[[MonitoringUnit], T], *, writing: bool) -> T:
    return work(SqlMonitoringUnit(connection, writing=writing))


class SqlMonitoringUnit:
    """See MonitoringUnit."""

    def __init__(self, connection: Connection, *, writing: bool) -> None:
        self.metrics = SqlMetricUnit(connection, METRICS, writing=writing)
        self.subjects = VersionRecords(self)
        self.registry = SqlTransaction(connection)
        self.version_subjects = SqlVersionSubjects(connection, writing=writing)


class SqlVersionSubjects:
    """See VersionSubjects."""

    def __init__(self, connection: Connection, *, writing: bool) -> None:
        self._connection = connection
        self._writing = writing

    def find(self, key: VersionKey) -> str | None:
        """See VersionSubjects."""
        found: str | None = self._connection.execute(_FIND, version_parameters(key)).scalar()
        return found

    def add(self, key: VersionKey, subject_id: str) -> None:
        """See VersionSubjects."""
        row = {
            "subject_id": subject_id,
            "workspace": key.model.workspace,
            "name": key.model.name,
            "version": key.number,
        }
        self._connection.execute(VERSION_SUBJECTS.insert().values(row))

    def is_live(self, subject_id: str) -> bool:
        """See VersionSubjects."""
        query = (
            select(VERSIONS.c.version)
            .join(VERSION_SUBJECTS, same_version(VERSIONS, VERSION_SUBJECTS))
            .where(VERSION_SUBJECTS.c.subject_id == subject_id)
        )
        if self._writing:  # held until the end: the version is deleted after this, or before; others may change it
            query = query.with_for_update(read=True, key_share=True, of=VERSIONS)
        return self._connection.execute(query).first() is not None

    def name(self, subject_id: str) -> VersionKey:
        """See VersionSubjects."""
        query = select(VERSION_SUBJECTS).where(VERSION_SUBJECTS.c.subject_id == subject_id)
        row = self._connection.execute(query).one()
        return VersionKey(ModelKey(row.workspace, row.name), row.version)

    def deleted(self, limit: int) -> list[str]:
        """See VersionSubjects."""
        query = (
            select(VERSION_SUBJECTS.c.subject_id)
            .outerjoin(VERSIONS, same_version(VERSIONS, VERSION_SUBJECTS))
            .where(VERSIONS.c.version.is_(None))
            .limit(limit)
        )
        return list(self._connection.execute(query).scalars())

    def forget(self, subject_id: str) -> None:
        """See VersionSubjects."""
        self._connection.execute(VERSION_SUBJECTS.delete().where(VERSION_SUBJECTS.c.subject_id == subject_id))
