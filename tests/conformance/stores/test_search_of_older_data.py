"""What a server of the version before has stored is found, too: it is filled before the first search that needs it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from support.postgres import opened_postgres
from support.searched import Recorded, store
from trackway_server.core.db.database import Database
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.metrics.query import MetricQueries
from trackway_server.tracking.domain.model import RunsQuery, RunStatus
from trackway_server.tracking.domain.search import RUNS
from trackway_server.tracking.freshness import Freshness
from trackway_server.tracking.module import MIGRATIONS
from trackway_server.tracking.store.sql import SqlTracking
from trackway_server.tracking.store.tables import METRICS, PARAMS


@pytest.fixture(params=("sqlite", "postgres"))
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "postgres":
        async with opened_postgres("tracking") as postgres:
            yield postgres
        return
    upgrade(tmp_path / "tracking.db", MIGRATIONS)
    opened = open_sqlite(tmp_path / "tracking.db")
    yield opened
    await opened.close()


def forget(connection: Connection) -> None:
    """Leave what an older server does."""
    connection.execute(update(PARAMS).values(number=None))
    connection.execute(update(METRICS.summaries).values(subject_id=None, search_key=None))


async def test_older_data_is_found(database: Database) -> None:
    tracking = SqlTracking(database)
    rank = '{"rank":"0"}'
    metrics = {("loss", rank): (3.0,), ("loss", ""): (1.0,), ("acc", rank): (0.5,)}
    run = Recorded("n", RunStatus.RUNNING, 0, 0, "", False, {"lr": "1e-3", "text": "x" * 5000}, {}, (), metrics)
    await tracking.write(lambda unit: store(unit, [run, run], 0))
    await database.write(forget)
    search = RUNS.search("params.lr < 1 AND metrics.loss = 1 AND metrics.acc = 0.5", ["params.lr"], 0)

    async def found() -> int:
        return len(await tracking.read(lambda unit: unit.search_runs(RunsQuery("default"), search, None, 10)))

    assert await found() == 0
    freshness = Freshness(tracking, MetricQueries(tracking))
    await freshness.prepare(search)
    assert await found() == 2
    await database.write(forget)
    await freshness.upgrade()
    assert await found() == 2
