"""What MLflow 3 adds to a database, written by SQL alone; and a database of SQLite moved to PostgreSQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

LOGGED = """
CREATE TABLE inputs (input_uuid VARCHAR(36) NOT NULL, source_type VARCHAR(36) NOT NULL, source_id VARCHAR(36) NOT NULL,
    destination_type VARCHAR(36) NOT NULL, destination_id VARCHAR(36) NOT NULL, step BIGINT DEFAULT 0 NOT NULL,
    PRIMARY KEY (source_type, source_id, destination_type, destination_id));
CREATE TABLE logged_models (model_id VARCHAR(36) PRIMARY KEY, experiment_id INTEGER NOT NULL,
    name VARCHAR(500) NOT NULL, artifact_location VARCHAR(1000) NOT NULL, creation_timestamp_ms BIGINT NOT NULL,
    last_updated_timestamp_ms BIGINT NOT NULL, status INTEGER NOT NULL, lifecycle_stage VARCHAR(32),
    model_type VARCHAR(500), source_run_id VARCHAR(32), status_message VARCHAR(1000));
CREATE TABLE logged_model_metrics (model_id VARCHAR(36) NOT NULL, metric_name VARCHAR(500) NOT NULL,
    metric_timestamp_ms BIGINT NOT NULL, metric_step BIGINT NOT NULL, metric_value FLOAT,
    experiment_id INTEGER NOT NULL, run_id VARCHAR(32) NOT NULL, dataset_uuid VARCHAR(36), dataset_name VARCHAR(500),
    dataset_digest VARCHAR(36),
    PRIMARY KEY (model_id, metric_name, metric_timestamp_ms, metric_step, run_id));
CREATE TABLE logged_model_params (model_id VARCHAR(36) NOT NULL, experiment_id INTEGER NOT NULL,
    param_key VARCHAR(255) NOT NULL, param_value TEXT NOT NULL, PRIMARY KEY (model_id, param_key));
CREATE TABLE logged_model_tags (model_id VARCHAR(36) NOT NULL, experiment_id INTEGER NOT NULL,
    tag_key VARCHAR(255) NOT NULL, tag_value TEXT NOT NULL, PRIMARY KEY (model_id, tag_key));
CREATE TABLE registered_models (name VARCHAR(256) PRIMARY KEY, creation_time BIGINT, last_updated_time BIGINT,
    description VARCHAR(5000));
CREATE TABLE model_versions (name VARCHAR(256) NOT NULL, version INTEGER NOT NULL, creation_time BIGINT,
    description VARCHAR(5000), user_id VARCHAR(256), current_stage VARCHAR(20), source VARCHAR(500),
    storage_location VARCHAR(500), run_id VARCHAR(32), run_link VARCHAR(500), status VARCHAR(20),
    status_message VARCHAR(500), PRIMARY KEY (name, version));
INSERT INTO registered_models VALUES ('registered', 1, 1, '');
"""
"""The tables of MLflow 3 for logged models and what is registered of them."""


def write_logged_models(file: Path, files: Path, *, models: int) -> list[str]:
    """Add logged models of the first run, each with a point of its, read by the second run; the ids. The first is
    registered. Their files are below `files`."""
    ids = [f"m-{number:032x}" for number in range(1, models + 1)]
    run = f"{1:032x}"
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript(LOGGED)
        for number, model_id in enumerate(ids):
            place = files / model_id
            place.mkdir(parents=True)
            (place / "MLmodel").write_text("content")
            put = database.execute
            row = (model_id, 1, f"model {number}", str(place), 5, 6, 2, "active", "classifier", run, None)
            put(f"INSERT INTO logged_models VALUES ({', '.join('?' * 11)})", row)
            put("INSERT INTO logged_model_params VALUES (?, 1, 'depth', ?)", (model_id, str(number)))
            put("INSERT INTO logged_model_tags VALUES (?, 1, 'kind', 'b')", (model_id,))
            put("INSERT INTO inputs VALUES (?, 'RUN_OUTPUT', ?, 'MODEL_OUTPUT', ?, 5)", (f"o{number}", run, model_id))
            time = 1_700_000_000_000 + number
            put("INSERT INTO metrics VALUES ('score', 0.5, ?, ?, ?, 0)", (time, run, number))
            measured = (model_id, "score", time, number, 0.5, 1, run, None, "digits", "d1")
            put(f"INSERT INTO logged_model_metrics VALUES ({', '.join('?' * 10)})", measured)
        row = ("i", "RUN_INPUT", f"{2:032x}", "MODEL_INPUT", ids[0], 0)
        put("INSERT INTO inputs VALUES (?, ?, ?, ?, ?, ?)", row)
        version = (
            "registered",
            1,
            7,
            "",
            "ann",
            "None",
            f"models:/{ids[0]}",
            str(files / ids[0]),
            run,
            "",
            "READY",
            "",
        )
        put(f"INSERT INTO model_versions VALUES ({', '.join('?' * 12)})", version)
    return ids


def copy_to_postgres(file: Path, url: str) -> None:
    """Copy all tables of a database of SQLite."""
    into = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    tables = sa.MetaData()
    source = sa.create_engine(f"sqlite:///{file}")
    tables.reflect(source)
    for table in tables.tables.values():
        table.indexes.clear()
        for column in table.columns:
            column.server_default = None
    tables.create_all(into)
    with source.connect() as reading, into.begin() as writing:
        for table in tables.tables.values():
            if rows := [dict(row) for row in reading.execute(sa.select(table)).mappings()]:
                writing.execute(table.insert(), rows)
    source.dispose()
    into.dispose()
