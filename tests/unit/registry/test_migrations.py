"""The migrations make exactly the tables that the store uses."""

from __future__ import annotations

from pathlib import Path

from trackway_server.core.db import migrate
from trackway_server.registry.module import MIGRATIONS
from trackway_server.registry.store.tables import METADATA


def test_migrations_make_the_tables(tmp_path: Path) -> None:
    assert migrate.check(MIGRATIONS, METADATA, tmp_path / "registry.db") == []


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    migrate.upgrade(path, MIGRATIONS)
    migrate.upgrade(path, MIGRATIONS)
    assert migrate.current(path) == migrate.head(MIGRATIONS)
