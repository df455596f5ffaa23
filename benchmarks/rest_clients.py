"""REST: many plain HTTP clients at once, on one server of either product."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.peer import mlflow_server
from benchmarks.plain_http import PlainHttp
from benchmarks.processes import BenchmarkError, wait_until_quiet
from benchmarks.samples import Spread, percentile

CLIENTS = 16
SECONDS = 6.0
METRICS = 1000
FIELDS = 20
"""Params, and metrics, of a whole run: as many as the runs of P7 have."""
DEFAULT_WORKERS = 4
"""Of `mlflow server`, where it is not told how many."""
TIMES_MS = itertools.count(1_800_000_000_000)

Act = Callable[[PlainHttp, str], float]
"""What a client does again and again, given the id of its own run: how many seconds that took."""


@dataclass(slots=True)
class _Got:
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)


def clients_at_once(bench: Bench) -> list[Row]:
    """16 clients, each with a run of its own: how often a second, and p99, of log-metric, log-batch and making whole
    runs."""
    token = (bench.ours.data / "admin.key").read_text().strip()
    ours = _measured(bench, bench.ours.http_uri, token, "Trackway")
    theirs = bench.of_peer(lambda _: _of_default_workers(bench), "REST, many clients") or {}
    rows = []
    for what, got in ours.items():
        peer = theirs.get(what)
        name = f"{CLIENTS} clients, {what}"
        words = "default workers" if peer else ""
        note = "threads of one process on the same cores send them"
        rows += [
            Row("REST", name, Unit.CALLS_PER_SECOND, _rate(got), None, peer and _rate(peer), words, note),
            Row("REST", f"{name}, p99", Unit.SECONDS, _p99(got), None, peer and _p99(peer), words),
        ]
    return rows


def _rate(got: _Got) -> Spread:
    return Spread.of([len(got.latencies) / got.seconds])


def _p99(got: _Got) -> Spread:
    return Spread.of([percentile(got.latencies, 99)])


def _of_default_workers(bench: Bench) -> dict[str, _Got]:
    uri, server = mlflow_server(bench.work / "mlflow-workers", DEFAULT_WORKERS)
    server.start()
    try:
        wait_until_quiet(server)
        return _measured(bench, uri, "", "MLflow")
    finally:
        server.stop()


def _measured(bench: Bench, uri: str, token: str, name: str) -> dict[str, _Got]:
    with closing(PlainHttp(uri, token)) as http:
        experiment = http.post("experiments/create", {"name": "many clients"})["experiment_id"]
        made = [http.post("runs/create", {"experiment_id": experiment}) for _ in range(CLIENTS)]
    runs = [one["run"]["info"]["run_id"] for one in made]
    acts: dict[str, Act] = {
        "runs/log-metric": lambda http, run: http.seconds_to_post(
            "runs/log-metric", {"run_id": run, **_point("one", 0)}
        ),
        f"runs/log-batch of {METRICS:,} metrics": lambda http, run: http.seconds_to_post("runs/log-batch", _batch(run)),
        f"whole runs (create, log-batch of {FIELDS} params and {FIELDS} metrics, update)": lambda http, _: _whole_run(
            http, experiment
        ),
    }
    found = {}
    for what, act in acts.items():
        bench.say(f"{name}: {CLIENTS} clients, {what}")
        found[what] = _at_once(uri, token, runs, act, bench.scaled(int(SECONDS)))
    return found


def _at_once(uri: str, token: str, runs: list[str], act: Act, seconds: float) -> _Got:
    got, ready = _Got(), threading.Barrier(len(runs) + 1)

    def client(run_id: str) -> None:
        with closing(PlainHttp(uri, token)) as http:
            try:
                act(http, run_id)  # the first one loads code
                http.close()  # it is opened anew: a server closes one that idles while others load code
                ready.wait()
                end = time.perf_counter() + seconds
                while time.perf_counter() < end:
                    got.latencies.append(act(http, run_id))
            except (BenchmarkError, OSError) as error:
                got.failures.append(error)
                ready.abort()

    threads = [threading.Thread(target=client, args=(run_id,)) for run_id in runs]
    for thread in threads:
        thread.start()
    try:
        ready.wait()
    except threading.BrokenBarrierError:
        got.seconds = 0.0  # a client has failed, and says why
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    got.seconds = time.perf_counter() - began
    if got.failures:
        raise BenchmarkError(f"one of {len(runs)} clients failed: {got.failures[0]}")
    return got


def _whole_run(http: PlainHttp, experiment: str) -> float:
    began = time.perf_counter()
    made = http.post("runs/create", {"experiment_id": experiment, "start_time": next(TIMES_MS)})
    run_id, now = made["run"]["info"]["run_id"], next(TIMES_MS)
    params = [{"key": f"param {number}", "value": str(number)} for number in range(FIELDS)]
    metrics = [_point(f"metric {number}", 0, now) for number in range(FIELDS)]
    http.post("runs/log-batch", {"run_id": run_id, "params": params, "metrics": metrics})
    http.post("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": next(TIMES_MS)})
    return time.perf_counter() - began


def _batch(run_id: str) -> dict[str, object]:
    now = next(TIMES_MS)
    return {"run_id": run_id, "metrics": [_point(f"layer {number}", now % 1_000_000, now) for number in range(METRICS)]}


def _point(key: str, step: int, time_ms: int | None = None) -> dict[str, object]:
    return {"key": key, "value": 1 / (1 + step), "timestamp": time_ms or next(TIMES_MS), "step": step}
