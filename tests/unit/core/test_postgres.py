"""The PostgreSQL database: transactions, repetition, refusals, cancellation, lost connections, close."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, func, insert, select, text, update
from sqlalchemy.exc import ProgrammingError

from support.postgres import Cluster, cluster, postgres_database
from trackway_server.core.db.postgres import PostgresDatabase, open_postgres
from trackway_server.core.db.postgres_engine import PostgresLimits, postgres_url, shown
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.lifecycle import StartupError

METADATA = MetaData()
THINGS = Table("things", METADATA, Column("id", Integer, primary_key=True, autoincrement=False), Column("data", Text))
QUICK = PostgresLimits(connections=4, statement_timeout_ms=300, lock_timeout_ms=100)


@pytest.fixture
def url() -> Iterator[str]:
    with postgres_database(migrated=False) as url:
        cluster().execute("CREATE SCHEMA toys", url.rpartition("/")[2])
        yield url


@asynccontextmanager
async def opened(url: str, limits: PostgresLimits | None = None) -> AsyncIterator[PostgresDatabase]:
    database = open_postgres(postgres_url(url), "toys", limits)
    try:
        yield database
    finally:
        await database.close()
    assert database.open_connections == 0


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    async with opened(url) as database:
        await database.write(METADATA.create_all)
        yield database


def add(connection: Connection, number: int, data: str = "") -> int:
    connection.execute(insert(THINGS).values(id=number, data=data))
    return number


def ids(connection: Connection) -> list[int]:
    return list(connection.scalars(select(THINGS.c.id).order_by(THINGS.c.id)))


def sleep(connection: Connection, seconds: float) -> None:
    connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


async def refused(reason: Reason, database: PostgresDatabase, work, *arguments) -> None:
    with pytest.raises(DomainError) as caught:
        await database.write(work, *arguments)
    assert caught.value.reason is reason
    assert not any(word in caught.value.message.lower() for word in ("psycopg", "postgres", "sql", "canceling"))


async def test_what_is_written_is_read_and_what_raises_is_undone(database: PostgresDatabase) -> None:
    def fail(connection: Connection) -> None:
        add(connection, 2)
        raise ValueError

    assert await database.write(add, 1) == 1
    with pytest.raises(ValueError):
        await database.write(fail)
    with pytest.raises(ProgrammingError):  # a defect of the store is not dressed up
        await database.write(lambda connection: connection.execute(text("SELECT nonsense")))
    assert await database.read(ids) == [1]


async def test_every_transaction_brings_its_own_settings_and_leaves_none(database: PostgresDatabase) -> None:
    """So a pooler may hand each transaction another session."""

    def settings(connection: Connection) -> list[str]:
        names = ("search_path", "statement_timeout", "lock_timeout", "transaction_isolation", "transaction_read_only")
        return [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names]

    assert await database.read(settings) == ["toys", "30s", "10s", "repeatable read", "on"]
    assert await database.write(settings) == ["toys", "30s", "10s", "read committed", "off"]
    kept = "SELECT count(*) FROM pg_prepared_statements"
    for _ in range(8):
        await database.write(ids)
    assert await database.read(lambda connection: connection.execute(text(kept)).scalar()) == 0
    assert (
        await database.read(lambda connection: connection.execute(text("SHOW synchronous_commit")).scalar())
        == (cluster().execute("SHOW synchronous_commit")[0][0])
    )


async def test_a_read_changes_nothing_and_sees_one_state(url: str, database: PostgresDatabase) -> None:
    with pytest.raises(DomainError) as caught:
        await database.read(add, 2)
    assert caught.value.reason is Reason.SERVICE_UNAVAILABLE
    name = url.rpartition("/")[2]

    def read_twice(connection: Connection) -> tuple[list[int], list[int]]:
        before = ids(connection)
        cluster().execute("INSERT INTO toys.things VALUES (3)", name)
        return before, ids(connection)

    assert await database.read(read_twice) == ([], [])
    assert await database.read(ids) == [3]


async def test_two_that_look_and_insert_the_same_do_not_collide(database: PostgresDatabase) -> None:
    attempts = 0

    def ensure(number: int, connection: Connection) -> bool:
        nonlocal attempts
        attempts += 1
        if number in ids(connection):
            return False
        sleep(connection, 0.05)
        add(connection, number)
        return True

    rounds = 0
    while attempts <= 4 * rounds:  # until some met, and were run again
        rounds += 1
        made = await asyncio.gather(*(database.write(partial(ensure, rounds)) for _ in range(4)))
        assert sorted(made) == [False, False, False, True]


async def test_a_deadlock_is_run_again(database: PostgresDatabase) -> None:
    await database.write(lambda connection: [add(connection, 1), add(connection, 2)])

    def touch(connection: Connection, first: int, second: int) -> None:
        for number in (first, second):
            connection.execute(update(THINGS).where(THINGS.c.id == number).values(data=func.concat(THINGS.c.data, "x")))
            sleep(connection, 0.1)

    await asyncio.gather(database.write(touch, 1, 2), database.write(touch, 2, 1))
    stored = await database.read(lambda connection: list(connection.scalars(select(THINGS.c.data))))
    assert stored == ["xx", "xx"]


async def test_a_conflict_that_never_ends_is_told(database: PostgresDatabase) -> None:
    await database.write(add, 1)
    runs: list[int] = []

    def conflict(connection: Connection) -> None:
        runs.append(1)
        connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$")

    await refused(Reason.SERVICE_UNAVAILABLE, database, conflict)
    assert len(runs) == 13


async def test_slow_statements_and_long_locks_are_refused(url: str, database: PostgresDatabase) -> None:
    await database.write(add, 1)
    change = update(THINGS).values(data="y")
    async with opened(url, QUICK) as quick:
        await refused(Reason.SERVICE_UNAVAILABLE, quick, sleep, 5)
        with pytest.raises(DomainError, match="ask for less at once") as caught:
            await quick.read(sleep, 5)
        assert caught.value.reason is Reason.DEADLINE_EXCEEDED, "what is asked would take as long again"

        def hold(connection: Connection) -> None:
            connection.execute(change)
            sleep(connection, 0.6)

        holding = asyncio.create_task(database.write(hold))
        await asyncio.sleep(0.2)
        await refused(Reason.SERVICE_UNAVAILABLE, quick, lambda connection: connection.execute(change))
        await holding
        assert await quick.write(ids) == [1]


async def test_a_full_disk_is_storage_full(database: PostgresDatabase) -> None:
    raising = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
    await refused(Reason.STORAGE_FULL, database, lambda connection: connection.exec_driver_sql(raising))


@pytest.mark.parametrize("statement", [insert(THINGS).values(id=1, data="a\0b"), insert(THINGS).values(id=2**40)])
async def test_what_no_column_holds_is_refused(database: PostgresDatabase, statement) -> None:
    await refused(Reason.INVALID_FIELD, database, lambda connection: connection.execute(statement))


async def test_a_cancelled_caller_does_not_undo_a_transaction_that_has_begun(database: PostgresDatabase) -> None:
    def add_slowly(connection: Connection) -> None:
        add(connection, 1)
        sleep(connection, 0.2)

    task = asyncio.create_task(database.write(add_slowly))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while not await database.read(ids):
        await asyncio.sleep(0.02)


async def test_a_caller_cancelled_in_the_queue_writes_nothing_and_close_waits_for_the_rest(url: str) -> None:
    async with opened(url, PostgresLimits(connections=1)) as database:
        await database.write(METADATA.create_all)
        first, second, third = (
            asyncio.create_task(database.write(lambda connection, n=n: (sleep(connection, 0.1), add(connection, n))))
            for n in (1, 2, 3)
        )
        await asyncio.sleep(0.05)
        second.cancel()
        await database.close()
        assert (await first)[1] == 1
        assert (await third)[1] == 3
        await refused(Reason.SHUTTING_DOWN, database, ids)
    async with opened(url) as database:
        assert await database.read(ids) == [1, 3]


async def test_sessions_that_were_ended_are_replaced(url: str, database: PostgresDatabase) -> None:
    """As by a fail-over, or an operator: nobody notices, whether the session was idle or at work."""
    name = url.rpartition("/")[2]
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    await asyncio.gather(*(database.write(sleep, 0.05) for _ in range(4)))
    assert len(cluster().execute(end)) == 4
    tries: list[int] = []

    def add_and_be_ended(connection: Connection) -> None:
        tries.append(1)
        add(connection, 5)
        if len(tries) == 1:
            cluster().execute(end)
        ids(connection)

    await database.write(add_and_be_ended)
    assert len(tries) == 2
    assert await database.read(ids) == [5]


async def test_a_commit_whose_fate_is_unknown_is_not_run_again(url: str, database: PostgresDatabase) -> None:
    name = url.rpartition("/")[2]
    tries: list[int] = []

    def add_and_lose_the_session(connection: Connection) -> None:
        add(connection, len(tries))
        tries.append(1)
        cluster().execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    await refused(Reason.SERVICE_UNAVAILABLE, database, add_and_lose_the_session)
    assert len(tries) == 1


async def test_a_database_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway_server.core.db.postgres.RECONNECT_SECONDS", 0.2)
    async with opened("postgresql://nobody@127.0.0.1:9/none") as database:
        await refused(Reason.SERVICE_UNAVAILABLE, database, ids)


async def test_a_restart_is_a_pause() -> None:
    own = Cluster()
    try:
        async with opened(own.url()) as database:
            await database.write(lambda connection: connection.exec_driver_sql("CREATE SCHEMA toys"))
            await database.write(METADATA.create_all)
            own.stop()
            waiting = [asyncio.create_task(database.write(add, number)) for number in range(20)]
            await asyncio.sleep(0.3)
            await asyncio.to_thread(own.start)
            assert await asyncio.gather(*waiting) == list(range(20))
            assert await database.read(ids) == list(range(20))
    finally:
        own.remove()


@pytest.mark.parametrize("wrong", ["", "postgres", "mysql://host/db", "sqlite:///a.db", "postgresql://h:port/d"])
def test_a_url_that_is_none_is_refused_without_repeating_it(wrong: str) -> None:
    with pytest.raises(StartupError) as caught:
        postgres_url(wrong)
    assert not wrong or wrong not in str(caught.value) or wrong == "postgres"


def test_a_url_is_shown_without_its_password() -> None:
    assert shown(postgres_url("postgres://u:secret@h/d")) == "postgresql://u:***@h/d"
