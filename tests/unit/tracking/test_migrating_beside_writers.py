"""Indexes are made and dropped beside servers that write: nobody waits in a circle."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psycopg
import pytest

import trackway_server
from support.postgres import cluster, postgres_database
from trackway_server.core.db import migrate
from trackway_server.core.db.alembic_env import run_postgres_upgrade
from trackway_server.core.db.postgres_migration import PostgresMigration


@pytest.mark.parametrize(
    ("service", "before", "table"),
    [
        ("tracking", "0008_metrics_of_datasets", "params"),
        ("tracking", "0010_params_by_value_gone", "metric_summaries"),
        ("registry", "0005_model_beginnings", "metric_summaries"),
    ],
)
async def test_who_has_read_and_writes_later_is_in_no_circle_with_a_migration(
    service: str, before: str, table: str
) -> None:
    scripts = Path(trackway_server.__path__[0]) / service / "migrations"
    with postgres_database(migrated=False) as url:
        migration = PostgresMigration(url, service)
        with migration.locked():
            run_postgres_upgrade(migration, scripts, before)
        with psycopg.connect(url) as writer:
            writer.execute(f"SELECT count(*) FROM {service}.{table}")
            migrating = asyncio.create_task(asyncio.to_thread(migrate.upgrade_postgres, url, service, scripts))
            await asyncio.to_thread(_wait_for_who_waits, url.rpartition("/")[2])
            writer.execute(f"DELETE FROM {service}.{table} WHERE false")
        assert await migrating
        assert migration.current() == migrate.head(scripts)


def _wait_for_who_waits(database: str) -> None:
    waiting = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'"
    until = time.monotonic() + 30
    while not cluster().execute(waiting):
        assert time.monotonic() < until, "the migration asked for no lock that the writer is in the way of"
        time.sleep(0.02)
