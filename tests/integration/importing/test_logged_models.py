"""Logged models of a database and a folder, as MLflow 3 keeps them there: once, whole, killed and repeated."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from benchmarks.mlflow_database import write_database

from support.imported import imported
from support.mlflow_tables import copy_to_postgres, write_logged_models
from support.postgres import postgres_database
from trackway.client import Client
from trackway.importing.logged_models import ID_TAG
from trackway.importing.measured import model_id_here
from trackway.testing import LocalServer

pytestmark = pytest.mark.xdist_group("importing")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def client(server: LocalServer) -> Iterator[Client]:
    with Client(server.uri, token=server.token) as one:
        yield one


def model_of(client: Client, model_id: str) -> dict[str, Any]:
    found = client.logged_models.get(model_id)
    metrics = [(one.run_id, one.key, one.step, one.value, one.dataset_name) for one in found.metrics]
    return {
        "name": found.name,
        "status": found.status,
        "run": found.source_run_id,
        "params": dict(found.params),
        "tags": dict(found.tags),
        "metrics": sorted(metrics, key=str),
        "files": {each.path: each.file_size for each in client.artifacts.list(model_id, recursive=True)},
    }


def test_from_sqlite_and_postgresql_the_same_comes_and_what_has_come_since(
    tmp_path: Path, server: LocalServer, client: Client
) -> None:
    file = tmp_path / "models.db"
    write_database(file, runs=2, metrics=1, points=3)
    ids = write_logged_models(file, tmp_path / "files", models=3)
    run = f"{1:032x}"
    first = imported(f"sqlite:///{file}", server)
    assert first.complete, first.misses
    # Each point of a model is one of a run's, too, and comes once.
    assert (first.counts["logged_models"], first.counts["points_sent"]) == (3, 2 * 3 + 3)
    assert model_of(client, ids[1]) == {
        "name": "model 1",
        "status": "READY",
        "run": run,
        "params": {"depth": "1"},
        "tags": {"kind": "b"},
        "metrics": [(run, "score", 1, 0.5, "digits")],
        "files": {"MLmodel": 7},
    }
    found = client.tracking.get_run(run)
    assert [(each.model_id, each.step) for each in found.outputs.model_outputs] == [(one, 5) for one in ids]
    reader = client.tracking.get_run(f"{2:032x}")
    assert [each.model_id for each in reader.inputs.model_inputs] == [ids[0]]
    (version,) = client.registry.search_versions(name="registered")
    assert (version.source, version.model_id, version.run_id) == (f"models:/{ids[0]}", ids[0], run)

    with postgres_database(migrated=False) as url:
        copy_to_postgres(file, url)
        again = imported(url, server, str(tmp_path / "files"))
        assert again.complete, again.misses
        assert [again.counts[name] for name in ("points_sent", "records_sent", "files_sent")] == [0, 0, 0]

    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE logged_models SET status = 3, status_message = 'broke' WHERE model_id = ?", (ids[2],))
        database.execute("UPDATE logged_model_params SET param_value = '9' WHERE model_id = ?", (ids[1],))
        database.execute("INSERT INTO logged_model_tags VALUES (?, 1, 'new', 'tag')", (ids[1],))
        for table, row in (
            ("metrics", ("score", 0.7, 1_700_000_009_000, run, 9, 0)),
            ("logged_model_metrics", (ids[1], "score", 1_700_000_009_000, 9, 0.7, 1, run, None, None, None)),
        ):
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        # A model that is deleted leaves its points with the run, where they are already.
        database.execute("UPDATE logged_models SET lifecycle_stage = 'deleted' WHERE model_id = ?", (ids[0],))
    report = imported(f"sqlite:///{file}", server)
    assert [(each.what, each.where) for each in report.misses] == [("param 'depth'", f"logged model {ids[1]}")]
    assert (report.counts["points_sent"], report.left_out["deleted logged models"]) == (1, 1)
    assert client.logged_models.get(ids[2]).status == "UPLOAD_FAILED"
    changed = model_of(client, ids[1])
    assert (changed["tags"], changed["params"]) == ({"kind": "b", "new": "tag"}, {"depth": "1"})
    assert (run, "score", 9, 0.7, None) in changed["metrics"]
    assert imported(f"sqlite:///{file}", server).counts["records_sent"] == 0


def logged_model(runs: Path, model_id: str, **meta: str) -> None:
    folder = runs / "5" / "models" / model_id
    (folder / "artifacts").mkdir(parents=True)
    (folder / "artifacts" / "MLmodel").write_text("m")
    (runs / "5" / "meta.yaml").write_text(f"experiment_id: '5'\nname: of models\nartifact_location: {runs}/5\n")
    fields = {"name": "net", "status": "2", "artifact_location": f"{folder}/artifacts", **meta}
    (folder / "meta.yaml").write_text("".join(f"{name}: '{value}'\n" for name, value in fields.items()))


def test_an_id_that_is_none_here_and_models_that_are_not_the_sources(
    tmp_path: Path, server: LocalServer, client: Client
) -> None:
    experiment_id = client.tracking.create_experiment("of ours alone").experiment_id
    ours = client.logged_models.create(experiment_id, name="ours", params={"p": "1"})
    gone = client.logged_models.create(experiment_id, name="net")
    client.logged_models.delete(gone.model_id)
    for model_id in ("model-of-another-kind", ours.model_id, gone.model_id):
        logged_model(tmp_path / "mlruns", model_id)
    for _ in range(2):
        report = imported(str(tmp_path / "mlruns"), server)
        assert {(each.what, each.where) for each in report.misses} == {
            ("logged model", ours.model_id),
            ("logged model", gone.model_id),
        }
    there = model_of(client, model_id_here("model-of-another-kind"))
    assert (there["tags"], there["status"]) == ({ID_TAG: "model-of-another-kind"}, "READY")
    kept = model_of(client, ours.model_id)
    assert (kept["status"], kept["params"], kept["files"]) == ("PENDING", {"p": "1"}, {})


def test_a_source_steers_no_run_and_no_alias_that_is_not_its_own(
    tmp_path: Path, server: LocalServer, client: Client
) -> None:
    run = client.tracking.create_run(run_name="of ours").info
    client.artifacts.upload_bytes(run.run_id, b"ours", "model/MLmodel")
    client.registry.create_model("steered")
    client.registry.create_version("steered", f"runs:/{run.run_id}/model")
    client.registry.set_alias("steered", "champion", 1)
    runs = tmp_path / "mlruns"
    theirs, model = runs / "5" / run.run_id, runs / "models" / "steered"
    for folder in (theirs / "tags", theirs / "artifacts" / "model", model / "aliases", model / "version-1"):
        folder.mkdir(parents=True)
    (runs / "5" / "meta.yaml").write_text("experiment_id: '5'\nname: theirs\n")
    meta = f"run_id: {run.run_id}\nstatus: 4\nstart_time: 5\nend_time: 6\nlifecycle_stage: deleted\n"
    (theirs / "meta.yaml").write_text(meta)
    (theirs / "tags" / "owner").write_text("theirs")
    (theirs / "artifacts" / "model" / "MLmodel").write_text("theirs")
    (model / "meta.yaml").write_text("name: steered\n")
    (model / "aliases" / "champion").write_text("1")
    (model / "version-1" / "meta.yaml").write_text(f"source: {theirs}/artifacts/model\n")
    report = imported(str(runs), server)
    assert {each.what for each in report.misses} == {"run", "alias"}
    found = client.tracking.get_run(run.run_id)
    assert (found.info.status, found.info.lifecycle_stage, "owner" in found.data.tags) == ("RUNNING", "active", False)
    assert client.artifacts.download(run.run_id, "model/MLmodel", tmp_path / "got").read_bytes() == b"ours"
    assert dict(client.registry.get_model("steered").aliases) == {"champion": 1}
    assert report.version_numbers == {"steered": {1: 2}}


def test_an_import_that_is_killed_among_logged_models_is_run_again(tmp_path: Path) -> None:
    file = tmp_path / "killed.db"
    write_database(file, runs=2, metrics=1, points=3)
    ids = write_logged_models(file, tmp_path / "files", models=16)
    with LocalServer() as server, Client(server.uri, token=server.token) as client:
        variables = {**os.environ, "TRACKWAY_URI": server.uri, "TRACKWAY_TOKEN": server.token}
        arguments = [sys.executable, "-m", "trackway.cli.main", "import", "mlflow", f"sqlite:///{file}"]
        for wanted in (1, 6, 16):  # at the first, among them, and among the registered models
            process = subprocess.Popen(arguments, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and sum(1 for _ in client.logged_models.search()) < wanted:
                pass
            process.send_signal(signal.SIGKILL)
            process.wait()
        report = imported(f"sqlite:///{file}", server)
        assert (report.complete, report.counts["logged_models"]) == (True, 16), report.misses
        assert sorted(each.model_id for each in client.logged_models.search()) == sorted(ids)
        for number, model_id in enumerate(ids):
            found = model_of(client, model_id)
            assert (found["status"], found["params"]) == ("READY", {"depth": str(number)})
            assert (found["metrics"], found["files"]) == (
                [(f"{1:032x}", "score", number, 0.5, "digits")],
                {"MLmodel": 7},
            )
        points = {each.key: each.count for each in client.tracking.get_run(f"{2:032x}").data.series}
        assert points == {"metric 0": 3}
        (version,) = client.registry.search_versions(name="registered")
        assert (version.version, version.model_id) == (1, ids[0])
        assert imported(f"sqlite:///{file}", server).counts["records_sent"] == 0


def test_a_model_without_a_place_is_not_that_of_every_version(
    tmp_path: Path, server: LocalServer, client: Client
) -> None:
    runs = tmp_path / "mlruns"
    logged_model(runs, f"m-{0xF0 << 120:032x}", artifact_location="")
    version = runs / "models" / "unlinked" / "version-1"
    version.mkdir(parents=True)
    (version.parent / "meta.yaml").write_text("name: unlinked\n")
    (version / "meta.yaml").write_text("version: 1\nsource: ''\n")
    report = imported(str(runs), server)
    assert [each.what for each in report.misses] == ["version"]
    assert list(client.registry.search_versions(name="unlinked")) == []
