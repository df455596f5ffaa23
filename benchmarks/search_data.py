"""Fills databases with the runs of P7: ours through its own tables, in batches, as ingestion leaves them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import numpy as np
from sqlalchemy import Connection, Engine, Table, insert

from benchmarks.searches import METRICS, PARAMS, SearchedRun, runs
from trackway_server.metrics.domain.summaries import NO_STEP, keys_of
from trackway_server.tracking.store.sql_numbers import number_column
from trackway_server.tracking.store.tables import METRICS as TABLES
from trackway_server.tracking.store.tables import PARAMS as PARAM_ROWS
from trackway_server.tracking.store.tables import RUN_CHANGES, RUNS, TAGS

BATCH = 1000


def fill(connection: Connection, searched: Iterable[SearchedRun], first_series: int = 1) -> int:
    """Store up to BATCH runs in experiment 0; of how many. `first_series` is the number of their first series."""
    some = list(islice(searched, BATCH))
    if not some:
        return 0
    _insert(connection, RUNS, [_run(run) for run in some])
    named = [(run.run_id, key, value) for run in some for key, value in zip(PARAMS, run.params, strict=True)]
    _insert(
        connection,
        PARAM_ROWS,
        [{"run_id": run, "key": key, "value": value, "number": number_column(value)} for run, key, value in named],
    )
    tags = [(run.run_id, key, value) for run in some for key, value in (("team", run.team), ("note", run.name))]
    _insert(connection, TAGS, [{"run_id": run, "key": key, "value": value} for run, key, value in tags])
    _metrics(connection, some, first_series)
    # Under the stamp of long ago, since no server runs meanwhile.
    _insert(connection, RUN_CHANGES, [{"stamp": 0, "run_id": run.run_id} for run in some])
    return len(some)


def fill_all(engine: Engine, count: int) -> float:
    """Store so many runs through an engine, which is then disposed of; how many a second the last tenth was."""
    rest, series, seconds, stored = runs(count), 1, 0.0, 0
    is_postgres = engine.dialect.name == "postgresql"
    with engine.connect() as connection:
        while some := list(islice(rest, BATCH)):  # made outside what is measured
            began = time.perf_counter()
            connection.exec_driver_sql("BEGIN")
            if is_postgres:
                connection.exec_driver_sql("SET LOCAL search_path = tracking")
            fill(connection, some, series)
            connection.exec_driver_sql("COMMIT")
            series += 20 * len(some)
            if series > 20 * count * 9 // 10:
                seconds, stored = seconds + time.perf_counter() - began, stored + len(some)
        if is_postgres:
            connection.exec_driver_sql("ANALYZE")  # autovacuum does, within a minute
    engine.dispose()
    return stored / seconds


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Of PostgreSQL by COPY: only a database that is filled soon can be searched in every run of the benchmark."""
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), rows)
        return
    columns = list(rows[0])
    names = ", ".join(f'"{name}"' for name in columns)
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([row[name] for name in columns])


def _run(run: SearchedRun) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "workspace": "default",
        "experiment_id": 0,
        "name": run.name,
        "status": run.status,
        "status_message": "",
        "user_id": "me",
        "start_time_us": run.start_time_us,
        "end_time_us": run.start_time_us + 1,
        "parent_run_id": "",
        "start_digest": "",
        "deleted": False,
        "deleted_with_experiment": False,
        "refused_count": 0,
    }


def _metrics(connection: Connection, some: list[SearchedRun], first: int) -> None:
    named = [(run.run_id, key) for run in some for key in METRICS]
    keys = keys_of(np.array([value for run in some for value in run.metrics])).tolist()
    _insert(
        connection,
        TABLES.series,
        [
            {"number": first + place, "subject_id": run_id, "key": key, "context_digest": "", "context": ""}
            for place, (run_id, key) in enumerate(named)
        ],
    )
    same = {"count": 100, "nan_count": 0, "firsts_known": 1, "first_nan_step": NO_STEP}
    zeros = ("last_time", "last_sequence", "min_step", "first_step", "first_time", "first_sequence")
    _insert(
        connection,
        TABLES.summaries,
        [
            dict.fromkeys(zeros, 0)
            | same
            | dict.fromkeys(("last_key", "min_key", "max_key", "first_key"), keys[place])
            | {"series": first + place, "last_step": 99, "max_step": 99, "subject_id": run_id, "search_key": key}
            for place, (run_id, key) in enumerate(named)
        ],
    )
