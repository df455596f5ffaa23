"""Counts on the server what was logged: neither less nor more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackway.demo.experiment import Logged
from trackway.demo.failure import DemoFailure
from trackway.demo.training import STEPS, WORKERS

if TYPE_CHECKING:
    from trackway.client import Client

_SHARED = ("loss", "accuracy", "gradient_norm")


def check_durable(client: Client, logged: Logged) -> int:
    """The number of points on the server, read back. Raises DemoFailure where it is not exactly what was logged."""
    counts = {run_id: _points(client, run_id) for run_id in logged.points}
    for run_id, expected in logged.points.items():
        if counts[run_id] != expected:
            raise DemoFailure(f"run {run_id} has {counts[run_id]:,} points on the server; {expected:,} were logged")
    _check_steps(client, logged.run_id)
    _check_run(client, logged)
    return sum(counts.values())


def _points(client: Client, run_id: str) -> int:
    return sum(series.count for series in client.tracking.list_series(run_id))


def _check_steps(client: Client, run_id: str) -> None:
    """Every step of every rank, read as points, not as summaries."""
    for key in _SHARED:
        series = client.tracking.read_series(run_id, key)
        ranks = sorted(each.context.get("rank", "") for each in series)
        if ranks != [str(rank) for rank in range(WORKERS)]:
            raise DemoFailure(f"{key} was logged by ranks {', '.join(ranks)}; four were expected")
        for each in series:
            if each.steps.tolist() != list(range(STEPS)):
                raise DemoFailure(f"{key} of rank {each.context['rank']} does not have each of its steps exactly once")


def _check_run(client: Client, logged: Logged) -> None:
    run = client.tracking.get_run(logged.run_id)
    if run.info.status != "FINISHED" or run.info.refused_count:
        raise DemoFailure(f"the run is {run.info.status} with {run.info.refused_count} records refused")
    if not run.inputs.dataset_inputs:
        raise DemoFailure("the run does not name its data set")
    nested = {each.info.run_id for each in client.tracking.search_runs(parent_run_id=logged.run_id)}
    if nested != set(logged.points) - {logged.run_id}:
        raise DemoFailure(f"the run has {len(nested)} nested runs; one for each of {WORKERS} workers was expected")
    files = {each.path for each in client.artifacts.list(logged.run_id)}
    if not {"confusion_matrix.png", "model"} <= files:
        raise DemoFailure(
            f"the run's artifacts are {', '.join(sorted(files)) or 'none'}; picture and model were expected"
        )
