"""P7: twenty fixed searches over 100,000 runs (P7M: a million), through the client, on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
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
LONGEST_WAIT_SECONDS = 600.0
"""For the server to have read the columns that were searched."""
WORST = 0.5
LEAST_STORED = 1000
"""Runs a second that are to be stored beside a million."""


def searches(bench: Bench) -> list[Row]:
    """P7: the first 100 runs of each, with params, tags and metrics, as a caller gets them."""
    count = bench.scaled(RUNS)
    rows = _sqlite(bench, "P7", count, 0.02) + _postgres(bench, "P7", count, 0.02)
    return rows + searches_beside_mlflow(bench)


def searches_of_many(bench: Bench) -> list[Row]:
    """P7M: the same over a million runs, and how fast runs are stored beside them. Takes twenty minutes."""
    count = bench.scaled(MANY_RUNS)
    return _sqlite(bench, "P7M", count, 0.04) + _postgres(bench, "P7M", count, 0.04)


def _sqlite(bench: Bench, figure: str, count: int, goal: float) -> list[Row]:
    with closing(Ours(_folder(bench, f"searches-{figure}"), bench.say)) as ours:
        measured = _measured(ours, count, lambda: sqlite_engine(ours.data / "tracking.db"))
    shutil.rmtree(ours.data)  # gigabytes
    return _rows(figure, measured, count, goal)


def _postgres(bench: Bench, figure: str, count: int, goal: float) -> list[Row]:
    with postgres() as cluster:
        url = cluster.create("bench_searches")
        with closing(Ours(_folder(bench, f"searches-{figure}-postgres"), bench.say, {DATABASE_URL: url})) as ours:
            measured = _measured(ours, count, lambda: plain_engine(postgres_url(url), "tracking"))
    return _rows(figure, measured, count, goal, ", PostgreSQL")


def _folder(bench: Bench, name: str) -> Path:
    folder = bench.work / name
    folder.mkdir()
    return folder


def _rows(figure: str, measured: _Measured, count: int, goal: float, where: str = "") -> list[Row]:
    taken, stored = measured.repeated, measured.stored
    what = f"twenty searches over {count:,} runs × 20 params × 20 metrics, first {PAGE}{where}"
    per_second, beside = Unit.CALLS_PER_SECOND, f"runs stored beside {count:,}, by {BATCH:,}{where}"
    return [
        Row(figure, f"{what}: median", Unit.SECONDS, Spread.of([taken.median]), goal),
        Row(figure, f"{what}: worst", Unit.SECONDS, Spread.of([taken.high]), WORST),
        Row(figure, f"{what}, after a start: median", Unit.SECONDS, Spread.of([measured.first.median])),
        Row(figure, f"{what}, after a start: worst", Unit.SECONDS, Spread.of([measured.first.high])),
        Row(figure, f"{what}, the page after: median", Unit.SECONDS, Spread.of([measured.unseen.median])),
        Row(figure, beside, per_second, Spread.of([stored]), LEAST_STORED),
    ]


@dataclass(frozen=True, slots=True)
class _Measured:
    """What the searches took: each for the first time, as the server starts; again, once it has read their columns; and
    then for other pages than were shown. And how many runs a second were stored at the end."""

    first: Spread
    repeated: Spread
    unseen: Spread
    stored: float


def _measured(ours: Ours, count: int, engine: Callable[[], Engine]) -> _Measured:
    ours.ensure_server()
    ours.say(f"{count:,} runs for the searches")
    token = (ours.data / "admin.key").read_text().strip()
    ours.close()
    stored = fill_all(engine(), count)
    ours.ensure_server()
    with Client(ours.uri, token=token) as client:
        _seconds(client, "run_id = 'none'", "run_id ASC")  # the first one loads the parser, and connects
        first = [_seconds(client, *search) for search in SEARCHES]
        _wait_for_columns(ours)
        unseen = [_next_page_seconds(client, *search) for search in SEARCHES]
        repeated = [_seconds(client, *search) for search in SEARCHES for _ in range(REPEATS)]
        return _Measured(Spread.of(first), Spread.of(repeated), Spread.of(unseen), stored)


def _wait_for_columns(ours: Ours) -> None:
    """Wait until the server rests."""
    ours.say("the server reads the columns that were searched")
    before, rested, until = ours.processor_seconds(), 0, time.monotonic() + LONGEST_WAIT_SECONDS
    while rested < 3 and time.monotonic() < until:
        time.sleep(1)
        now = ours.processor_seconds()
        rested = rested + 1 if now - before < 0.1 else 0
        before = now


def _seconds(client: Client, text: str, order: str) -> float:
    began = time.perf_counter()
    list(islice(client.tracking.search_runs(filter=text, order_by=[order], page_size=PAGE), PAGE))
    return time.perf_counter() - began


def _next_page_seconds(client: Client, text: str, order: str) -> float:
    """Of the page after the first, which nobody has seen."""
    found = client.tracking.search_runs(filter=text, order_by=[order], page_size=PAGE)
    list(islice(found, PAGE))
    began = time.perf_counter()
    list(islice(found, PAGE))
    return time.perf_counter() - began
