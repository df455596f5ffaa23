"""What a team does with MLflow, and what MLflow answers about it, as JSON. It runs under MLflow's own interpreter:

python mlflow_story.py FOLDER

tells it to a server of MLflow (database `mlflow.db`, artifacts below `artifacts`), and once more to the folder
`mlruns`; writes `rest.json` and `files.json`; then prints `serving` and the server's address, and serves until its
input ends.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

FOLDER = Path(sys.argv[1])
os.chdir(FOLDER)
os.environ |= {
    "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{FOLDER}/mlflow.db",
    "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
    "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(FOLDER / "artifacts"),
    "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
}

import mlflow  # noqa: E402 - it reads those variables
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import LoggedModelInput, LoggedModelOutput, Metric, ViewType  # noqa: E402
from mlflow.models import Model  # noqa: E402
from mlflow.server import app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402


def folder_of_model(name):
    """A model as files, without any framework."""
    folder = Path(tempfile.mkdtemp(dir=FOLDER))
    (folder / "data").mkdir()
    Model(artifact_path="model").save(str(folder / "MLmodel"))
    (folder / "data" / "weights.bin").write_bytes(name.encode() * 1000)
    return str(folder)


def tell():
    """The story."""
    mlflow.set_experiment("vision/é")
    mlflow.set_experiment_tag("team", "a")
    with mlflow.start_run(run_name="parent", description="a *note*") as parent:
        mlflow.log_params({"lr": 0.1, "long": "x" * 5000, "with space/and:colon": "é"})
        mlflow.set_tags({"kind": "first", "empty": ""})
        for step in range(7):
            mlflow.log_metric("loss", 1 / (step + 1), step=step, timestamp=1_700_000_000_000 + step)
        odd = [(math.nan, 0), (math.inf, 1), (-math.inf, 2), (-0.0, 3), (5e-324, -4), (1.5, 2**40)]
        CLIENT.log_batch(
            parent.info.run_id, [Metric("odd/ones", value, 1_700_000_000_500, step) for value, step in odd]
        )
        many = [Metric("many", i / 7, 1_700_000_001_000 + i, i) for i in range(900)]
        CLIENT.log_batch(parent.info.run_id, many)
        mlflow.log_text("hello", "notes/hello.txt")
        mlflow.log_text("", "empty.txt")
        mlflow.log_artifacts(folder_of_model("v1"), "model")
        mlflow.log_input(
            mlflow.data.meta_dataset.MetaDataset(source(), name="digits", digest="d1"),
            context="training",
            tags={"split": "half"},
        )
        with mlflow.start_run(run_name="child", nested=True):
            mlflow.log_metric("inner", 2.5)
    try:
        with mlflow.start_run(run_name="failed"):
            raise KeyError
    except KeyError:
        pass
    with mlflow.start_run(run_name="binned") as binned:
        mlflow.log_metric("gone", 1)
    CLIENT.delete_run(binned.info.run_id)
    still = CLIENT.create_run(mlflow.get_experiment_by_name("vision/é").experiment_id, run_name="still running")
    CLIENT.log_metric(still.info.run_id, "loss", 3.0)
    gone = CLIENT.create_experiment("binned experiment")
    in_gone = CLIENT.create_run(gone, run_name="in the bin")
    CLIENT.log_param(in_gone.info.run_id, "p", "1")
    CLIENT.set_terminated(in_gone.info.run_id, "KILLED", 1_700_000_002_000)
    CLIENT.delete_experiment(gone)
    register(parent.info.run_id)
    with mlflow.start_span("traced"):
        pass
    mlflow.flush_trace_async_logging()


def source():
    from mlflow.data.http_dataset_source import HTTPDatasetSource

    return HTTPDatasetSource("https://example.org/digits.csv")


def register(run_id):
    CLIENT.create_registered_model("digits", tags={"owner": "ann"}, description="Reads *digits*.")
    where = f"{CLIENT.get_run(run_id).info.artifact_uri}/model"
    for number in range(1, 5):
        CLIENT.create_model_version("digits", where, run_id, description=f"the {number}.", tags={"n": str(number)})
    CLIENT.delete_model_version("digits", "2")
    CLIENT.transition_model_version_stage("digits", "1", "Archived")
    CLIENT.transition_model_version_stage("digits", "3", "Production")
    CLIENT.set_registered_model_alias("digits", "champion", "3")
    CLIENT.set_registered_model_alias("digits", "old", "1")
    data = mlflow.data.meta_dataset.MetaDataset(source(), name="digits", digest="d1")
    with mlflow.start_run(run_name="logged a model") as run:
        logged = mlflow.initialize_logged_model(
            name="net", params={"depth": "3"}, tags={"kind": "candidate"}, model_type="classifier"
        )
        CLIENT.log_model_artifacts(logged.model_id, folder_of_model("v2"))
        mlflow.log_metric("accuracy", 0.5, step=1, timestamp=1_700_000_003_001)  # of the run alone
        mlflow.log_metric("accuracy", 0.9, step=3, timestamp=1_700_000_003_003, model_id=logged.model_id, dataset=data)
        mlflow.log_metric("odd", math.nan, step=2, timestamp=1_700_000_003_004, model_id=logged.model_id)
        mlflow.log_outputs([LoggedModelOutput(logged.model_id, step=3)])
        mlflow.finalize_logged_model(logged.model_id, "READY")
        mlflow.finalize_logged_model(mlflow.initialize_logged_model(name="broken").model_id, "FAILED")
        gone = mlflow.initialize_logged_model(name="gone")
        mlflow.log_metric("lost", 1.0, step=1, timestamp=1_700_000_003_005, model_id=gone.model_id)
    CLIENT.delete_logged_model(gone.model_id)
    with mlflow.start_run(run_name="measured a model") as measuring:
        CLIENT.log_inputs(measuring.info.run_id, models=[LoggedModelInput(logged.model_id)])
        mlflow.log_metric("f1", 0.75, step=1, timestamp=1_700_000_004_000, model_id=logged.model_id, dataset=data)
    CLIENT.create_registered_model("net")
    CLIENT.create_model_version("net", f"models:/{logged.model_id}", run.info.run_id, model_id=logged.model_id)


def answers():
    """What MLflow says of it."""
    found = CLIENT.search_experiments(view_type=ViewType.ALL)
    told = {"experiments": [], "runs": [], "models": [], "logged": []}
    made = {}
    for each in found:
        told["experiments"].append(
            {"name": each.name, "deleted": each.lifecycle_stage == "deleted", "tags": dict(each.tags)}
        )
        for model in CLIENT.search_logged_models([each.experiment_id]):
            told["logged"].append(of_logged_model(model))
            made[model.name] = model.model_id
        for run in CLIENT.search_runs([each.experiment_id], run_view_type=ViewType.ALL):
            told["runs"].append(of_run(each.name, CLIENT.get_run(run.info.run_id), made))
    for model in CLIENT.search_registered_models():
        versions = [of_version(each) for each in CLIENT.search_model_versions(f"name='{model.name}'")]
        told["models"].append(
            {
                "name": model.name,
                "description": model.description or "",
                "tags": dict(model.tags),
                "aliases": {alias: int(version) for alias, version in model.aliases.items()},
                "versions": sorted(versions, key=lambda one: one["number"]),
            }
        )
    return told


def of_logged_model(model):
    folder = FOLDER / "fetched" / model.model_id
    if CLIENT.list_logged_model_artifacts(model.model_id):
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/{model.model_id}"))
    metrics = [
        [one.run_id, one.key, one.timestamp, one.step, repr(finite(one.value)), one.dataset_name, one.dataset_digest]
        for one in model.metrics or ()
    ]
    return {
        "model_id": model.model_id,
        "name": model.name,
        "type": model.model_type or None,
        "run_id": model.source_run_id or None,
        "status": str(model.status),
        "params": model.params or {},
        "tags": model.tags or {},
        "metrics": sorted(metrics, key=str),
        "files": digests(folder),
    }


def digests(folder):
    files = [each for each in sorted(folder.rglob("*")) if each.is_file() and each.name != "registered_model_meta"]
    return {each.relative_to(folder).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def of_run(experiment, run, made):
    info, data = run.info, run.data
    histories = {
        key: sorted([point.timestamp, point.step, repr(finite(point.value))] for point in history)
        for key in data.metrics
        if (history := CLIENT.get_metric_history(info.run_id, key))
    }
    inputs = [
        [one.dataset.name, one.dataset.digest, one.dataset.source_type, one.dataset.source, tags(one)]
        for one in run.inputs.dataset_inputs
    ]
    return {
        "experiment": experiment,
        "run_id": info.run_id,
        "name": info.run_name,
        "status": info.status,
        "user": info.user_id,
        "start": info.start_time,
        "end": info.end_time,
        "deleted": info.lifecycle_stage == "deleted",
        "params": data.params,
        "tags": data.tags,
        "metrics": histories,
        "inputs": inputs,
        "reads": sorted(one.model_id for one in run.inputs.model_inputs),
        # MLflow's folder of files answers the id of the run for that of the model.
        "makes": [
            [made["net"] if one.model_id == info.run_id else one.model_id, one.step]
            for one in run.outputs.model_outputs
        ],
        "files": files_of(lambda path: CLIENT.list_artifacts(info.run_id, path), info.run_id),
    }


def tags(data_input):
    return {one.key: one.value for one in data_input.tags}


def finite(value):
    """SQL databases have no infinities: MLflow answers the greatest number for them."""
    return math.copysign(math.inf, value) if abs(value) >= 1.797e308 else float(value)


def files_of(listed, run_id, path=None):
    found = {}
    for each in listed(path):
        if each.is_dir:
            found |= files_of(listed, run_id, each.path)
        else:
            local = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=each.path)
            found[each.path] = hashlib.sha256(Path(local).read_bytes()).hexdigest()
    return found


def of_version(version):
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{version.name}/{version.version}"))
    return {
        "number": int(version.version),
        "stage": version.current_stage,
        "description": version.description or "",
        "tags": dict(version.tags),
        "run_id": version.run_id,
        "files": digests(folder),
    }


def main():
    """Tell it twice, and serve."""
    global CLIENT
    server = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for asked in ("experiments/search?max_results=1", "registered-models/search"):  # its stores change what is global
        with urllib.request.urlopen(f"{url}/api/2.0/mlflow/{asked}") as answer:
            answer.read()
    for name, uri in (("files", (FOLDER / "mlruns").as_uri()), ("rest", url)):
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        CLIENT = MlflowClient()
        tell()
        (FOLDER / f"{name}.json").write_text(json.dumps(answers()))
    print("serving", url, flush=True)
    sys.stdin.read()


main()
