"""A database with data sets in it gets the column of their tags, loses nothing, and takes what older servers write."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.postgres import cluster, opened_postgres, postgres_database
from trackway_server.core.db import migrate
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.tracking.domain.model import DatasetInput
from trackway_server.tracking.module import MIGRATIONS
from trackway_server.tracking.store.sql import SqlTracking

RUN = "a" * 32
INSERT_RUN = "INSERT INTO {}runs VALUES ('{}', 'default', 0, 'old', 3, '', 'ann', 5, 6, '', '', {false}, {false}, 0)"
COLUMNS = "run_id, name, digest, source_type, source, schema, profile, context"
INSERT = "INSERT INTO {}dataset_inputs ({}) VALUES ('{}', '{}', '1', 'code', 's', '{{}}', '', 'training')"


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The migrations up to the one before."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__", "000[4-9]*", "00[1-9]*"))
    assert migrate.head(folder) == "0003_search"
    return folder


async def check(store: SqlTracking) -> None:
    """Both are there, one written before and one after, and new ones have tags."""
    new = DatasetInput("new", "1", tags={"split": "a"})
    await store.write(lambda unit: unit.add_dataset_inputs(RUN, [new]))
    late, added, old = (await store.read(lambda unit: unit.dataset_inputs([RUN])))[RUN]
    assert (late.name, old.name, added) == ("late", "old", new)
    assert (old.context, old.tags, late.tags) == ("training", {}, {})


async def test_on_sqlite(tmp_path: Path, older: Path) -> None:
    path = tmp_path / "tracking.db"

    async def execute(*statements: str) -> None:
        database = open_sqlite(path)
        for statement in statements:
            await database.write(lambda connection, text=statement: connection.exec_driver_sql(text) and None)
        await database.close()

    migrate.upgrade(path, older)
    await execute(INSERT_RUN.format("", RUN, false=0), INSERT.format("", COLUMNS, RUN, "old"))
    migrate.upgrade(path, MIGRATIONS)
    await execute(INSERT.format("", COLUMNS, RUN, "late"))
    database = open_sqlite(path)
    await check(SqlTracking(database))
    await database.close()


async def test_on_postgresql(older: Path) -> None:
    with postgres_database(migrated=False) as url:
        name = url.rpartition("/")[2]
        assert migrate.upgrade_postgres(url, "tracking", older)
        cluster().execute(INSERT_RUN.format("tracking.", RUN, false="false"), name)
        cluster().execute(INSERT.format("tracking.", COLUMNS, RUN, "old"), name)
        assert migrate.upgrade_postgres(url, "tracking", MIGRATIONS)
        cluster().execute(INSERT.format("tracking.", COLUMNS, RUN, "late"), name)
        async with opened_postgres("tracking", url) as database:
            await check(SqlTracking(database))
