"""A database with runs in it gets the table of console pages and loses nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.postgres import cluster, opened_postgres, postgres_database
from trackway_server.core.db import migrate
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.tracking.domain.console import ConsoleBlock, store_console
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.module import MIGRATIONS
from trackway_server.tracking.store.sql import SqlTracking

RUN, WRITER = "a" * 32, "b" * 32
INSERT = "INSERT INTO {}runs VALUES ('{}', 'default', 0, 'old', 3, '', 'ann', 5, 6, '', '', {false}, {false}, 0)"


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The migrations up to the one before."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__", "000[2-9]*", "00[1-9]*"))
    assert migrate.head(folder) == "0001"
    return folder


async def check(store: SqlTracking) -> None:
    """The run is there and takes lines."""

    def write(unit: TrackingUnit) -> str:
        store_console(unit.console, RUN, WRITER, [ConsoleBlock(1, "line", 1, "", 5, 0, 0, 0, 7)])
        found = unit.run(RUN)
        assert found is not None
        return found.name

    assert await store.write(write) == "old"
    (page,) = await store.read(lambda unit: unit.console.pages_after(WRITER, -1, 9))
    assert page.blocks[0].text == "line"


async def test_on_sqlite(tmp_path: Path, older: Path) -> None:
    path = tmp_path / "tracking.db"
    migrate.upgrade(path, older)
    database = open_sqlite(path)
    await database.write(lambda connection: connection.exec_driver_sql(INSERT.format("", RUN, false=0)) and None)
    await database.close()
    migrate.upgrade(path, MIGRATIONS)
    database = open_sqlite(path)
    await check(SqlTracking(database))
    await database.close()


async def test_on_postgresql(older: Path) -> None:
    with postgres_database(migrated=False) as url:
        assert migrate.upgrade_postgres(url, "tracking", older)
        cluster().execute(INSERT.format("tracking.", RUN, false="false"), url.rpartition("/")[2])
        assert migrate.upgrade_postgres(url, "tracking", MIGRATIONS)
        async with opened_postgres("tracking", url) as database:
            await check(SqlTracking(database))
