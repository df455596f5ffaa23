"""Many processes and threads of MLflow's own client at once: nothing is lost, and nothing is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.mlflow_environment import clients, rest, told
from trackway.testing import LocalServer

COUNTING = """
import multiprocessing, os, pathlib, sys, threading
import mlflow, requests
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

failed = []
send = requests.Session.send
def noting(self, request, **options):
    answer = send(self, request, **options)
    if answer.status_code >= 400:
        failed.append((request.method, request.url, answer.status_code, answer.text))
    return answer
requests.Session.send = noting
"""

WRITERS = """
PROCESSES, THREADS, STEPS, BATCH = 8, 4, 5, 500

def write(me, shared):
    process, thread = me
    client, name = MlflowClient(), f"{process}.{thread}"
    note = pathlib.Path(f"note-{name}.txt")
    note.write_text(name)
    with mlflow.start_run(run_name=f"parent {name}", tags={"who": name}):
        mlflow.log_params({f"p{number}": str(number) for number in range(20)})
        for step in range(STEPS):
            mlflow.log_metrics({"loss": 1 / (step + 1), "acc": step}, step=step)
            mlflow.log_metric("one", step, step=step)
            client.log_metric(shared, "together", process, step=step * 100 + thread * 10 + process)
        mlflow.log_artifact(note, f"notes/{process}")
        with mlflow.start_run(run_name=f"child {name}", nested=True) as child:
            client.log_batch(
                child.info.run_id,
                [Metric("many", number / 4, 1_700_000_000_000 + number, number) for number in range(BATCH)],
                [Param("who", name)],
                [RunTag("who", name)],
            )
            mlflow.set_tag("late", name)
    client.log_artifact(shared, str(note), f"of {process}")
    client.log_param(shared, f"param of {name}", name)
    client.set_tag(shared, f"tag of {name}", name)

def main(process, shared, outcome):
    begun = [threading.Thread(target=kept, args=((process, thread), shared)) for thread in range(THREADS)]
    for one in begun:
        one.start()
    for one in begun:
        one.join()
    outcome.put((process, failed))

def kept(me, shared):
    try:
        write(me, shared)
    except BaseException as error:
        failed.append((me, repr(error)))
        raise

shared = MlflowClient().create_run(mlflow.set_experiment("together").experiment_id, run_name="shared").info.run_id
failed.clear()  # there was no such experiment
fork = multiprocessing.get_context("fork")
outcome = fork.Queue()
processes = [fork.Process(target=main, args=(number, shared, outcome)) for number in range(PROCESSES)]
for one in processes:
    one.start()
outcomes = [outcome.get() for _ in processes]
for one in processes:
    one.join()
assert all(each == [] for _, each in outcomes), outcomes
assert all(one.exitcode == 0 for one in processes)

client, names = MlflowClient(), {f"{p}.{t}" for p in range(PROCESSES) for t in range(THREADS)}
runs = mlflow.search_runs(experiment_names=["together"], output_format="list")
assert len(runs) == 1 + 2 * len(names), len(runs)
parents = {run.info.run_name.split()[1]: run for run in runs if run.info.run_name.startswith("parent")}
children = {run.info.run_name.split()[1]: run for run in runs if run.info.run_name.startswith("child")}
assert parents.keys() == children.keys() == names
for name, run in parents.items():
    assert run.info.status == "FINISHED" and run.data.tags["who"] == name and len(run.data.params) == 20
    assert run.data.metrics == {"loss": 1 / STEPS, "acc": STEPS - 1, "one": STEPS - 1}, run.data.metrics
    child = children[name]
    assert child.data.tags["mlflow.parentRunId"] == run.info.run_id and child.data.tags["late"] == name
    assert child.data.params == {"who": name}
for name in ("0.0", "3.1", "7.3"):
    history = client.get_metric_history(children[name].info.run_id, "many")
    assert sorted((one.step, one.value) for one in history) == [(number, number / 4) for number in range(BATCH)]
    history = client.get_metric_history(parents[name].info.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(step, 1 / (step + 1)) for step in range(STEPS)]
    (note,) = client.list_artifacts(parents[name].info.run_id, f"notes/{name[0]}")
    assert mlflow.artifacts.load_text(f"runs:/{parents[name].info.run_id}/{note.path}") == name
together = client.get_run(shared)
assert {value for key, value in together.data.params.items()} == names
assert {value for key, value in together.data.tags.items() if key.startswith("tag of")} == names
points = {(one.step, one.value) for one in client.get_metric_history(shared, "together")}
assert points == {
    (step * 100 + t * 10 + p, p) for step in range(STEPS) for t in range(THREADS) for p in range(PROCESSES)
}
files = [each.path for p in range(PROCESSES) for each in client.list_artifacts(shared, f"of {p}")]
assert len(files) == len(names), files
"""

ASYNCHRONOUS = """
mlflow.config.enable_async_logging()
mlflow.set_experiment("asynchronous")
failed.clear()  # there was no such experiment

def write(thread):
    for step in range(200):
        mlflow.log_metric(f"m{thread}", step / 2, step=step, run_id=run.info.run_id)
    waiting.append(mlflow.MlflowClient().log_param(run.info.run_id, f"p{thread}", thread, synchronous=False))

waiting = []
with mlflow.start_run() as run:
    mlflow.log_params({"a": 1, "b": 2})
    mlflow.set_tags({"t": "v"})
    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    operation = mlflow.log_metrics({"x": 1.5, "y": 2.5}, step=3)
    operation.wait()
    assert mlflow.get_run(run.info.run_id).data.metrics["y"] == 2.5
for one in waiting:
    one.wait()
mlflow.flush_async_logging()
found = mlflow.get_run(run.info.run_id)
params = found.data.params
assert params == {"a": "1", "b": "2", **{f"p{number}": str(number) for number in range(4)}}, params
assert found.data.tags["t"] == "v" and found.info.status == "FINISHED"
for number in range(4):
    history = MlflowClient().get_metric_history(run.info.run_id, f"m{number}")
    assert sorted((one.step, one.value) for one in history) == [(step, step / 2) for step in range(200)], len(history)
assert failed == [], failed
"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("python", clients("many writers"))
def test_nothing_is_lost_of_8_processes_with_4_threads(python: Path, tmp_path: Path) -> None:
    with LocalServer() as server:
        told(python, COUNTING + WRITERS, tmp_path, **rest(server))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("python", clients("many writers"))
def test_nothing_is_lost_of_what_is_logged_asynchronously(python: Path, tmp_path: Path) -> None:
    with LocalServer() as server:
        told(python, COUNTING + ASYNCHRONOUS, tmp_path, **rest(server))
