"""The migrations make exactly the tables that the store uses, and the `Default` experiment."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from trackway_server.core.db import migrate
from trackway_server.tracking.module import MIGRATIONS
from trackway_server.tracking.store.tables import METADATA


def test_migrations_make_the_tables(tmp_path: Path) -> None:
    assert migrate.check(MIGRATIONS, METADATA, tmp_path / "tracking.db") == []


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tracking.db"
    migrate.upgrade(path, MIGRATIONS)
    migrate.upgrade(path, MIGRATIONS)
    assert migrate.current(path) == migrate.head(MIGRATIONS)
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT experiment_id, workspace, name, deleted FROM experiments").fetchall()
    assert rows == [(0, "default", "Default", 0)]
