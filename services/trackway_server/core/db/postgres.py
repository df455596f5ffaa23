"""PostgreSQL behind the Database port: SQLAlchemy's asynchronous engine on psycopg 3, a transaction a store function.

Commits are as durable as the server is set to make them; `synchronous_commit` is left as it is (on), so that an
acknowledged write survives power loss. A warning tells where it is off.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import structlog
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from trackway_server.core.db.postgres_engine import PostgresLimits, begin_statement, connect_arguments
from trackway_server.core.db.postgres_errors import CommitLost, connection_lost, refusal, repeatable
from trackway_server.core.errors import DomainError, Reason

P = ParamSpec("P")
T = TypeVar("T")

LOG = structlog.get_logger(__name__)

REPEATS = 12
"""How often a store function is run again for what other transactions did."""
RECONNECT_SECONDS = 5.0
"""How long a store function waits for a database that is not there: a restart is a pause, not a refusal."""
LEAST_PAUSE, GREATEST_PAUSE = 0.005, 0.5


def open_postgres(url: URL, schema: str, limits: PostgresLimits | None = None) -> PostgresDatabase:
    """The database behind the URL, its tables in `schema`; connected to when first used. The caller closes it."""
    limits = limits or PostgresLimits()
    engine = create_async_engine(
        url,
        connect_args=connect_arguments(url, schema),
        pool_size=limits.connections,
        max_overflow=0,
        use_native_hstore=False,
    )
    return PostgresDatabase(engine, schema, limits)


class PostgresDatabase:
    """The Database port on one schema. Made by `open_postgres`; owns the pool."""

    def __init__(self, engine: AsyncEngine, schema: str, limits: PostgresLimits) -> None:
        self._engine = engine
        self._schema = schema
        self._limits = limits
        self._begin_read = begin_statement(schema, limits, writing=False)
        self._begin_write = begin_statement(schema, limits, writing=True)
        self._slots = asyncio.Semaphore(limits.connections)
        self._running: set[asyncio.Task[object]] = set()
        self._closed = False
        self._connections = 0
        event.listen(engine.sync_engine, "connect", self._connected)
        for name in ("close", "close_detached"):
            event.listen(engine.sync_engine, name, self._disconnected)

    @property
    def open_connections(self) -> int:
        """How many connections are open; 0 after `close()`."""
        return self._connections

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See Database."""
        return await self._submit(self._begin_read, lambda connection: work(connection, *args, **kwargs))

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See Database."""
        return await self._submit(self._begin_write, lambda connection: work(connection, *args, **kwargs))

    async def close(self) -> None:
        """See Database. Closing twice is without effect."""
        if not self._closed:
            self._closed = True
            await asyncio.shield(self._finish())

    async def _submit(self, begin: str, work: Callable[[Connection], T]) -> T:
        """Run `work` in a task of its own: a caller who is cancelled leaves, and commit or rollback still happen."""
        if self._closed:
            raise DomainError(Reason.SHUTTING_DOWN, "The server is shutting down; try again.")
        await self._slots.acquire()
        task = asyncio.create_task(self._persist(begin, work))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        self._slots.release()
        if not task.cancelled():
            task.exception()  # seen, also where the caller has left

    async def _persist(self, begin: str, work: Callable[[Connection], T]) -> T:
        """Run `work` until it has succeeded, is refused, or has been tried for long enough."""
        clock = asyncio.get_running_loop().time
        lost_at, repeats = math.inf, 0
        while True:
            try:
                return await self._transaction(begin, work)
            except Exception as error:
                lost = connection_lost(error)
                repeats += 1
                if lost:
                    lost_at = min(lost_at, clock())
                    again = clock() < lost_at + RECONNECT_SECONDS and not self._closed
                else:
                    again = repeatable(error) and repeats <= REPEATS
                if not again:
                    raise refusal(error, self._schema, reading=begin is self._begin_read) from error
            if repeats > 1 or not lost:  # a connection that was stale in the pool is replaced at once
                await asyncio.sleep(_pause(repeats))

    async def _transaction(self, begin: str, work: Callable[[Connection], T]) -> T:
        async with self._engine.connect() as connection:
            return await connection.run_sync(_in_transaction, begin, work)

    async def _finish(self) -> None:
        for _ in range(self._limits.connections):  # first come, first served: what was submitted runs before
            await self._slots.acquire()
        await self._engine.dispose()

    def _connected(self, _driver: object, _record: object) -> None:
        self._connections += 1

    def _disconnected(self, _driver: object, *_record: object) -> None:
        self._connections -= 1


def _in_transaction(connection: Connection, begin: str, work: Callable[[Connection], T]) -> T:
    connection.exec_driver_sql(begin)
    try:
        result = work(connection)
    except BaseException:
        if not connection.invalidated:
            connection.rollback()
        raise
    try:
        connection.commit()
    except DBAPIError as error:
        if connection_lost(error):
            LOG.error("database_lost_in_commit", text=str(error.orig).strip())
            raise CommitLost from error
        raise
    return result


def _pause(repeats: int) -> float:
    """Longer each time, and never the same for two that have met."""
    longest = min(LEAST_PAUSE * 2**repeats, GREATEST_PAUSE)
    return random.uniform(longest / 2, longest)  # noqa: S311 - spread, not secret
