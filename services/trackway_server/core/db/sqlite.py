"""SQLite behind the Database port: one writer thread that commits in groups, and a few reader threads.

An acknowledged write survives power loss (WAL, `synchronous=FULL`), so a commit costs an fsync. Writes that arrive
while one is under way share the next: each runs in a savepoint of its own, one COMMIT makes them durable together.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from trackway_server.core.db.sqlite_errors import Refusals
from trackway_server.core.db.sqlite_worker import Job, Jobs, OnCommit, Reader, Worker, Writer
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.lifecycle import StartupError

P = ParamSpec("P")
T = TypeVar("T")

WAITING_WRITES = 1024
BUSY_TIMEOUT_MS = 10_000
# A checkpoint syncs the database file; at SQLite's default every fourth commit of 1 MiB would pay for one.
CHECKPOINT_PAGES = 8192
JOURNAL_SIZE_LIMIT = 128 << 20

PRAGMAS = (
    # First, since it takes effect only where nothing is in the file yet: what is deleted can then be given back to the
    # file system in small steps (`incremental_vacuum`). Older files only use the room again.
    "PRAGMA auto_vacuum=INCREMENTAL",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}",
    f"PRAGMA journal_size_limit={JOURNAL_SIZE_LIMIT}",
)


WRITER_CACHE_KIB = 64 << 10
"""A transaction that changes more pages than its cache holds writes some of them several times."""


def open_sqlite(path: Path, *, readers: int = 2) -> SqliteDatabase:
    """Open the database file, made if it is not there, with one writing and `readers` reading connections.

    Raises StartupError where the file cannot be opened as a database. The caller closes what this returns.
    """
    engine = sqlite_engine(path)
    connections: list[Connection] = []
    try:
        connections.extend(engine.connect() for _ in range(1 + readers))
        prepare_writer(connections[0])
    except DBAPIError as error:
        for connection in connections:
            connection.close()
        raise StartupError(f"cannot open the database {path}: {error.orig}") from error
    return SqliteDatabase(path, connections[0], connections[1:])


def sqlite_engine(path: Path) -> Engine:
    """An engine whose connections have our pragmas and leave BEGIN to us; not pooled."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )
    event.listen(engine, "connect", _set_pragmas)
    return engine


def prepare_writer(connection: Connection) -> None:
    """Give a connection what one that writes much needs."""
    connection.exec_driver_sql(f"PRAGMA cache_size=-{WRITER_CACHE_KIB}").close()
    connection.rollback()  # SQLAlchemy's own idea of a transaction


def _set_pragmas(driver: Any, _record: object) -> None:
    for pragma in PRAGMAS:
        driver.execute(pragma).close()
    driver.create_function("rlike", 3, _matches, deterministic=True)


def _matches(operator: str, pattern: str, text: str) -> bool:
    """Patterns that SQLite does not know, in linear time: see core/search/sql.py."""
    # Loaded where it is used: not at a server's start.
    from trackway_server.core.search.patterns import matcher
    from trackway_server.core.search.syntax import Operator

    return matcher(Operator(operator), pattern)(text)


class SqliteDatabase:
    """The Database port on one SQLite file. Made by `open_sqlite`; owns the connections."""

    def __init__(self, path: Path, writer: Connection, readers: list[Connection]) -> None:
        refusals = Refusals(path)
        self._writes = Jobs()
        self._reads = Jobs()
        self._waiting = asyncio.Semaphore(WAITING_WRITES)
        self._connections = [writer, *readers]
        self._closed = False
        self._writer = Writer(writer, self._writes, refusals)
        workers: list[Worker] = [self._writer]
        workers += [Reader(reader, self._reads, refusals) for reader in readers]
        self._threads = [
            threading.Thread(target=worker.run, name=f"{path.stem}-{number}", daemon=True)
            for number, worker in enumerate(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def open_connections(self) -> int:
        """How many connections are open; 0 after `close()`."""
        return sum(not connection.closed for connection in self._connections)

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See Database."""
        return await self._submit(self._reads, lambda connection: work(connection, *args, **kwargs))

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See Database. At most 1,024 writes wait their turn; beyond that the caller waits to submit."""
        async with self._waiting:
            return await self._submit(self._writes, lambda connection: work(connection, *args, **kwargs))

    def tell_of_commits(self, told: OnCommit) -> None:
        """Have `told` called after every COMMIT from now on, in the writer's thread."""
        self._writer.on_commit = told

    async def close(self) -> None:
        """See Database. Closing twice is without effect."""
        if not self._closed:
            self._closed = True
            self._writes.put(None)
            for _ in self._threads[1:]:
                self._reads.put(None)
        await asyncio.shield(asyncio.to_thread(self._finish))

    async def _submit(self, jobs: Jobs, work: Callable[[Connection], T]) -> T:
        if self._closed:
            raise DomainError(Reason.SHUTTING_DOWN, "The server is shutting down; try again.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        jobs.put(Job(work, loop, future))
        return await future

    def _finish(self) -> None:
        for thread in self._threads:
            thread.join()
        for connection in self._connections:
            connection.close()
