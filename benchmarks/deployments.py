"""The same work on SQLite, on PostgreSQL, and on PostgreSQL with two replicas of the server, beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from tests.support.postgres import Cluster

from benchmarks import ingest, resolving, writers
from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.ours import DATABASE_URL, Ours
from benchmarks.samples import Spread, percentile

REPLICAS = 2
ARRAYS = 160
LOOP_STEPS = 200_000
WRITER_SECONDS = 8


def deployments(bench: Bench) -> list[Row]:
    """REPL: P2 to P4 and P14's rate on SQLite and PostgreSQL, one and two replicas; all on these cores."""
    measured = [_measured(bench, "SQLite")]
    with postgres() as cluster:
        for replicas in (1, REPLICAS):
            name = "PostgreSQL" if replicas == 1 else f"PostgreSQL, {replicas} replicas"
            folder = bench.work / f"postgres-{replicas}"
            folder.mkdir()
            settings = {DATABASE_URL: cluster.create(f"bench_{replicas}")}
            with closing(Ours(folder, bench.say, settings, replicas)) as ours:
                measured.append(_measured(replace(bench, ours=ours, work=folder), name))
    return [row for beside in zip(*measured, strict=True) for row in beside]


def _measured(bench: Bench, where: str) -> list[Row]:
    rate = Unit.POINTS_PER_SECOND
    bulk = bench.repeated(
        2, lambda: ingest.points_per_second(bench, "bulk", bench.scaled(ARRAYS), "float32"), f"{where}: arrays"
    )
    loop = bench.repeated(
        2, lambda: ingest.points_per_second(bench, "loop", bench.scaled(LOOP_STEPS)), f"{where}: loop"
    )
    bench.say(f"{where}: {writers.WRITERS} writers")
    many = writers.measured(bench, writers.WRITERS, bench.scaled(WRITER_SECONDS))
    bench.say(f"{where}: Resolve")
    resolved = resolving.measured(bench)
    calls = Spread.of([resolved["calls"] / resolved["seconds"]])
    acknowledged = Spread.of([percentile(many["latencies"], 99)])
    return [
        Row("REPL", f"P2 bulk arrays, {where}", rate, bulk),
        Row("REPL", f"P3 loop of log_metrics of 10, {where}", rate, loop),
        Row("REPL", f"P4 64 writers into 64 runs, {where}", rate, Spread.of([many["points"] / many["seconds"]])),
        Row("REPL", f"P4 the same, p99 acknowledgement, {where}", Unit.SECONDS, acknowledged),
        Row("REPL", f"P14 Resolve, 16 callers, {where}", Unit.CALLS_PER_SECOND, calls),
    ]


@contextmanager
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL on disk that syncs every commit."""
    cluster = Cluster(durable=True, on_disk=True)
    try:
        yield cluster
    finally:
        cluster.remove()
