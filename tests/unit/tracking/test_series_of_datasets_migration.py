"""Series that were measured on data sets before lists of runs showed them are noted by the migration."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from trackway_server.core.db import alembic_env, migrate
from trackway_server.tracking.module import MIGRATIONS

RUN = "a" * 32
CONTEXTS = {
    1: "",
    2: '{"dataset_digest":"x","dataset_name":"d"}',
    3: '{"dataset_name":"d","model_id":"m-' + "0" * 32 + '"}',
    4: '{"rank":"1"}',
}


def fill(database: sqlite3.Connection, table: str, **values: object) -> None:
    """A row with these values, and with something in all that must have something."""
    for _, name, kind, required, default, _ in database.execute(f"PRAGMA table_info({table})").fetchall():
        if required and default is None and name not in values:
            values[name] = 0 if "CHAR" not in kind and kind not in ("TEXT", "JSON") else "{}"
    columns = ", ".join(values)
    database.execute(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(values))})", list(values.values()))


def test_those_that_are_there_are_noted_once(tmp_path: Path) -> None:
    path = tmp_path / "tracking.db"
    alembic_env.run_upgrade(path, MIGRATIONS, "0007_params_search")
    with sqlite3.connect(path) as database:
        fill(database, "runs", run_id=RUN, workspace="w")
        for number, context in CONTEXTS.items():
            fill(
                database,
                "metric_series",
                number=number,
                subject_id=RUN,
                key="k",
                context=context,
                context_digest=number,
            )
        of_model = {"series": 3, "model_id": "m-" + "0" * 32, "workspace": "w", "run_id": RUN, "key": "k"}
        fill(database, "logged_model_series", **of_model, dataset_name="d", dataset_digest="")
    database.close()
    migrate.upgrade(path, MIGRATIONS)
    with sqlite3.connect(path) as database:
        noted = database.execute("SELECT * FROM logged_model_series ORDER BY series").fetchall()
    database.close()
    assert noted == [
        (2, "", "w", RUN, "k", "d", "x"),
        (3, "m-" + "0" * 32, "w", RUN, "k", "d", ""),
    ]
