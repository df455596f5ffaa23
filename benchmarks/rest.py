"""REST: MLflow's own REST API on both servers, driven by one plain HTTP client."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import closing

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.plain_http import PlainHttp
from benchmarks.processes import BenchmarkError
from benchmarks.rest_clients import clients_at_once
from benchmarks.samples import Spread

METRICS = 1000
"""As many as one log_batch may have."""
BATCHES = 10
SMALL_CALLS = 60
RUNS = 200
SERIES = 20
TIMES_MS = itertools.count(1_700_000_000_000)


def rest(bench: Bench) -> list[Row]:
    """REST: log_batch of 1,000 metrics, runs/search and metrics/get-history, by HTTP."""
    bench.ours.ensure_server()
    token = (bench.ours.data / "admin.key").read_text().strip()
    with closing(PlainHttp(bench.ours.http_uri, token)) as http:
        ours = _measured(bench, http, "Trackway")
    theirs = bench.of_peer(lambda peer: _of_uri(bench, peer.uri), "REST")
    rows = [Row("REST", what, Unit.SECONDS, taken, None, (theirs or {}).get(what)) for what, taken in ours.items()]
    return rows + clients_at_once(bench)


def _of_uri(bench: Bench, uri: str) -> dict[str, Spread]:
    with closing(PlainHttp(uri)) as http:
        return _measured(bench, http, "MLflow")


def _measured(bench: Bench, http: PlainHttp, name: str) -> dict[str, Spread]:
    experiment = http.post("experiments/create", {"name": "rest"})["experiment_id"]
    runs = [_run(http, experiment) for _ in range(bench.scaled(RUNS))]
    query = {
        "experiment_ids": [experiment],
        "filter": "metrics.m3 > 0.1 AND params.p3 = '3'",
        "order_by": ["metrics.m0 DESC"],
        "max_results": 100,
    }
    found = len(http.post("runs/search", query)["runs"])
    if found != min(100, len(runs) - 1):
        raise BenchmarkError(f"{name} found {found} runs")

    def repeated(what: str, measure: Callable[[], float]) -> Spread:
        measure()  # the first one loads code
        return bench.repeated(BATCHES, measure, f"{name}: {what}")

    batches = repeated("log_batch", lambda: http.seconds_to_post("runs/log-batch", _batch(runs[0])))
    steps = repeated("log_batch", lambda: http.seconds_to_post("runs/log-batch", _steps(runs[1])))
    searches = repeated("runs/search", lambda: http.seconds_to_post("runs/search", query))
    run_id = _run(http, experiment)
    for first in range(0, 10 * METRICS, METRICS):
        points = [_point("loss", step) for step in range(first, first + METRICS)]
        http.post("runs/log-batch", {"run_id": run_id, "metrics": points})
    asked = {"run_id": run_id, "metric_key": "loss"}
    if (count := len(http.get("metrics/get-history", **asked)["metrics"])) != 10 * METRICS:
        raise BenchmarkError(f"{name} answered {count:,} points of {10 * METRICS:,}")
    history = repeated("get-history", lambda: http.seconds_to_get("metrics/get-history", **asked))
    return {
        f"runs/log-batch of {METRICS:,} metrics": batches,
        f"runs/log-batch of {METRICS:,} points of one metric": steps,
        **_small_calls(bench, http, name, experiment, runs),
        f"runs/search of {len(runs):,} runs, first 100": searches,
        f"metrics/get-history of {10 * METRICS:,} points": history,
    }


def _small_calls(bench: Bench, http: PlainHttp, name: str, experiment: str, runs: list[str]) -> dict[str, Spread]:
    """What a training loop and its set-up call one by one."""
    numbers = itertools.count()
    named = http.get("experiments/get", experiment_id=experiment)["experiment"]["name"]
    run = {"run_id": runs[-1]}
    calls: dict[str, Callable[[], float]] = {
        "runs/log-metric": lambda: http.seconds_to_post("runs/log-metric", {**run, **_point("one", 0)}),
        "runs/create": lambda: http.seconds_to_post(
            "runs/create", {"experiment_id": experiment, "start_time": next(TIMES_MS)}
        ),
        "runs/get": lambda: http.seconds_to_get("runs/get", **run),
        "runs/log-parameter": lambda: http.seconds_to_post(
            "runs/log-parameter", {**run, "key": f"param {next(numbers)}", "value": "1"}
        ),
        "runs/set-tag": lambda: http.seconds_to_post(
            "runs/set-tag", {**run, "key": "tag", "value": str(next(numbers))}
        ),
        "runs/update": lambda: http.seconds_to_post("runs/update", {**run, "run_name": f"run {next(numbers)}"}),
        "experiments/get-by-name": lambda: http.seconds_to_get("experiments/get-by-name", experiment_name=named),
    }
    found = {}
    for what, call in calls.items():
        call()  # the first one loads code
        found[what] = bench.repeated(SMALL_CALLS, call, f"{name}: {what}")
    return found


def _run(http: PlainHttp, experiment: str) -> str:
    made = http.post("runs/create", {"experiment_id": experiment, "start_time": next(TIMES_MS)})
    run_id: str = made["run"]["info"]["run_id"]
    numbers = range(SERIES)
    http.post(
        "runs/log-batch",
        {
            "run_id": run_id,
            "metrics": [_point(f"m{number}", number) for number in numbers],
            "params": [{"key": f"p{number}", "value": str(number)} for number in numbers],
        },
    )
    return run_id


def _batch(run_id: str) -> dict[str, object]:
    """A dict of 1,000 metrics as `log_metrics` sends it, of one step and time; another step each time."""
    now = next(TIMES_MS)
    step = now % 1_000_000
    return {"run_id": run_id, "metrics": [_point(f"layer {number}", step, now) for number in range(METRICS)]}


def _steps(run_id: str) -> dict[str, object]:
    """1,000 points of one metric, each of a time of its own, as a buffered loop sends them."""
    return {"run_id": run_id, "metrics": [_point("loss", step) for step in range(METRICS)]}


def _point(key: str, step: int, time_ms: int | None = None) -> dict[str, object]:
    return {"key": key, "value": 1 / (1 + step), "timestamp": time_ms or next(TIMES_MS), "step": step}
