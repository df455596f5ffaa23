"""What was planted in the database is refused when it is used, whoever put it there and however."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from support.registry_worlds import RUN_ID, World, manifest, open_world
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.sqlite import SqliteDatabase, open_sqlite
from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.model import ModelKey
from trackway_server.registry.domain.resolve import Selector
from trackway_server.registry.module import MIGRATIONS
from trackway_server.registry.store.sql import SqlRegistryStore
from trackway_server.registry.store.tables import MANIFESTS, VERSIONS


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    path = tmp_path / "registry.db"
    upgrade(path, MIGRATIONS)
    database = open_sqlite(path)
    yield database
    await database.close()


@pytest.fixture
async def world(database: SqliteDatabase) -> AsyncIterator[World]:
    async with open_world(SqlRegistryStore(database)) as world:
        await world.version(await world.model())
        yield world


async def why_refused(world: World) -> Reason:
    with pytest.raises(DomainError) as refused:
        await world.registry.resolve(ModelKey("default", "digits"), Selector(stage="latest"))
    return refused.value.reason


@pytest.mark.parametrize(
    "source",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        f"runs:/{RUN_ID}/../../etc",
        f"runs:/{RUN_ID}/%2e%2e/etc",
        f"runs:/{RUN_ID}/model#/../..",
        f"runs:/{'f' * 32}/model",
    ],
)
async def test_a_planted_source_does_not_resolve(world: World, database: SqliteDatabase, source: str) -> None:
    def plant(connection: Connection) -> None:
        connection.execute(update(VERSIONS).values(source=source))

    await database.write(plant)
    assert await why_refused(world) is Reason.SOURCE_INVALID


async def test_a_planted_file_does_not_resolve(world: World, database: SqliteDatabase) -> None:
    def plant(connection: Connection) -> None:
        connection.execute(update(MANIFESTS).values(content=manifest(("MLmodel", b"evil")).content))

    await database.write(plant)
    assert await why_refused(world) is Reason.DIGEST_MISMATCH


async def test_planted_text_that_is_no_manifest_does_not_resolve(world: World, database: SqliteDatabase) -> None:
    def plant(connection: Connection) -> None:
        connection.execute(update(MANIFESTS).values(content=b"\xff nonsense\n"))

    await database.write(plant)
    assert await why_refused(world) is Reason.DIGEST_MISMATCH


async def test_a_planted_digest_does_not_resolve(world: World, database: SqliteDatabase) -> None:
    def plant(connection: Connection) -> None:
        connection.execute(update(VERSIONS).values(manifest_digest=manifest(("other", b"")).digest))

    await database.write(plant)
    assert await why_refused(world) is Reason.DIGEST_MISMATCH
