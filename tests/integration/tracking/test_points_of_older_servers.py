"""A database that holds segments and summaries of a server before chunks is migrated, read, and compacted."""

from __future__ import annotations

import math
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, text

from support.blocks import block
from support.postgres import postgres_database
from support.tracking_service import Clock
from trackway_server.core.db.migrate import upgrade, upgrade_postgres
from trackway_server.core.db.postgres import open_postgres
from trackway_server.core.db.postgres_engine import postgres_url
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.metrics.codec import encode_segment
from trackway_server.metrics.compaction import CompactionLimits, SubjectCompaction
from trackway_server.metrics.domain.summaries import SUMMARY_1, summarise
from trackway_server.metrics.query import MetricQueries
from trackway_server.tracking.module import MIGRATIONS
from trackway_server.tracking.store.sql import SqlTracking

RUN, WRITER = "a" * 32, "b" * 32
VALUES = ([1.0, math.nan, -0.0, 4.0], [5.0, 6.0, math.inf, 8.0])


def old_migrations(folder: Path) -> Path:
    """The migrations as they were."""
    before = folder / "migrations"
    (before / "versions").mkdir(parents=True)
    shutil.copy(MIGRATIONS / "env.py", before)
    for file in (MIGRATIONS / "versions").glob("0001_*.py"):
        shutil.copy(file, before / "versions")
    return before


def fill(connection: Connection) -> None:
    """What an older server stored: a series in two segments, the first one summarised, the second not yet folded."""

    def insert(table: str, **row: object) -> None:
        names = ", ".join(row)
        places = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), row)

    cursor = {"epoch": 1, "durable_sequence": 9, "prefix_checksum": 0, "labels": "{}", "last_heard_us": 1}
    owner = {"subject_id": RUN, "principal": "admin", "workspace": "default"}
    insert("metric_writers", number=1, writer_id=WRITER, **owner, **cursor)
    insert("metric_series", number=1, subject_id=RUN, key="loss", context_digest="", context="")
    insert("metric_columns", writer=1, series_id=0, series=1)
    for number, values in enumerate(VALUES):
        first = 1 + 4 * number
        one = block(first, [first, first + 1, first + 2, first + 3], {0: values})
        names = {"first_sequence": first, "end_sequence": first + 4, "point_count": 4, "series_ids": b"\0\0\0\0"}
        insert("metric_segments", number=number + 1, writer=1, data=encode_segment([one]), **names)
        (summary,) = summarise([one])
        old = dict(zip(SUMMARY_1.names or (), summary.item(), strict=False)) | {"series": 1}
        if number == 0:
            insert("metric_summaries", **old)
        else:
            record = np.array([tuple(old.values())], dtype=SUMMARY_1)
            insert("metric_unfolded", number=1, subject_id=RUN, summaries=record.tobytes())


@asynccontextmanager
async def migrated(adapter: str, folder: Path) -> AsyncIterator[SqlTracking]:
    """A store that an older server filled, migrated."""
    before = old_migrations(folder)
    if adapter == "sqlite":
        path = folder / "tracking.db"
        upgrade(path, before)
        old = open_sqlite(path)
        await old.write(fill)
        await old.close()
        upgrade(path, MIGRATIONS)
        database = open_sqlite(path)
        try:
            yield SqlTracking(database)
        finally:
            await database.close()
        return
    with postgres_database(migrated=False) as url:
        upgrade_postgres(url, "tracking", before)
        old_postgres = open_postgres(postgres_url(url), "tracking")
        await old_postgres.write(fill)
        await old_postgres.close()
        upgrade_postgres(url, "tracking", MIGRATIONS)
        postgres = open_postgres(postgres_url(url), "tracking")
        try:
            yield SqlTracking(postgres)
        finally:
            await postgres.close()


@pytest.mark.parametrize("adapter", ["sqlite", "postgres"])
async def test_old_points_are_read_and_compacted(adapter: str, tmp_path: Path) -> None:
    async with migrated(adapter, tmp_path) as store:
        queries = MetricQueries(store)
        compaction = SubjectCompaction(store, Clock(), "compactor", CompactionLimits(points_per_series=0))

        async def points() -> list[tuple[int, int, int, bytes]]:
            found = []
            async for chunk in queries.points(RUN, "loss", None):
                column = chunk.column
                found += [
                    (int(sequence), int(step), int(time), value.tobytes())
                    for sequence, step, time, value in zip(
                        column.sequences, column.steps, column.times, column.values, strict=True
                    )
                ]
            return found

        before = await points()
        assert b"".join(value for *_, value in before) == np.array(VALUES).tobytes()
        done = await compaction.step(RUN)
        assert done is not None and (done.points, done.segments, done.chunks) == (8, 2, 1)
        assert await compaction.step(RUN) is None
        assert await points() == before
        (summary,) = (await queries.page(RUN, "", 0, 10)).series
        assert (summary.count, summary.nan_count, summary.last_value, summary.max_value) == (8, 1, 8.0, math.inf)
        assert (summary.first_value, summary.first_step, summary.first_nan_step) == (None, None, None)
