"""Which runs changed: noted with the change, found by whoever looked before it was committed, forgotten in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.postgres import opened_postgres, postgres_database
from support.searched import Recorded, store
from support.tracking_stores import open_tracking_store
from trackway_server.core.db.postgres_engine import plain_engine, postgres_url
from trackway_server.tracking.domain.change_log import ChangedRuns
from trackway_server.tracking.domain.model import RunStatus
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.store import sql, sql_run_changes
from trackway_server.tracking.store.sql import SqlTracking
from trackway_server.tracking.store.sql_run_changes import SqlRunChanges

RUN = Recorded("n", RunStatus.FINISHED, 1, 2, "me", False)
RUN_ID = f"{0:032x}"


@pytest.fixture(params=("sqlite", "postgres"))
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlTracking]:
    async with open_tracking_store(request.param, tmp_path) as opened:
        assert isinstance(opened, SqlTracking)
        yield opened


async def horizon(store: SqlTracking) -> int:
    return await store.read(lambda unit: unit.changes.horizon())


async def since(store: SqlTracking, horizon: int, limit: int = 100) -> ChangedRuns | None:
    return await store.read(lambda unit: unit.changes.since(horizon, limit))


async def test_a_change_is_found_by_who_looked_before_it(database: SqlTracking) -> None:
    before = await horizon(database)
    assert await since(database, before) == ChangedRuns(frozenset())
    await database.write(lambda unit: store(unit, [RUN, RUN], 0))
    after = await horizon(database)
    assert await since(database, before) == ChangedRuns(frozenset([RUN_ID, f"{1:032x}"]))
    assert await since(database, before, limit=1) is None
    assert await since(database, after) == ChangedRuns(frozenset())
    await database.write(lambda unit: unit.put_tags(RUN_ID, {"a": "b"}))
    assert await since(database, after) == ChangedRuns(frozenset([RUN_ID]))


async def test_a_deleted_experiment_changes_its_runs_and_no_others(
    database: SqlTracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(lambda unit: store(unit, [RUN, RUN], 0))
    other = await database.write(lambda unit: unit.add_experiment("default", "other", {}, 1))
    await database.write(lambda unit: store(unit, [RUN], other.experiment_id))
    for change in (lambda unit: unit.delete_runs_of(0), lambda unit: unit.restore_runs_of(0)):
        before = await horizon(database)
        await database.write(change)
        assert await since(database, before) == ChangedRuns(frozenset([RUN_ID, f"{1:032x}"]))
    monkeypatch.setattr(sql, "_MOST_NOTED", 1)
    before = await horizon(database)
    await database.write(lambda unit: unit.delete_runs_of(0))
    assert await since(database, before) == ChangedRuns(frozenset(), all_runs=True)


async def test_what_was_undone_is_not_noted(database: SqlTracking) -> None:
    await database.write(lambda unit: store(unit, [RUN], 0))
    before = await horizon(database)

    def fail(unit: TrackingUnit) -> None:
        unit.put_tags(RUN_ID, {"a": "b"})
        raise KeyError

    with pytest.raises(KeyError):
        await database.write(fail)
    assert await since(database, before) == ChangedRuns(frozenset())


async def test_what_is_long_ago_is_forgotten_and_known_to_be(
    database: SqlTracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await horizon(database)
    await database.write(lambda unit: store(unit, [RUN], 0))
    for number in range(4):
        await database.write(lambda unit, number=number: unit.put_tags(RUN_ID, {"a": str(number)}))
    late = await horizon(database)
    await database.write(lambda unit: unit.put_tags(RUN_ID, {"a": "last"}))
    monkeypatch.setattr(sql_run_changes, "_KEPT", 1)
    for _ in range(2):
        await database._database.write(lambda connection: SqlRunChanges(connection).trim())
        assert await since(database, before) is None
        assert await since(database, late) == ChangedRuns(frozenset([RUN_ID]))


async def test_a_transaction_that_ends_late_is_not_missed() -> None:
    """Of two that ran beside one another the first to begin ends last, after somebody looked."""
    with postgres_database() as url:
        async with opened_postgres("tracking", url) as postgres:
            tracking = SqlTracking(postgres)
            await tracking.write(lambda unit: store(unit, [RUN, RUN], 0))
            with plain_engine(postgres_url(url), "tracking").connect() as connection:
                connection.exec_driver_sql("BEGIN")
                connection.exec_driver_sql("SET LOCAL search_path = tracking")
                late = SqlRunChanges(connection)
                late.note([RUN_ID])
                late.store()
                await tracking.write(lambda unit: unit.put_tags(f"{1:032x}", {"a": "b"}))
                before = await horizon(tracking)
                seen = await since(tracking, before)
                assert seen is not None and RUN_ID not in seen.run_ids
                connection.exec_driver_sql("COMMIT")
            seen = await since(tracking, before)
            assert seen is not None and RUN_ID in seen.run_ids
