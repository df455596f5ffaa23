"""P7: twenty fixed searches over 100,000 runs, through the client, on SQLite."""

from __future__ import annotations

import time
from contextlib import closing
from itertools import islice
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.ours import Ours
from benchmarks.samples import Spread
from benchmarks.search_data import fill
from benchmarks.searches import SEARCHES, runs
from trackway.client import Client
from trackway_server.core.db.sqlite import sqlite_engine

RUNS = 100_000
PAGE = 100
REPEATS = 3


def searches(bench: Bench) -> list[Row]:
    """P7: the first 100 runs of each, complete with params, tags and metrics, as a caller gets them."""
    work, count = bench.work / "searches", bench.scaled(RUNS)
    work.mkdir()
    with closing(Ours(work, bench.say)) as ours:
        ours.ensure_server()
        ours.close()
        bench.say(f"{count:,} runs for the searches")
        _fill(ours.data / "tracking.db", count)
        ours.ensure_server()
        token = (ours.data / "admin.key").read_text().strip()
        with Client(ours.uri, token=token) as client:
            _seconds(client, *SEARCHES[1])  # the first one loads the parser, and connects
            taken = Spread.of([_seconds(client, *search) for search in SEARCHES for _ in range(REPEATS)])
    what = f"twenty searches over {count:,} runs × 20 params × 20 metrics, first {PAGE}"
    worst = Spread.of([taken.high])
    return [
        Row("P7", f"{what}: median", Unit.SECONDS, Spread.of([taken.median]), 0.02),
        Row("P7", f"{what}: worst", Unit.SECONDS, worst, 0.5),
    ]


def _fill(database: Path, count: int) -> None:
    engine, rest, series = sqlite_engine(database), runs(count), 1
    with engine.connect() as connection:
        while True:
            connection.exec_driver_sql("BEGIN")
            filled = fill(connection, rest, series)
            connection.exec_driver_sql("COMMIT")
            if not filled:
                break
            series += 20 * filled
    engine.dispose()


def _seconds(client: Client, text: str, order: str) -> float:
    began = time.perf_counter()
    list(islice(client.tracking.search_runs(filter=text, order_by=[order], page_size=PAGE), PAGE))
    return time.perf_counter() - began
