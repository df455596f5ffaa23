"""What is counted of a database: time and number of transactions, what it refused, what its store did wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from trackway_server.core.db.database import Database
from trackway_server.core.db.observed import observed
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.telemetry import Telemetry


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
async def database(telemetry: Telemetry, tmp_path: Path) -> AsyncIterator[Database]:
    database = observed(open_sqlite(tmp_path / "toys.db"), telemetry, "toys")
    yield database
    await database.close()


def value(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    return telemetry.registry.get_sample_value(name, {"database": "toys", **labels})


def one(connection: Connection) -> int:
    return int(connection.execute(text("SELECT 1")).scalar_one())


async def test_reads_writes_and_commits_are_counted_apart(database: Database, telemetry: Telemetry) -> None:
    assert await database.read(one) == 1
    await asyncio.gather(*(database.write(one) for _ in range(10)))
    assert value(telemetry, "trackway_db_transaction_seconds_count", kind="read") == 1
    assert value(telemetry, "trackway_db_transaction_seconds_count", kind="write") == 10
    assert value(telemetry, "trackway_db_group_size_sum") == 10
    commits = value(telemetry, "trackway_db_commit_seconds_count")
    assert commits is not None
    assert 1 <= commits <= 10


async def test_what_waits_is_told_while_it_waits(database: Database, telemetry: Telemetry) -> None:
    writing = asyncio.create_task(database.write(one))
    await asyncio.sleep(0)
    assert value(telemetry, "trackway_db_waiting", kind="write") == 1
    await writing
    assert value(telemetry, "trackway_db_waiting", kind="write") == 0


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: DomainError(Reason.STORAGE_FULL, "full"), "STORAGE_FULL"),
        (ZeroDivisionError, "INTERNAL"),
        (lambda: DomainError(Reason.RUN_NOT_FOUND, "an answer, no error of the database"), None),
    ],
)
async def test_errors_are_those_of_the_database_and_of_its_store(
    database: Database, telemetry: Telemetry, make: Callable[[], Exception], reason: str | None
) -> None:
    def fail(_: Connection) -> None:
        raise make()

    for call in (database.read, database.write):
        with pytest.raises(type(make())):
            await call(fail)
    counted = {
        sample.labels["reason"]: sample.value
        for family in telemetry.registry.collect()
        for sample in family.samples
        if sample.name == "trackway_db_errors_total"
    }
    assert counted == ({} if reason is None else {reason: 2})
    assert value(telemetry, "trackway_db_waiting", kind="write") == 0


def test_a_name_has_one_kind(telemetry: Telemetry) -> None:
    assert telemetry.counter("trackway_x", "X.", "kind") is telemetry.counter("trackway_x", "X.", "kind")
    with pytest.raises(TypeError, match="trackway_x is a Counter"):
        telemetry.gauge("trackway_x", "X.", "kind")
