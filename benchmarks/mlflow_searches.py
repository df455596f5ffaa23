"""P7 beside MLflow: the searches that its grammar can say, by REST, over as many runs as its database takes in a
minute; filled by SQL alone, which is much faster than MLflow itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.ours import Ours
from benchmarks.peer import mlflow_server
from benchmarks.plain_http import PlainHttp
from benchmarks.processes import BenchmarkError, wait_until_quiet
from benchmarks.samples import Spread
from benchmarks.search_data import fill_all
from benchmarks.searches import METRICS, PARAMS, SEARCHES, SearchedRun, runs
from trackway_server.core.db.sqlite import sqlite_engine

RUNS = 10_000
REPEATS = 3
RUN_COLUMNS = """run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time,
    source_version, lifecycle_stage, artifact_uri, experiment_id"""
STATUS = {3: "FINISHED", 4: "FAILED"}
SAID = [(text, order) for text, order in SEARCHES if "params.lr" not in text and " IN (" not in text]
"""MLflow takes no numbers of params, no literals of times, and IN only for attributes."""


def searches_beside_mlflow(bench: Bench) -> list[Row]:
    """Rows of P7 for both; the two must find equally many runs."""
    count = bench.scaled(RUNS)
    folder = bench.work / "searches-rest"
    folder.mkdir()
    with closing(Ours(folder, bench.say)) as ours:
        ours.ensure_server()
        token = (ours.data / "admin.key").read_text().strip()
        ours.close()
        fill_all(sqlite_engine(ours.data / "tracking.db"), count)
        ours.ensure_server()
        with closing(PlainHttp(ours.http_uri, token)) as http:
            mine, found = _searched(http)
    theirs = bench.of_peer(lambda _peer: _mlflow(bench, count, found), "searches")
    what = f"{len(SAID)} of the searches over {count:,} runs, by REST runs/search"
    return [
        Row("P7", f"{what}: {name}", Unit.SECONDS, one(mine), None, None if theirs is None else one(theirs))
        for name, one in (("median", _median), ("worst", _worst))
    ]


def _median(taken: Spread) -> Spread:
    return Spread.of([taken.median])


def _worst(taken: Spread) -> Spread:
    return Spread.of([taken.high])


def _mlflow(bench: Bench, count: int, expected: list[int]) -> Spread:
    folder = bench.work / "searches-mlflow"
    uri, server = mlflow_server(folder)
    server.start()
    try:
        wait_until_quiet(server)
        _fill(folder / "mlflow.db", count)
        with closing(PlainHttp(uri)) as http:
            taken, found = _searched(http)
    finally:
        server.stop()
    if found != expected:
        raise BenchmarkError(f"MLflow found {found} runs, Trackway {expected}")
    return taken


def _fill(file: Path, count: int) -> None:
    """The tables that searches read: points of series are not among them."""
    with closing(sqlite3.connect(file, timeout=60)) as database, database:
        for table, columns, rows in (
            ("runs", RUN_COLUMNS, (_run(run) for run in runs(count))),
            ("params", "run_uuid, key, value", _named(runs(count), "params")),
            ("tags", "run_uuid, key, value", _tags(runs(count))),
            (
                "latest_metrics",
                "run_uuid, key, value, timestamp, step, is_nan",
                _named(runs(count), "metrics", 0, 99, 0),
            ),
        ):
            places = ", ".join("?" * (columns.count(",") + 1))
            database.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)


def _run(run: SearchedRun) -> tuple[object, ...]:
    start = run.start_time_us // 1000
    return run.run_id, run.name, "LOCAL", "", "", "me", STATUS[run.status], start, start, "", "active", "", 0


def _tags(some: Iterable[SearchedRun]) -> Iterable[tuple[str, str, str]]:
    for run in some:
        yield run.run_id, "team", run.team
        yield run.run_id, "mlflow.runName", run.name  # where MLflow looks for names


def _named(some: Iterable[SearchedRun], what: str, *more: int) -> Iterable[tuple[object, ...]]:
    keys = PARAMS if what == "params" else METRICS
    return (
        (run.run_id, key, value, *more) for run in some for key, value in zip(keys, getattr(run, what), strict=True)
    )


def _searched(http: PlainHttp) -> tuple[Spread, list[int]]:
    """What the searches take, and how many runs each answers."""
    taken, found = [], []
    for text, order in SAID:
        query = {"experiment_ids": ["0"], "filter": text, "order_by": [order], "max_results": 100}
        found.append(len(http.post("runs/search", query).get("runs", [])))
        taken += [http.seconds_to_post("runs/search", query) for _ in range(REPEATS)]
    return Spread.of(taken), found
