"""P9 server start, P10 import, P11 first metric, P12 a whole process."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.ours import PYTHON, trackway_server
from benchmarks.peer import PYTHON as PEER_PYTHON
from benchmarks.peer import QUIET, Peer, mlflow_server
from benchmarks.processes import BenchmarkError, ServerProcess, clean_environment, wall_seconds
from benchmarks.samples import Spread


def server_start(bench: Bench) -> list[Row]:
    """P9: from the start of the process until it serves; warm: the data directory exists and has been used."""
    first_ours, warm_ours = _starts(bench, trackway_server(bench.work / "start-trackway", bench.work)[1], "Trackway", 5)
    theirs = bench.of_peer(
        lambda _: _starts(bench, mlflow_server(bench.work / "start-mlflow")[1], "MLflow", 2), "server start"
    )
    first_peer, warm_peer = theirs or (None, None)
    return [
        Row("P9", "server start to serving, warm", Unit.SECONDS, warm_ours, 1.2, warm_peer, "one worker"),
        Row(
            "P9", "its first start, which makes the database", Unit.SECONDS, first_ours, None, first_peer, "one worker"
        ),
    ]


def _starts(bench: Bench, server: ServerProcess, name: str, times: int) -> tuple[Spread, Spread]:
    def once() -> float:
        try:
            return server.start()
        finally:
            server.stop()

    first = Spread.of([once()])
    return first, bench.repeated(times, once, f"{name}: server start")


def import_cost(bench: Bench) -> list[Row]:
    """P10: a fresh process that imports, less a fresh process that does not, taken in turns."""
    return [
        _import_row(bench, "import, over the bare interpreter", "import {0}"),
        _import_row(bench, "the same and what a training loop calls", "import {0}; {0}.start_run, {0}.log_metric"),
    ]


def _import_row(bench: Bench, what: str, code: str) -> Row:
    ours = _imports(bench, 15, PYTHON, code.format("trackway"))
    peer = bench.of_peer(lambda _: _imports(bench, 5, PEER_PYTHON, code.format("mlflow")), "import")
    return Row("P10", what, Unit.SECONDS, ours, 0.025, peer)


def _imports(bench: Bench, times: int, python: Path, code: str) -> Spread:
    environment = clean_environment(QUIET)

    def once() -> float:
        bare = wall_seconds([str(python), "-c", "pass"], environment, bench.work)
        return wall_seconds([str(python), "-c", code], environment, bench.work) - bare

    once()  # what is not compiled yet is compiled now
    return bench.repeated(times, once, code)


def first_metric(bench: Bench) -> list[Row]:
    """P11: `start_run()` to the return of the first `log_metric`, right after the import; no uplink runs yet."""
    what = "start_run() to the first logged metric"
    lazily = bench.repeated(7, lambda: float(bench.ours.run("first_metric", "lazily")["seconds"]), what)
    ready = bench.repeated(5, lambda: float(bench.ours.run("first_metric", "looked-up")["seconds"]), what)
    peer = bench.repeated_peer(3, lambda peer: float(peer.run("first_metric")["seconds"]), what)
    return [
        Row("P11", what, Unit.SECONDS, lazily, 0.005, peer, note="with what the package loads at its first use"),
        Row("P11", "the same, without what is loaded at first use", Unit.SECONDS, ready, None, peer),
    ]


def whole_process(bench: Bench) -> list[Row]:
    """P12: interpreter, import, one metric, finished and durable on the server, interpreter gone."""
    ours = bench.repeated(5, lambda: _whole(bench), "a whole process")
    peer = bench.repeated_peer(3, _whole_peer, "a whole process")
    return [Row("P12", "whole process: one metric, durable on the server", Unit.SECONDS, ours, 1.0, peer)]


def _whole(bench: Bench) -> float:
    bench.ours.ensure_server()
    started = time.perf_counter()
    answer = bench.ours.run("whole")
    seconds = time.perf_counter() - started
    stored = bench.ours.run("count_points", answer["run_id"])
    if (stored["points"], stored["finished"]) != (1, True):
        raise BenchmarkError(f"the run has {stored['points']} points on the server, finished: {stored['finished']}")
    return seconds


def _whole_peer(peer: Peer) -> float:
    peer.ensure_server()
    started = time.perf_counter()
    answer = peer.run("whole")
    seconds = time.perf_counter() - started
    stored = peer.run("count_points", answer["run_id"])
    if (stored["points"], stored["finished"]) != (1, True):
        raise BenchmarkError("MLflow does not have the point it was given")
    return seconds
