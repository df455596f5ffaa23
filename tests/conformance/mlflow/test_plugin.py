"""MLflow's own API, unmodified, over the plugin: entry points, spool and uplink, registry, artifacts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.mlflow_environment import clients, interpreter, variables
from trackway import Client
from trackway._ingest.sync import sync_spools
from trackway.testing import LocalServer

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module", params=clients("plugin"))
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return interpreter(tmp_path_factory.mktemp("mlflow-environment"), request.param)


@pytest.fixture(scope="module")
def server(python: Path) -> Iterator[LocalServer]:
    """One for each of them."""
    del python
    with LocalServer() as running:
        yield running


def told(python: Path, story: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-c", story],
        env=variables(home, environment),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=400,
    )


def key_of(server: LocalServer) -> dict[str, str]:
    return {"MLFLOW_TRACKING_URI": server.uri, "TRACKWAY_TOKEN": server.token}


RUNS = """
import math, os, statistics, time
import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

NEW = int(mlflow.__version__.split(".")[0]) >= 3

def refused(code, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except MlflowException as error:
        assert error.error_code == code, (error.error_code, error.message)
        return error.message
    raise AssertionError(f"{call} {arguments} was taken")

experiment = mlflow.set_experiment("by the plugin")
assert experiment.artifact_location.startswith("trackway://"), experiment.artifact_location
with mlflow.start_run(run_name="first", tags={"a": "b"}, description="note") as run:
    run_id = run.info.run_id
    mlflow.log_param("lr", 0.1)
    mlflow.log_params({"layers": 3, "name": "é"})
    for step in range(5):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"accuracy": 0.5, "nothing": math.nan, "much": math.inf}, step=7)
    mlflow.set_tag("t", "v")
    refused("INVALID_PARAMETER_VALUE", mlflow.log_param, "lr", "other")
    with mlflow.start_run(nested=True) as child:
        mlflow.log_metric("inner", 1)
    assert mlflow.get_run(run_id).data.metrics["loss"] == 0.2  # while it runs, too
found = mlflow.get_run(run_id)
assert (found.info.status, found.info.run_name) == ("FINISHED", "first")
assert found.info.end_time >= found.info.start_time
assert found.data.params == {"lr": "0.1", "layers": "3", "name": "é"}, found.data.params
assert found.data.metrics["much"] == math.inf and math.isnan(found.data.metrics["nothing"])
assert found.data.tags["mlflow.note.content"] == "note" and found.data.tags["a"] == "b"
assert mlflow.get_parent_run(child.info.run_id).info.run_id == run_id
try:
    with mlflow.start_run() as failed:
        raise KeyError
except KeyError:
    assert mlflow.get_run(failed.info.run_id).info.status == "FAILED"
with mlflow.start_run(run_id=run_id):
    assert mlflow.get_run(run_id).info.status == "RUNNING"
    mlflow.log_metric("loss", 0.1, step=5)
    refused("INVALID_PARAMETER_VALUE", mlflow.log_param, "layers", 4)  # also what was logged before

client = MlflowClient()
history = client.get_metric_history(run_id, "loss")
assert [(each.step, each.value) for each in history] == list(enumerate([1, 1/2, 1/3, 1/4, 1/5, 0.1])), history
assert all(abs(each.timestamp - time.time() * 1000) < 600_000 for each in history)
assert client.get_metric_history(run_id, "no such") == []
from mlflow.tracking._tracking_service.utils import _get_store
store = _get_store()
pages, token = [], None
while token or not pages:
    page = store.get_metric_history(run_id, "loss", max_results=4, page_token=token)
    pages.append([each.step for each in page])
    token = page.token
assert pages == [[0, 1, 2, 3], [4, 5]], pages
first = store.get_metric_history(run_id, "loss", max_results=1)
store.get_metric_history(run_id, "no such")  # what was held is gone, and read anew
again = store.get_metric_history(run_id, "loss", max_results=2, page_token=first.token)
assert [each.step for each in again] == [1, 2]
refused("INVALID_PARAMETER_VALUE", store.get_metric_history, run_id, "loss", 0)
for work in (store._get_deleted_runs, store._get_deleted_logged_models):
    refused("NOT_IMPLEMENTED", work)
for work in (store._hard_delete_run, store._hard_delete_experiment, store._hard_delete_logged_model):
    refused("NOT_IMPLEMENTED", work, run_id)

# Several runs at once, none of them active, one batch twice.
now = int(time.time() * 1000)
ids = [client.create_run(experiment.experiment_id, run_name=f"sweep {i}").info.run_id for i in range(3)]
for number, each in enumerate(ids):
    points = [Metric("many", i, now, i) for i in range(900)] + [Metric("x", number, now, 0), Metric("y", 1, now, 0)]
    for _ in range(2):
        client.log_batch(each, points, [Param("p", str(number))], [RunTag("q", "2")])
    client.log_metric(each, "later", 1.5, synchronous=False).wait()
assert [each.value for each in client.get_metric_history(ids[1], "many")] == [float(i) for i in range(900)]
assert client.get_run(ids[2]).data.metrics == {"many": 899.0, "x": 2.0, "y": 1.0, "later": 1.5}
client.update_run(ids[0], name="renamed")
client.set_terminated(ids[0], "KILLED", end_time=now + 5)
info = client.get_run(ids[0]).info
assert (info.run_name, info.status, info.end_time) == ("renamed", "KILLED", now + 5), info
client.log_metric(ids[0], "after the end", 1)
assert client.get_run(ids[0]).data.metrics["after the end"] == 1.0
assert client.get_run(ids[0]).info.status == "KILLED"
refused("INVALID_PARAMETER_VALUE", client.log_param, ids[0], "p", "other")

# Searches, page by page.
chosen = "metrics.loss < 0.2 and params.lr = '0.1'"
assert [each.info.run_id for each in client.search_runs([experiment.experiment_id], chosen)] == [run_id]
wanted = {"experiment_ids": [experiment.experiment_id], "filter_string": "tags.q = '2'", "order_by": ["metrics.x DESC"]}
page = client.search_runs(**wanted, max_results=2)
assert [each.info.run_id for each in page] == ids[:0:-1] and page.token
page = client.search_runs(**wanted, max_results=2, page_token=page.token)
assert [each.info.run_id for each in page] == ids[:1] and page.token is None, page
assert run_id in set(mlflow.search_runs([experiment.experiment_id], "attributes.status = 'FINISHED'").run_id)
refused("INVALID_PARAMETER_VALUE", client.search_runs, [experiment.experiment_id], "params.p >")
refused("INVALID_PARAMETER_VALUE", client.search_runs, [experiment.experiment_id], max_results=0)
assert client.search_runs([]) == []
assert [each.name for each in client.search_experiments(filter_string="name LIKE 'by%'")] == ["by the plugin"]

# What is not there, and what is deleted.
missing = "0" * 32
for call, arguments in (
    (client.get_run, (missing,)),
    (client.get_run, ("nonsense",)),
    (client.log_metric, (missing, "m", 1)),
    (client.set_tag, ("nonsense", "k", "v")),
    (client.set_terminated, (missing,)),
    (client.delete_tag, (run_id, "no such")),
    (client.get_experiment, ("987654",)),
    (client.create_run, ("987654",)),
):
    refused("RESOURCE_DOES_NOT_EXIST", call, *arguments)
refused("INVALID_PARAMETER_VALUE", client.log_metric, ids[1], "m", 1, timestamp=-1)
refused("INVALID_PARAMETER_VALUE", client.log_metric, ids[1], "../m", 1)
refused("RESOURCE_ALREADY_EXISTS", client.create_experiment, "by the plugin")
assert client.get_experiment_by_name("nothing") is None
client.delete_tag(run_id, "t")
assert "t" not in client.get_run(run_id).data.tags
client.delete_run(failed.info.run_id)
assert client.get_run(failed.info.run_id).info.lifecycle_stage == "deleted"
refused("INVALID_PARAMETER_VALUE", client.log_metric, failed.info.run_id, "m", 1)
deleted = client.search_runs([experiment.experiment_id], run_view_type=ViewType.DELETED_ONLY)
assert [each.info.run_id for each in deleted] == [failed.info.run_id]
client.restore_run(failed.info.run_id)
client.set_experiment_tag(experiment.experiment_id, "k", "v")
assert client.get_experiment(experiment.experiment_id).tags["k"] == "v"
if NEW:
    client.delete_experiment_tag(experiment.experiment_id, "k")
client.rename_experiment(experiment.experiment_id, "renamed")
client.delete_experiment(experiment.experiment_id)
refused("INVALID_PARAMETER_VALUE", client.create_run, experiment.experiment_id)
client.restore_experiment(experiment.experiment_id)

# Data sets, as inputs and of metrics.
import numpy as np
data = mlflow.data.from_numpy(np.zeros((3, 2)), name="zeros")
with mlflow.start_run() as reading:
    mlflow.log_input(data, context="training")
    mlflow.log_metric("score", 0.5, **({"dataset": data} if NEW else {}))
found = mlflow.get_run(reading.info.run_id)
assert [each.dataset.name for each in found.inputs.dataset_inputs][:1] == ["zeros"], found.inputs
assert found.inputs.dataset_inputs[0].tags[0].value == "training"
summary, = store._search_datasets([reading.info.experiment_id])
assert (summary.name, summary.digest, summary.context) == ("zeros", data.digest, "training"), summary.to_dict()
point, = client.get_metric_history(reading.info.run_id, "score")
assert not NEW or (point.dataset_name, point.dataset_digest) == ("zeros", data.digest)
assert found.data.metrics == {"score": 0.5}

# How long a metric takes: printed, not judged, for machines differ.
def p50(uri, count):
    mlflow.set_tracking_uri(uri)
    with mlflow.start_run(experiment_id="0"):
        taken = []
        for step in range(count):
            begin = time.perf_counter_ns()
            mlflow.log_metric("loss", 0.5, step=step)
            taken.append(time.perf_counter_ns() - begin)
    return statistics.median(taken) / 1000

os.environ["MLFLOW_TRACKING_TOKEN"] = os.environ["TRACKWAY_TOKEN"]
print(f"p50 of mlflow.log_metric: {p50(os.environ['REST'], 50):.1f} us through REST", end="")
print(f", {p50(os.environ['PLUGIN'], 1000):.1f} us through the plugin", end="")
mlflow.set_registry_uri(os.environ["PLUGIN"])
print(f", {p50(os.environ['PLUGIN'], 1000):.1f} us with a registry address")

# What is left open at the end: the active run is ended, the other one goes on elsewhere.
open_run = client.create_run(experiment.experiment_id)
client.log_metric(open_run.info.run_id, "m", 1)
mlflow.start_run(run_name="left open")
print(open_run.info.run_id, mlflow.active_run().info.run_id)
"""


def test_the_story_of_runs(python: Path, server: LocalServer, tmp_path: Path) -> None:
    done = told(python, RUNS, tmp_path, **key_of(server), PLUGIN=server.uri, REST=server.http_url)
    assert done.returncode == 0, done.stderr
    assert "trackway:" not in done.stderr, done.stderr  # nothing that was recorded was refused
    *_, speed, ids = done.stdout.splitlines()
    print(speed)
    goes_on, ended = ids.split()
    with Client(server.uri, token=server.token) as client:
        assert client.tracking.get_run(ended).info.status == "FINISHED"
        assert client.tracking.get_run(goes_on).info.status == "RUNNING"
        assert client.tracking.get_run(goes_on).data.metrics == {"m": 1.0}


FILES = """
import pathlib
import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LogisticRegression

client = MlflowClient()
folder = pathlib.Path("folder")
(folder / "deep").mkdir(parents=True)
(folder / "a.txt").write_text("a")
(folder / "deep" / "b.bin").write_bytes(b"b" * 3_000_000)
with mlflow.start_run() as run:
    run_id = run.info.run_id
    assert run.info.artifact_uri.endswith(f"/runs/{run_id}"), run.info.artifact_uri
    mlflow.log_artifact("folder/a.txt")
    mlflow.log_artifact("folder/a.txt", "there")
    mlflow.log_artifacts("folder", "all")
    mlflow.log_text("text é", "notes/n.txt")
    mlflow.log_dict({"k": [1]}, "d.json")
    mlflow.log_image(np.zeros((4, 4, 3), np.uint8), "black.png")
    assert mlflow.artifacts.load_text(mlflow.get_artifact_uri("notes/n.txt")) == "text é"
top = [(each.path, each.is_dir, each.file_size) for each in client.list_artifacts(run_id)]
assert [each[:2] for each in top] == [
    ("a.txt", False), ("all", True), ("black.png", False), ("d.json", False), ("notes", True), ("there", True)
], top
assert [each.path for each in client.list_artifacts(run_id, "all")] == ["all/a.txt", "all/deep"]
assert client.list_artifacts(run_id, "a.txt") == []
got = pathlib.Path(client.download_artifacts(run_id, "all"))
assert (got / "deep" / "b.bin").read_bytes() == b"b" * 3_000_000
assert mlflow.artifacts.load_dict(f"runs:/{run_id}/d.json") == {"k": [1]}
whole = pathlib.Path(mlflow.artifacts.download_artifacts(run_id=run_id, dst_path="whole"))
assert (whole / "there" / "a.txt").read_text() == "a"
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
repository = get_artifact_repository(run.info.artifact_uri + "/all")
assert [(each.path, each.is_dir) for each in repository.list_artifacts()] == [("a.txt", False), ("deep", True)]
repository.delete_artifacts("deep")
assert [each.path for each in repository.list_artifacts()] == ["a.txt"]
odd = pathlib.Path("odd")
odd.mkdir()
for name in ("100%.txt", "12:30.log"):
    (odd / name).write_text(name)
with mlflow.start_run() as named:
    mlflow.log_image(np.zeros((4, 4, 3), np.uint8), key="pic", step=3, synchronous=True)
    mlflow.log_artifacts("odd", "odd")
    mlflow.log_text("text", "50%")
named_id = named.info.run_id
assert [each.path for each in client.list_artifacts(named_id)] == ["50%", "images", "odd"]
assert [each.path for each in client.list_artifacts(named_id, "odd")] == ["odd/100%.txt", "odd/12:30.log"]
assert mlflow.artifacts.load_text(f"runs:/{named_id}/odd/12:30.log") == "12:30.log"
(image,) = [each.path for each in client.list_artifacts(named_id, "images") if each.path.endswith(".png")]
assert mlflow.artifacts.load_image(f"runs:/{named_id}/{image}").size == (4, 4)
assert "step" in image and "\u2052" not in image, image
for path in ("../escape", "bad?name"):
    try:
        mlflow.MlflowClient().log_text(run_id, "x", path)
        raise AssertionError(f"{path} was taken")
    except MlflowException as error:
        assert error.error_code == "INVALID_PARAMETER_VALUE", error

# A model: registered, found, loaded, by number, alias and stage.
data, labels = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
mlflow.sklearn.save_model(LogisticRegression().fit(data, labels), "model", serialization_format="cloudpickle")
client.log_artifacts(run_id, "model", "model")
first = mlflow.register_model(f"runs:/{run_id}/model", "plugged", tags={"checked": "no"})
assert (first.name, int(first.version), first.run_id, first.status) == ("plugged", 1, run_id, "READY"), first
second = client.create_model_version("plugged", f"{run.info.artifact_uri}/model", run_id, description="same")
client.set_registered_model_alias("plugged", "best", 2)
client.set_model_version_tag("plugged", "1", "checked", "yes")
client.set_registered_model_tag("plugged", "team", "a")
client.update_registered_model("plugged", "description")
client.transition_model_version_stage("plugged", 2, "Production")
model = client.get_registered_model("plugged")
assert (model.description, model.tags, model.aliases) == ("description", {"team": "a"}, {"best": "2"}), model
assert [int(each.version) for each in client.get_latest_versions("plugged", ["Production"])] == [2]
assert int(client.get_model_version_by_alias("plugged", "best").version) == 2
assert client.get_model_version("plugged", "1").tags == {"checked": "yes"}
assert sorted(int(each.version) for each in client.search_model_versions("name='plugged'")) == [1, 2]
assert [each.name for each in client.search_registered_models()] == ["plugged"]
assert [each.name for each in client.search_registered_models("name='plugged'")] == ["plugged"]
uri = client.get_model_version_download_uri("plugged", 1)
assert uri.startswith("trackway://") and uri.endswith("/models/plugged/1"), uri
client.delete_run(run_id)
client.restore_run(run_id)
for uri in ("models:/plugged/1", "models:/plugged@best", "models:/plugged/Production"):
    loaded = mlflow.pyfunc.load_model(uri)
    assert list(loaded.predict(data)) == [0, 0, 1, 1]
assert list(mlflow.sklearn.load_model(f"runs:/{run_id}/model").predict(data)) == [0, 0, 1, 1]
copied = client.copy_model_version("models:/plugged/1", "copied")
assert copied.tags == {"checked": "yes"}
files = {each.path for each in mlflow.artifacts.list_artifacts("models:/copied/1")}
assert "MLmodel" in files, files
elsewhere = client.create_model_version("plugged", "s3://bucket/model", run_id)
assert (elsewhere.source, elsewhere.run_id) == ("s3://bucket/model", run_id), elsewhere
assert client.get_model_version_download_uri("plugged", elsewhere.version) == "s3://bucket/model"
for name, version in (("plugged", "file:///etc/passwd"), ("plugged", "/etc/passwd")):
    try:
        client.create_model_version(name, version)
        raise AssertionError("files of the server were taken")
    except MlflowException as error:
        assert error.error_code == "INVALID_PARAMETER_VALUE", error
try:
    client.get_model_version_by_alias("plugged", "nobody")
    raise AssertionError("an alias that nobody set is there")
except MlflowException as error:
    assert error.error_code == "INVALID_PARAMETER_VALUE", error
client.delete_registered_model_alias("plugged", "best")
client.delete_registered_model_alias("plugged", "best")
client.delete_model_version("plugged", 2)  # in Production, as MLflow does
client.transition_model_version_stage("plugged", 1, "Production")
client.delete_registered_model("plugged")
try:
    client.get_registered_model("plugged")
    raise AssertionError("a deleted model is there")
except MlflowException as error:
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error

# MLflow 3's logged models: made by a run, measured by another, registered, found.
if int(mlflow.__version__.split(".")[0]) >= 3:
    with mlflow.start_run() as making:
        info = mlflow.sklearn.log_model(
            LogisticRegression().fit(data, labels),
            name="logged",
            params={"C": 1.0},
            registered_model_name="plugged 3",
            serialization_format="cloudpickle",
        )
    experiment = making.info.experiment_id
    with mlflow.start_run() as measuring:
        mlflow.log_metric("error", 0.25, model_id=info.model_id)
    made = mlflow.get_logged_model(info.model_id)
    assert (made.name, made.status, made.source_run_id) == ("logged", "READY", making.info.run_id), made
    assert made.params["C"] == "1.0" and [(each.key, each.value) for each in made.metrics] == [("error", 0.25)], made
    assert [each.model_id for each in mlflow.get_run(making.info.run_id).outputs.model_outputs] == [info.model_id]
    assert [each.model_id for each in mlflow.get_run(measuring.info.run_id).inputs.model_inputs] == [info.model_id]
    registered = client.get_model_version("plugged 3", "1")
    assert (registered.model_id, registered.run_id) == (info.model_id, making.info.run_id), registered
    for uri in (info.model_uri, f"runs:/{making.info.run_id}/logged", "models:/plugged 3/1"):
        assert list(mlflow.pyfunc.load_model(uri).predict(data)) == [0, 0, 1, 1], uri
    query = {"experiment_ids": [experiment], "filter_string": "metrics.error < 0.5"}
    assert [each.model_id for each in client.search_logged_models(**query)] == [info.model_id]
    assert "MLmodel" in {each.path for each in client.list_logged_model_artifacts(info.model_id)}
    assert "logged/MLmodel" in {each.path for each in client.list_artifacts(making.info.run_id, "logged")}
    client.set_logged_model_tags(info.model_id, {"k": "v"})
    client.delete_logged_model_tag(info.model_id, "k")
    client.rename_registered_model("plugged 3", "plugged three")
    found = client.search_model_versions("name LIKE 'plugged t%'", order_by=["version_number DESC"])
    assert [int(each.version) for each in found] == [1], found
    client.delete_logged_model(info.model_id)
    try:
        mlflow.get_logged_model(info.model_id)
        raise AssertionError("a deleted model is there")
    except MlflowException as error:
        assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error

mlflow.sklearn.autolog()
LogisticRegression(C=0.5).fit(data, labels)
learned = mlflow.last_active_run()
assert learned.data.params["C"] == "0.5" and learned.info.status == "FINISHED", learned
assert learned.data.metrics["training_accuracy_score"] == 1.0, learned.data.metrics
"""


def test_the_story_of_files_and_models(python: Path, server: LocalServer, tmp_path: Path) -> None:
    mlflows_own = {"MLFLOW_TRACKING_URI": server.uri, "MLFLOW_TRACKING_TOKEN": server.token}
    done = told(python, FILES, tmp_path, **mlflows_own)
    assert done.returncode == 0, done.stderr


KILLED = """
import os, signal
import mlflow

with mlflow.start_run() as run:
    mlflow.log_param("p", 1)
    for step in range(2_000):
        mlflow.log_metric("loss", step * 0.5, step=step)
    mlflow.set_tag("last", "word")
    print(run.info.run_id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_has_returned_survives_a_kill(python: Path, server: LocalServer, tmp_path: Path) -> None:
    done = told(python, KILLED, tmp_path, **key_of(server))
    assert done.returncode == -9, done.stderr
    run_id = done.stdout.strip()
    with Client(server.uri, token=server.token) as client:
        for update in client.tracking.follow(run_id, until_end=True):
            del update  # until the uplink has sent all, and ended the run of a process that is gone
        run = client.tracking.get_run(run_id)
        (series,) = client.tracking.read_series(run_id, "loss")
    assert (run.info.status, run.data.params, run.data.tags["last"]) == ("KILLED", {"p": "1"}, "word")
    assert series.steps.tolist() == list(range(2_000))


WITHOUT = """
import pathlib
import mlflow

pathlib.Path("file.txt").write_text("content")
with mlflow.start_run(experiment_id="0") as run:
    for step in range(10):
        mlflow.log_metric("loss", step, step=step)
    mlflow.log_params({"a": 1})
    mlflow.log_artifact("file.txt", "there")
    mlflow.log_text("text", "notes.txt")
print(run.info.run_id)
"""


def test_training_goes_on_without_a_server(python: Path, tmp_path: Path) -> None:
    server = LocalServer(tmp_path / "data").start()
    try:
        server.kill()
        done = told(python, WITHOUT, tmp_path, **key_of(server))
        assert done.returncode == 0, done.stderr
        assert "trackway sync" in done.stderr
        server.restart()
        run_id = done.stdout.split()[-1]
        report = sync_spools(tmp_path / "spools", token=server.token)
        assert report.ok, report
        with Client(server.uri, token=server.token) as client:
            run = client.tracking.get_run(run_id)
            files = [each.path for each in client.artifacts.list(run_id, recursive=True)]
            assert files == ["notes.txt", "there/file.txt"]
        assert (run.info.status, run.data.metrics, run.data.params) == ("FINISHED", {"loss": 9.0}, {"a": "1"})
    finally:
        server.stop()
