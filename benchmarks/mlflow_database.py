"""A database of SQLite as MLflow's server keeps it, filled by SQL alone: much faster than MLflow itself fills one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

OLD = """
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name VARCHAR(256) UNIQUE NOT NULL,
    artifact_location VARCHAR(256), lifecycle_stage VARCHAR(32));
CREATE TABLE runs (run_uuid VARCHAR(32) PRIMARY KEY, name VARCHAR(250), source_type VARCHAR(20),
    source_name VARCHAR(500), entry_point_name VARCHAR(50), user_id VARCHAR(256), status VARCHAR(20),
    start_time BIGINT, end_time BIGINT,
    source_version VARCHAR(50), lifecycle_stage VARCHAR(20), artifact_uri VARCHAR(200), experiment_id INTEGER);
CREATE TABLE metrics (key VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT NOT NULL,
    run_uuid VARCHAR(32) NOT NULL, step BIGINT DEFAULT 0 NOT NULL, is_nan BOOLEAN DEFAULT 0 NOT NULL,
    PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan));
CREATE TABLE params (key VARCHAR(250) NOT NULL, value VARCHAR(250) NOT NULL, run_uuid VARCHAR(32) NOT NULL,
    PRIMARY KEY (key, run_uuid));
CREATE TABLE tags (key VARCHAR(250) NOT NULL, value VARCHAR(5000), run_uuid VARCHAR(32) NOT NULL,
    PRIMARY KEY (key, run_uuid));
INSERT INTO experiments VALUES (0, 'Default', '', 'active');
"""
"""The tables of MLflow 1.0."""
SINCE = """
CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);
CREATE INDEX index_metrics_run_uuid_key_step ON metrics (run_uuid, key, step);
CREATE TABLE latest_metrics (key VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT, step BIGINT NOT NULL,
    is_nan BOOLEAN NOT NULL, run_uuid VARCHAR(32) NOT NULL, PRIMARY KEY (key, run_uuid));
CREATE INDEX index_latest_metrics_run_uuid ON latest_metrics (run_uuid);
"""
"""What later versions have added, as far as it matters for metrics."""


def write_database(file: Path, *, runs: int, metrics: int, points: int, old: bool = False) -> None:
    """Write runs `%032x` from 1 on, in the experiment `many`, each with so many metrics of so many points."""
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript(OLD if old else OLD + SINCE)
        database.execute("INSERT INTO experiments VALUES (1, 'many', '', 'active')")
        for number in range(1, runs + 1):
            run = f"{number:032x}"
            row = (run, f"run {number}", "LOCAL", "", "", "ann", "FINISHED", 1_700_000_000_000 + number)
            end = (1_700_000_100_000 + number, "", "active", "", 1)
            database.execute(f"INSERT INTO runs VALUES ({', '.join('?' * 13)})", (*row, *end))
            database.execute("INSERT INTO params VALUES ('lr', ?, ?)", (str(number / 7), run))
            database.execute("INSERT INTO tags VALUES ('mlflow.user', 'ann', ?)", (run,))
            for metric in range(metrics):
                key = f"metric {metric}"
                rows = [
                    (key, 1 / (step + number), 1_700_000_000_000 + 17 * step, run, step, 0) for step in range(points)
                ]
                database.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
                if not old and rows:
                    _, value, timestamp, _, step, _ = rows[-1]
                    database.execute(
                        "INSERT INTO latest_metrics VALUES (?, ?, ?, ?, 0, ?)", (key, value, timestamp, step, run)
                    )
