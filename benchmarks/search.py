"""P7: twenty fixed searches over 100,000 runs (P7M: a million), through the client, on SQLite and on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.bench import Bench
from benchmarks.deployments import postgres
from benchmarks.figures import Row, Unit
from benchmarks.mlflow_searches import searches_beside_mlflow
from benchmarks.ours import DATABASE_URL, Ours
from benchmarks.samples import Spread
from benchmarks.search_data import BATCH, fill_all
from benchmarks.searches import SEARCHES
from trackway.client import Client
from trackway_server.core.db.postgres_engine import plain_engine, postgres_url
from trackway_server.core.db.sqlite import sqlite_engine

RUNS = 100_000
MANY_RUNS = 1_000_000
PAGE = 100
REPEATS = 3
WORST = 0.5
LEAST_STORED = 1000
"""Runs a second that are to be stored beside a million."""


def searches(bench: Bench) -> list[Row]:
    """P7: the first 100 runs of each, with params, tags and metrics, as a caller gets them."""
    count = bench.scaled(RUNS)
    rows = _sqlite(bench, "P7", count, 0.02)
    with postgres() as cluster:
        url = cluster.create("bench_searches")
        with closing(Ours(_folder(bench, "searches-postgres"), bench.say, {DATABASE_URL: url})) as ours:
            rows += _rows(
                "P7", _measured(ours, count, lambda: plain_engine(postgres_url(url), "tracking")), count, None
            )
    return rows + searches_beside_mlflow(bench)


def searches_of_many(bench: Bench) -> list[Row]:
    """P7M: the same over a million runs, and how fast runs are stored beside them. Takes a quarter of an hour."""
    return _sqlite(bench, "P7M", bench.scaled(MANY_RUNS), 0.04)


def _sqlite(bench: Bench, figure: str, count: int, goal: float) -> list[Row]:
    with closing(Ours(_folder(bench, f"searches-{figure}"), bench.say)) as ours:
        measured = _measured(ours, count, lambda: sqlite_engine(ours.data / "tracking.db"))
        return _rows(figure, measured, count, goal)


def _folder(bench: Bench, name: str) -> Path:
    folder = bench.work / name
    folder.mkdir()
    return folder


def _rows(figure: str, measured: tuple[Spread, float], count: int, goal: float | None) -> list[Row]:
    taken, stored = measured
    what = f"twenty searches over {count:,} runs × 20 params × 20 metrics, first {PAGE}"
    what += "" if goal else ", PostgreSQL"
    rows = [
        Row(figure, f"{what}: median", Unit.SECONDS, Spread.of([taken.median]), goal),
        Row(figure, f"{what}: worst", Unit.SECONDS, Spread.of([taken.high]), WORST if goal else None),
    ]
    if goal is None:  # filled by other means than the server's
        return rows
    rate = Row(
        figure,
        f"runs stored beside {count:,}, by {BATCH:,}",
        Unit.CALLS_PER_SECOND,
        Spread.of([stored]),
        LEAST_STORED,
    )
    return [*rows, rate]


def _measured(ours: Ours, count: int, engine: Callable[[], Engine]) -> tuple[Spread, float]:
    """What the searches took, and how many runs a second were stored at the end."""
    ours.ensure_server()
    ours.say(f"{count:,} runs for the searches")
    token = (ours.data / "admin.key").read_text().strip()
    ours.close()
    stored = fill_all(engine(), count)
    ours.ensure_server()
    with Client(ours.uri, token=token) as client:
        _seconds(client, *SEARCHES[1])  # the first one loads the parser, and connects
        return Spread.of([_seconds(client, *search) for search in SEARCHES for _ in range(REPEATS)]), stored


def _seconds(client: Client, text: str, order: str) -> float:
    began = time.perf_counter()
    list(islice(client.tracking.search_runs(filter=text, order_by=[order], page_size=PAGE), PAGE))
    return time.perf_counter() - began
