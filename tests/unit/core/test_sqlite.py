"""The SQLite database: transactions, groups, refusals, cancellation, close."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, ForeignKey, Integer, LargeBinary, MetaData, Table, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from trackway_server.core.db import sqlite_worker
from trackway_server.core.db.sqlite import SqliteDatabase, open_sqlite
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.lifecycle import StartupError

METADATA = MetaData()
THINGS = Table("things", METADATA, Column("id", Integer, primary_key=True), Column("data", LargeBinary))
PARTS = Table("parts", METADATA, Column("thing", Integer, ForeignKey("things.id"), primary_key=True))


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = open_sqlite(path)
    try:
        await database.write(METADATA.create_all)
        yield database
    finally:
        await database.close()
    assert database.open_connections == 0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(f"{path.stem}-")]


@pytest.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteDatabase]:
    monkeypatch.setattr("trackway_server.core.db.sqlite_worker.GROUP_SECONDS", 60)  # no group is cut by its time
    async with opened(tmp_path / f"{tmp_path.name}.db") as database:
        yield database


def add(connection: Connection, number: int, data: bytes = b"") -> int:
    connection.execute(insert(THINGS).values(id=number, data=data))
    return number


def add_then_fail(connection: Connection, number: int) -> None:
    add(connection, number)
    raise ValueError(number)


def ids(connection: Connection) -> list[int]:
    return list(connection.scalars(select(THINGS.c.id).order_by(THINGS.c.id)))


class Gate:
    """Holds the writer thread, so that what is submitted meanwhile shares its group."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def hold(self, connection: Connection) -> None:
        self.entered.set()
        assert self.opened.wait(30)

    @asynccontextmanager
    async def closed(self, database: SqliteDatabase) -> AsyncIterator[None]:
        holding = asyncio.create_task(database.write(self.hold))
        await asyncio.to_thread(self.entered.wait, 30)
        yield
        self.opened.set()
        await asyncio.gather(holding, return_exceptions=True)


async def submitted(database: SqliteDatabase, *works) -> list[asyncio.Task]:
    tasks = [asyncio.create_task(database.write(work, *arguments)) for work, *arguments in works]
    await asyncio.sleep(0)
    return tasks


async def test_pragmas(database: SqliteDatabase) -> None:
    def pragma(connection: Connection, name: str) -> object:
        return connection.execute(text(f"PRAGMA {name}")).scalar()

    for run in (database.read, database.write):
        assert await run(pragma, "journal_mode") == "wal"
        assert await run(pragma, "synchronous") == 2
        assert await run(pragma, "foreign_keys") == 1


async def test_what_is_written_is_read_and_survives_reopening(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as database:
        assert await database.write(add, 1, data=b"x" * (1 << 20)) == 1
        assert await database.read(ids) == [1]
    async with opened(tmp_path / "a.db") as database:
        assert await database.read(ids) == [1]


async def test_a_failing_job_is_rolled_back_alone(database: SqliteDatabase) -> None:
    async with Gate().closed(database):
        tasks = await submitted(database, (add, 1), (add_then_fail, 2), (add, 3), (add, 1), (add, 4))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[0] == 1
    assert isinstance(results[1], ValueError)
    assert results[2] == 3
    assert isinstance(results[3], IntegrityError)
    assert results[4] == 4
    assert await database.read(ids) == [1, 3, 4]


async def test_writes_that_wait_share_a_commit(database: SqliteDatabase) -> None:
    commits: list[str] = []
    await database.write(lambda connection: driver(connection).set_trace_callback(commits.append))
    async with Gate().closed(database):
        tasks = await submitted(database, *((add, number) for number in range(50)))
    await asyncio.gather(*tasks)
    assert commits.count("COMMIT") == 2  # the one that set the callback, and the group


def driver(connection: Connection) -> sqlite3.Connection:
    found = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)
    return found


async def test_when_the_commit_fails_every_job_of_the_group_fails(database: SqliteDatabase) -> None:
    def defer_and_break(connection: Connection) -> None:
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        connection.execute(insert(PARTS).values(thing=99))

    async with Gate().closed(database):
        tasks = await submitted(database, (add, 1), (defer_and_break,), (add, 2))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, sqlite3.IntegrityError) for result in results)
    assert await database.read(ids) == []
    await database.write(add, 3)
    assert await database.read(ids) == [3]


async def test_a_full_disk_is_storage_full_and_passes(database: SqliteDatabase) -> None:
    """The database's greatest size stands in for the disk: SQLite answers both with SQLITE_FULL."""

    def allow(connection: Connection, pages: int) -> None:
        connection.execute(text(f"PRAGMA max_page_count={pages}"))

    await database.write(allow, 10)
    with pytest.raises(DomainError) as refused:
        await database.write(add, 1, b"x" * 1_000_000)
    assert refused.value.reason is Reason.STORAGE_FULL
    assert "sqlite" not in refused.value.message.lower()
    assert await database.read(ids) == []
    await database.write(allow, 1 << 30)
    await database.write(add, 2)
    assert await database.read(ids) == [2]


async def test_a_database_that_is_locked_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway_server.core.db.sqlite.PRAGMAS", ("PRAGMA busy_timeout=0",))
    async with opened(tmp_path / "locked.db") as database:
        other = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DomainError) as refused:
            await database.write(add, 1)
        assert refused.value.reason is Reason.SERVICE_UNAVAILABLE
        other.execute("ROLLBACK")
        other.close()
        await database.write(add, 1)


async def test_a_cancelled_caller_does_not_undo_a_transaction_that_has_begun(database: SqliteDatabase) -> None:
    gate = Gate()

    def add_behind_gate(connection: Connection) -> None:
        add(connection, 1)
        gate.hold(connection)

    task = asyncio.create_task(database.write(add_behind_gate))
    await asyncio.to_thread(gate.entered.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.opened.set()
    await database.write(add, 2)
    assert await database.read(ids) == [1, 2]


async def test_a_caller_cancelled_in_the_queue_writes_nothing(database: SqliteDatabase) -> None:
    async with Gate().closed(database):
        first, second = await submitted(database, (add, 1), (add, 2))
        first.cancel()
        await asyncio.sleep(0)
    await second
    assert await database.read(ids) == [2]


async def test_a_read_changes_nothing_and_sees_one_state(database: SqliteDatabase) -> None:
    await database.write(add, 1)
    with pytest.raises(DomainError):
        await database.read(add, 2)
    between, go_on = threading.Event(), threading.Event()

    def read_twice(connection: Connection) -> tuple[list[int], list[int]]:
        before = ids(connection)
        between.set()
        assert go_on.wait(30)
        return before, ids(connection)

    task = asyncio.create_task(database.read(read_twice))
    await asyncio.to_thread(between.wait, 30)
    await database.write(add, 3)
    go_on.set()
    assert await task == ([1], [1])
    assert await database.read(ids) == [1, 3]


async def test_a_failing_read_leaves_the_reader_usable(database: SqliteDatabase) -> None:
    def fail(connection: Connection) -> None:
        ids(connection)
        raise StopIteration

    for _ in range(3):
        with pytest.raises(RuntimeError):
            await database.read(fail)
    assert await database.read(ids) == []


async def test_a_store_function_that_ends_the_transaction_fails_its_group_and_no_other(
    database: SqliteDatabase,
) -> None:
    """A defect, or SQLite's own roll-back: the savepoints are gone, so nothing of the group can be kept."""

    def roll_back(connection: Connection) -> None:
        add(connection, 9)
        driver(connection).execute("ROLLBACK")

    async with Gate().closed(database):
        tasks = await submitted(database, (add, 1), (roll_back,), (add, 2))
    first, *_ = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(first, sqlite3.OperationalError)
    await database.write(add, 3)
    assert 1 not in await database.read(ids)
    assert 3 in await database.read(ids)


async def test_nested_transactions_of_a_store_function(database: SqliteDatabase) -> None:
    def try_twice(connection: Connection) -> None:
        add(connection, 1)
        for _ in range(2):
            try:
                with connection.begin_nested():
                    add(connection, 2)
                    add(connection, 2)
            except IntegrityError:
                continue

    await database.write(try_twice)
    assert await database.read(ids) == [1]


async def test_many_writers_and_readers_at_once(database: SqliteDatabase) -> None:
    async def work(first: int) -> None:
        for number in range(first, first + 20):
            await database.write(add, number)
            assert number in await database.read(ids)

    async with asyncio.TaskGroup() as group:
        for first in range(0, 400, 20):
            group.create_task(work(first))
    assert await database.read(lambda connection: connection.scalar(select(func.count()).select_from(THINGS))) == 400


async def test_more_writes_than_may_wait_all_come_through(database: SqliteDatabase) -> None:
    await asyncio.gather(*(database.write(add, number) for number in range(3000)))
    assert len(await database.read(ids)) == 3000


async def test_close_finishes_what_was_submitted_and_refuses_the_rest(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "a.db")
    await database.write(METADATA.create_all)
    tasks = await submitted(database, *((add, number) for number in range(20)))
    await database.close()
    await database.close()
    assert await asyncio.gather(*tasks) == list(range(20))
    with pytest.raises(DomainError) as refused:
        await database.write(add, 99)
    assert refused.value.reason is Reason.SHUTTING_DOWN
    assert database.open_connections == 0


def test_what_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("hello, this is certainly not a database at all" * 100)
    for path in (tmp_path / "text.db", tmp_path / "missing" / "a.db"):
        with pytest.raises(StartupError) as refused:
            open_sqlite(path)
        assert str(path) in str(refused.value)
        assert "\n" not in str(refused.value)


async def test_a_failed_read_with_a_kept_exception_does_not_leave_its_reader_in_the_past(tmp_path: Path) -> None:
    def read_half_then_refuse(connection: Connection) -> None:
        half_read = connection.execute(select(THINGS.c.id))
        half_read.fetchone()
        raise DomainError(Reason.RUN_NOT_FOUND, "half read")

    async with opened(tmp_path / "past.db") as database:
        await database.write(lambda connection: [add(connection, number) for number in range(5000)])
        kept = []
        for _ in range(4):  # every reader
            with pytest.raises(DomainError) as refused:
                await database.read(read_half_then_refuse)
            kept.append(refused.value)
        await database.write(add, 9000)
        seen = await asyncio.gather(*(database.read(ids) for _ in range(8)))
        assert all(9000 in found for found in seen)
        assert len(kept) == 4


ENDLESS = text(
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT count(*) FROM numbers"
)


async def test_a_read_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_worker, "READ_SECONDS", 0.05)
    database = open_sqlite(tmp_path / "a.db", readers=1)
    try:
        with pytest.raises(DomainError) as refused:
            await database.read(lambda connection: connection.execute(ENDLESS).scalar())
        assert refused.value.reason is Reason.DEADLINE_EXCEEDED
        assert await database.read(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
    finally:
        await database.close()


async def test_a_read_that_nobody_waits_for_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_worker, "READ_SECONDS", 3600)
    database = open_sqlite(tmp_path / "a.db", readers=1)
    begun = threading.Event()

    def read(connection: Connection) -> object:
        begun.set()
        return connection.execute(ENDLESS).scalar()

    try:
        reading = asyncio.ensure_future(database.read(read))
        await asyncio.to_thread(begun.wait, 60)
        reading.cancel()
        async with asyncio.timeout(60):
            assert await database.read(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
    finally:
        await database.close()
