"""The adapters of the artifact index, and shorthands for what stands in it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from support.postgres import opened_postgres
from trackway_server.artifacts.domain.artifacts import Artifact, Owner
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.paths import ArtifactPath
from trackway_server.artifacts.domain.ports import ArtifactIndex
from trackway_server.artifacts.module import MIGRATIONS
from trackway_server.artifacts.store.index_memory import MemoryArtifactIndex
from trackway_server.artifacts.store.index_sql import SqlArtifactIndex
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.sqlite import open_sqlite

ADAPTERS = ("memory", "sqlite", "postgres")
OWNER = Owner("default", "runs/" + "a" * 32)
OTHER = Owner("default", "runs/" + "b" * 32)
ELSEWHERE = Owner("elsewhere", OWNER.name)


@asynccontextmanager
async def open_index(adapter: str, folder: Path) -> AsyncIterator[ArtifactIndex]:
    """An empty index; leaving the block asserts that no connection leaked."""
    if adapter == "memory":
        yield MemoryArtifactIndex()
        return
    if adapter == "postgres":
        async with opened_postgres("artifacts") as postgres:
            yield SqlArtifactIndex(postgres)
        return
    upgrade(folder / "artifacts.db", MIGRATIONS)
    database = open_sqlite(folder / "artifacts.db")
    try:
        yield SqlArtifactIndex(database)
    finally:
        await database.close()
    assert database.open_connections == 0


def artifact(path: str, content: str = "x", owner: Owner = OWNER, time: int = 1) -> Artifact:
    """A file with that content."""
    digest = Digest.of_hex(hashlib.sha256(content.encode()).hexdigest())
    return Artifact(owner, ArtifactPath(path), digest, len(content), time)


async def put_all(index: ArtifactIndex, *paths: str, owner: Owner = OWNER) -> None:
    await asyncio.gather(*(index.put(artifact(path, content=path, owner=owner)) for path in paths))
