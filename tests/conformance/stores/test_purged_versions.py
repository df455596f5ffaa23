"""A deleted version leaves nothing of its metrics, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from support.postgres import opened_postgres
from support.registry_worlds import open_world
from trackway_server.core.db.database import Database
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.ids import new_id
from trackway_server.metrics.domain.records import Opening
from trackway_server.metrics.domain.session import open_named
from trackway_server.registry.domain.monitoring import MonitoringUnit, subject_of
from trackway_server.registry.module import MIGRATIONS
from trackway_server.registry.purging import VersionPurger
from trackway_server.registry.store.sql import SqlRegistryStore
from trackway_server.registry.store.sql_monitoring import SqlMonitoring
from trackway_server.registry.store.tables import METRICS, VERSION_SUBJECTS


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with AsyncExitStack() as stack:
        if request.param == "postgres":
            yield await stack.enter_async_context(opened_postgres("registry"))
            return
        upgrade(tmp_path / "registry.db", MIGRATIONS)
        sqlite = open_sqlite(tmp_path / "registry.db")
        stack.push_async_callback(sqlite.close)
        yield sqlite


async def opened(store: SqlMonitoring, name: str) -> str:
    """Open a writer of a version; where its metrics stand."""
    writer = Opening(new_id(), name, "admin", "default", 1)
    found = await store.write(lambda unit: open_named(None, unit, writer, 1))
    return found.cursor.subject_id


async def test_only_what_deleted_versions_left_is_removed(database: Database) -> None:
    store = SqlMonitoring(database)
    async with open_world(SqlRegistryStore(database)) as world:
        digits, letters = await world.model("digits"), await world.model("letters")
        kept, gone = (await world.version(digits)).key, (await world.version(digits)).key
        gone_with_its_model = (await world.version(letters)).key
        subjects = [await opened(store, name) for name in ("digits/1", "digits/2", "letters/1")]
        assert await opened(store, "digits/2") == subjects[1]
        assert await VersionPurger(store).purge() == 0
        await world.registry.delete_version(gone, "", world.change())
        await world.registry.delete_model(letters, "", world.change())
        assert await VersionPurger(store).purge() == 2
        assert await VersionPurger(store).purge() == 0

        def work(unit: MonitoringUnit) -> None:
            assert subject_of(unit, kept) == subjects[0]
            left = [len(unit.metrics.writers(subject_id, "", 10)) for subject_id in subjects]
            assert left == [1, 0, 0]
            assert unit.version_subjects.find(gone) is unit.version_subjects.find(gone_with_its_model) is None

        await store.read(work)
        with pytest.raises(DomainError) as refused:
            await opened(store, "digits/2")
        assert refused.value.reason is Reason.MODEL_VERSION_NOT_FOUND


async def test_versions_are_opened_and_deleted_beside_one_another(database: Database) -> None:
    """Whoever comes first, nothing is left of what is deleted."""
    store = SqlMonitoring(database)
    async with open_world(SqlRegistryStore(database)) as world:
        digits = await world.model("digits")
        keys = [(await world.version(digits)).key for _ in range(12)]
        purger = VersionPurger(store)

        async def write(number: int) -> None:
            with suppress(DomainError):
                for _ in range(10):
                    await opened(store, f"digits/{number}")

        deletions = (world.registry.delete_version(key, "", world.change()) for key in keys)
        writes = (write(key.number) for key in keys)
        await asyncio.gather(*writes, *deletions, *(purger.purge() for _ in range(3)))
        await purger.purge()
        assert await database.read(_rows_left) == 0


def _rows_left(connection: Connection) -> int:
    tables = (VERSION_SUBJECTS, METRICS.writers)
    return sum(int(connection.execute(select(func.count()).select_from(table)).scalar_one()) for table in tables)
