"""Registries for tests: over every store, with files that are simply there."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from support.postgres import opened_postgres
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.registry.domain.feed import EventFeed, FeedLimits
from trackway_server.registry.domain.manifest import Manifest, ManifestEntry, manifest_of
from trackway_server.registry.domain.model import (
    Change,
    ModelDraft,
    ModelKey,
    ModelVersion,
    RegisteredModel,
    VersionDraft,
    VersionKey,
)
from trackway_server.registry.domain.pages import Asked, Page
from trackway_server.registry.domain.ports import Credentials, RegistryStore
from trackway_server.registry.domain.registry import Registry
from trackway_server.registry.domain.search import MODELS, VERSIONS
from trackway_server.registry.domain.source import LoggedModelSource, StoredSource, source_invalid
from trackway_server.registry.module import MIGRATIONS, following
from trackway_server.registry.store.memory import MemoryRegistryStore
from trackway_server.registry.store.sql import SqlRegistryStore

STORES = ("memory", "sqlite", "postgres")
RUN_ID = "0123456789abcdef0123456789abcdef"
SOURCE = f"runs:/{RUN_ID}/model"
EVERY = Asked(100)


@asynccontextmanager
async def open_store(kind: str, folder: Path) -> AsyncIterator[RegistryStore]:
    """An empty store; afterwards no connection is left open."""
    if kind == "memory":
        yield MemoryRegistryStore()
        return
    if kind == "postgres":
        async with opened_postgres("registry") as postgres:
            yield SqlRegistryStore(postgres)
        return
    path = folder / "registry.db"
    upgrade(path, MIGRATIONS)
    database = open_sqlite(path)
    try:
        yield SqlRegistryStore(database)
    finally:
        await database.close()
        assert database.open_connections == 0


def manifest(*files: tuple[str, bytes]) -> Manifest:
    """The manifest of these files; of one small model by default."""
    entries = [
        ManifestEntry(path, f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))
        for path, data in files or (("MLmodel", b"flavors: {}\n"), ("data/model.pkl", b"\x80\x05"))
    ]
    ordered = sorted(entries, key=lambda entry: entry.path.encode())
    text = "".join(f"{entry.digest} {entry.size_bytes} {entry.path}\n" for entry in ordered)
    return manifest_of(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}", entries)


class FilesThere:
    """A source of models in which every folder of one run holds the same small model."""

    async def run_behind(self, source: LoggedModelSource, workspace: str, credentials: Credentials) -> str:
        """See SourceOfModels."""
        return ""

    async def pin(self, source: StoredSource, workspace: str, credentials: Credentials) -> Manifest:
        """See SourceOfModels."""
        if isinstance(source, LoggedModelSource) or source.run_id != RUN_ID:
            raise source_invalid(source.uri, "has no files")
        return manifest((source.path, b"bytes"))


@dataclass
class World:
    """A registry and short ways to use it."""

    store: RegistryStore
    registry: Registry
    feed: EventFeed
    times: Iterator[int] = field(default_factory=lambda: count(1_000))

    def change(self, reason: str = "", actor: str = "ada") -> Change:
        """A change one microsecond after the one before."""
        return Change(actor, reason, next(self.times))

    async def model(self, name: str = "digits", **tags: str) -> ModelKey:
        """Make a model."""
        key = ModelKey("default", name)
        await self.registry.create_model(ModelDraft(key, "", tags), self.change())
        return key

    async def version(self, model: ModelKey, request_id: str = "", **tags: str) -> ModelVersion:
        """Make a version."""
        draft = VersionDraft(model, SOURCE, "", tags, request_id)
        return await self.registry.create_version(draft, self.change(), ())

    async def models(self, asked: Asked = EVERY, filter_text: str = "") -> Page[RegisteredModel]:
        """A page of the models, by name."""
        return await self.registry.search_models("default", MODELS.search(filter_text, (), 0), asked)

    async def versions(self, model: ModelKey, asked: Asked = EVERY, filter_text: str = "") -> Page[ModelVersion]:
        """A page of the versions, greatest number first."""
        search = VERSIONS.search(filter_text, ("version_number DESC",), 0)
        return await self.registry.search_versions(model, search, asked)


def number(model: ModelKey, value: int) -> VersionKey:
    """The key of a version."""
    return VersionKey(model, value)


@asynccontextmanager
async def open_world(store: RegistryStore, limits: FeedLimits | None = None) -> AsyncIterator[World]:
    """A registry over the store, with its feed running."""
    async with following(EventFeed(store, limits)) as feed:
        yield World(store, Registry(store, FilesThere(), feed), feed)
