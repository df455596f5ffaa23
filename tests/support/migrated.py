"""SQLite files at head, migrated once a test process and copied from then on: the migrations of every test's own empty
file and of every server's took a tenth of the suite, to make the same tables.

What a copy is of is made by the migrations themselves, and a database that exists is migrated as ever. Servers in
processes of their own migrate for themselves, but for LocalServer's, whose data directory is laid out before the first
start.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import trackway_server
from trackway.testing import LocalServer
from trackway_server.core.db import alembic_env

SERVER = Path(trackway_server.__file__).parent
SERVICES = sorted(path.parent.parent.name for path in SERVER.glob("*/migrations/env.py"))


class MigratedOnce:
    """Files at head in a folder of their own, made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._migrate = alembic_env.run_upgrade
        self._making = threading.Lock()

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """In the block, what would migrate an empty file gets a copy, and so does what a LocalServer finds."""
        launch = LocalServer._launch

        def launch_on_copies(server: LocalServer) -> None:
            self._lay_out(server)
            launch(server)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(alembic_env, "run_upgrade", self._upgrade)
            patched.setattr(LocalServer, "_launch", launch_on_copies)
            yield

    def _upgrade(self, database: Path, script_location: Path, revision: str = "head") -> None:
        service = script_location.parent.name
        is_service = script_location == SERVER / service / "migrations"
        if is_service and revision == "head" and not database.exists():
            shutil.copyfile(self._template(service), database)
        else:
            self._migrate(database, script_location, revision)

    def _lay_out(self, server: LocalServer) -> None:
        folder = server.data_dir
        if folder.exists() or any("database-url" in one.lower().replace("_", "-") for one in _told(server)):
            return
        folder.mkdir(mode=0o700, parents=True)
        for service in SERVICES:
            copied = shutil.copyfile(self._template(service), folder / f"{service}.db")
            copied.chmod(0o600)  # as the server makes them

    def _template(self, service: str) -> Path:
        path = self._folder / f"{service}.db"
        with self._making:  # servers migrate on threads
            if not path.exists():
                self._migrate(path, SERVER / service / "migrations")
        return path


def _told(server: LocalServer) -> list[str]:
    return [*server._arguments, *server._environment]
