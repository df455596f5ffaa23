"""The fluent functions, MlflowClient and models against a real server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import trackway
from trackway.entities import Metric, Param, RunTag, ViewType
from trackway.errors import InvalidArgument, NotFound, PermissionDenied, TrackwayError
from trackway.models import get_model_info

pytestmark = pytest.mark.usefixtures("spools")

FEATURES = pd.DataFrame({"a": [0.5, 1.5, 2.5, 3.5], "b": [1.5, 0.5, 1.5, 0.5]})
CLASSIFIER = LogisticRegression().fit(FEATURES, [0, 0, 1, 1])


def test_a_run_is_read_back_while_it_goes_on() -> None:
    chosen = trackway.set_experiment("read back")
    with trackway.start_run(run_name="r", description="why") as run:
        trackway.log_param("n", 3)
        trackway.log_metric("loss", 0.5, step=2)
        trackway.log_metric("loss", 0.25, step=3, context={"rank": "1"})
        trackway.log_dataset("digits", "sha256:1", context="training")
        assert run.info.experiment_id == chosen.experiment_id
        assert run.data.params == {"n": "3"}
        assert trackway.get_run(run.info.run_id).info.status == "RUNNING"
    found = trackway.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "r"
    assert found.data.metrics == {"loss": 0.5}
    assert found.data.tags["mlflow.note.content"] == "why"
    assert found.inputs.dataset_inputs[0].dataset.name == "digits"
    assert run.inputs.dataset_inputs[0].context == "training"


def test_what_only_the_server_knows_is_said_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with trackway.start_run() as run:
        trackway.log_param("n", 3)
    with trackway.attach_run(run.info.run_id):
        trackway.log_param("n", 4)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"trackway: the server refused one record of run {run.info.run_id} (PARAM_IMMUTABLE)")
    assert trackway.get_run(run.info.run_id).data.params == {"n": "3"}


def test_strict_mode_raises_what_the_server_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_STRICT", "true")
    with trackway.start_run() as run:
        trackway.log_param("n", 3)
    with pytest.raises(TrackwayError, match="PARAM_IMMUTABLE"), trackway.attach_run(run.info.run_id):
        trackway.log_param("n", 4)


def test_resume_and_parents() -> None:
    with trackway.start_run() as parent, trackway.start_run(nested=True) as child:
        pass
    with trackway.start_run(run_id=child.info.run_id) as resumed:
        assert trackway.get_run(child.info.run_id).info.status == "RUNNING"
        assert resumed.info.run_name == child.info.run_name
    assert trackway.get_run(child.info.run_id).info.status == "FINISHED"
    found = trackway.get_parent_run(child.info.run_id)
    assert found is not None
    assert found.info.run_id == parent.info.run_id
    assert trackway.get_parent_run(parent.info.run_id) is None


def test_experiments_and_lists_of_runs() -> None:
    experiment_id = trackway.create_experiment("listed", tags={"a": 1})
    assert trackway.get_experiment(experiment_id).name == "listed"
    by_name = trackway.get_experiment_by_name("listed")
    assert by_name is not None
    assert by_name.experiment_id == experiment_id
    assert trackway.get_experiment_by_name("missing") is None
    trackway.set_experiment(experiment_id=experiment_id)
    trackway.set_experiment_tag("b", 2)
    assert trackway.get_experiment(experiment_id).tags == {"a": "1", "b": "2"}
    ids = []
    for number in range(3):
        with trackway.start_run() as run:
            trackway.log_metric("loss", number)
            trackway.log_param("n", number)
        ids.insert(0, run.info.run_id)
    frame = trackway.search_runs()
    assert frame["run_id"].tolist() == ids
    assert frame["metrics.loss"].tolist() == [2.0, 1.0, 0.0]
    assert frame["params.n"].tolist() == ["2", "1", "0"]
    trackway.delete_run(ids[0])
    kept = trackway.search_runs([experiment_id], output_format="list", max_results=1)
    assert [each.info.run_id for each in kept] == [ids[1]]
    gone = trackway.search_runs(experiment_names=["listed"], run_view_type=ViewType.DELETED_ONLY, output_format="list")
    assert [each.info.run_id for each in gone] == [ids[0]]
    trackway.restore_run(ids[0])
    assert "listed" in [each.name for each in trackway.search_experiments()]
    assert trackway.search_runs(filter_string="metrics.loss > 1")["run_id"].tolist() == ids[:1]
    with pytest.raises(InvalidArgument, match="artifact_location"):
        trackway.create_experiment("elsewhere", artifact_location="s3://bucket")


def test_artifacts_are_listed_downloaded_and_read(tmp_path: Path) -> None:
    with trackway.start_run() as run:
        trackway.log_text("hello", "notes/a.txt")
        trackway.log_dict({"a": [1]}, "d.yaml")
        trackway.log_image(np.zeros((2, 3)), "i.png")
        root = run.info.artifact_uri
        assert trackway.artifacts.load_text(f"{root}/notes/a.txt") == "hello"
    assert [each.path for each in trackway.artifacts.list_artifacts(root)] == ["d.yaml", "i.png", "notes"]
    assert [each.path for each in trackway.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="notes")] == [
        "notes/a.txt"
    ]
    assert trackway.artifacts.load_dict(f"{root}/d.yaml") == {"a": [1]}
    assert trackway.artifacts.load_image(f"{root}/i.png").size == (3, 2)
    place = trackway.artifacts.download_artifacts(root, dst_path=tmp_path / "all")
    assert (Path(place) / "notes" / "a.txt").read_text() == "hello"
    with pytest.raises(NotFound):
        trackway.artifacts.download_artifacts(f"{root}/missing", dst_path=tmp_path / "none")
    with pytest.raises(InvalidArgument, match="is a folder"):
        trackway.artifacts.load_text(f"{root}/notes")
    with pytest.raises(InvalidArgument, match="neither JSON nor YAML"):
        trackway.artifacts.load_dict(f"{root}/notes/a.txt")


def test_a_model_is_logged_registered_promoted_and_served() -> None:
    client = trackway.MlflowClient()
    with trackway.start_run() as run:
        info = trackway.sklearn.log_model(
            CLASSIFIER, name="clf", registered_model_name="toy", input_example=FEATURES.head(2)
        )
    assert info.model_uri == f"models:/{info.model_id}"
    assert info.registered_model_version == 1
    second = trackway.register_model(info.model_uri, "toy", tags={"why": "again"})
    assert (second.version, second.run_id, second.tags) == (2, run.info.run_id, {"why": "again"})
    client.transition_model_version_stage("toy", 1, "Production")
    client.transition_model_version_stage("toy", "2", "production", archive_existing_versions=True)
    assert {each.stage: each.version for each in client.get_latest_versions("toy")} == {"Archived": 1, "Production": 2}
    client.set_registered_model_alias("toy", "champion", "1")
    assert client.get_model_version_by_alias("toy", "champion").version == 1
    for uri in (
        "models:/toy/2",
        "models:/toy/Production",
        "models:/toy/latest",
        "models:/toy@champion",
        info.model_uri,
        f"runs:/{run.info.run_id}/clf",
    ):
        assert trackway.pyfunc.load_model(uri).predict(FEATURES).tolist() == [0, 0, 1, 1]
    assert isinstance(trackway.sklearn.load_model("models:/toy/1"), LogisticRegression)
    assert get_model_info("models:/toy/1").signature == info.signature
    assert "MLmodel" in [each.path for each in trackway.artifacts.list_artifacts("models:/toy/1")]
    assert run.info.run_id in trackway.get_run(run.info.run_id).data.tags["mlflow.log-model.history"]


def test_a_version_keeps_its_files_whatever_happens_to_the_run() -> None:
    with trackway.start_run() as run:
        trackway.sklearn.log_model(CLASSIFIER, "m", registered_model_name="kept")
        trackway.log_text("nonsense", "m/model.pkl")
    assert isinstance(trackway.sklearn.load_model("models:/kept/1"), LogisticRegression)
    copied = trackway.register_model("models:/kept/1", "copy")
    assert (copied.source, copied.run_id) == ("models:/kept/1", run.info.run_id)
    assert isinstance(trackway.sklearn.load_model("models:/copy/1"), LogisticRegression)
    with pytest.raises(InvalidArgument, match="has no files"):
        trackway.register_model(f"runs:/{run.info.run_id}/nothing", "kept")


def test_the_client_by_mlflows_names() -> None:
    client = trackway.MlflowClient()
    experiment_id = client.create_experiment("low level")
    run_id = client.create_run(experiment_id, run_name="r", tags={"a": 1}).info.run_id
    client.log_param(run_id, "n", 3)
    client.log_metric(run_id, "loss", 0.5, timestamp=5000, step=1)
    client.log_batch(run_id, [Metric("loss", 0.25, 6000, 2)], [Param("m", "4")], [RunTag("b", "2")])
    client.set_tag(run_id, "c", 3)
    client.log_text(run_id, "x", "x.txt")
    assert client.get_metric_history(run_id, "loss") == [Metric("loss", 0.5, 5000, 1), Metric("loss", 0.25, 6000, 2)]
    client.delete_tag(run_id, "c")
    client.set_terminated(run_id)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"n": "3", "m": "4"}
    assert {"a", "b"} <= set(run.data.tags)
    assert [each.path for each in client.list_artifacts(run_id)] == ["x.txt"]
    assert Path(client.download_artifacts(run_id, "x.txt")).read_text() == "x"
    client.update_run(run_id, name="renamed")
    assert [each.info.run_name for each in client.search_runs([experiment_id])] == ["renamed"]
    client.rename_experiment(experiment_id, "renamed")
    client.delete_experiment(experiment_id)
    client.restore_experiment(experiment_id)


def test_the_registry_by_mlflows_names() -> None:
    client = trackway.MlflowClient()
    with trackway.start_run() as run:
        uri = trackway.sklearn.log_model(CLASSIFIER).model_uri
    client.create_registered_model("named", tags={"a": 1}, description="first")
    client.update_registered_model("named", "second")
    client.set_registered_model_tag("named", "b", 2)
    client.delete_registered_model_tag("named", "a")
    version = client.create_model_version("named", uri, run.info.run_id, description="one")
    client.set_model_version_tag("named", version.version, "c", 3)
    client.delete_model_version_tag("named", version.version, "c")
    client.update_model_version("named", 1, "changed")
    copied = client.copy_model_version("models:/named/1", "copied")
    assert (copied.name, copied.version, copied.manifest_digest) == ("copied", 1, version.manifest_digest)
    assert [each.version for each in client.search_model_versions("name = 'named'")] == [1]
    assert {"named", "copied"} <= {each.name for each in client.search_registered_models()}
    newest = client.search_registered_models("name IN ('named', 'copied')", order_by=["name DESC"])
    assert [each.name for each in newest] == ["named", "copied"]
    assert [each.name for each in trackway.search_registered_models(filter_string="name LIKE 'copi%'")] == ["copied"]
    of_run = f"run_id = '{run.info.run_id}'"
    found = trackway.search_model_versions(filter_string=of_run, order_by=["creation_timestamp"])
    assert [(each.name, each.source) for each in found] == [("named", uri), ("copied", "models:/named/1")]
    with pytest.raises(InvalidArgument, match="at character 8"):
        trackway.search_model_versions(filter_string="name = named")
    client.rename_registered_model("copied", "moved")
    assert client.get_model_version("moved", 1).manifest_digest == version.manifest_digest
    model = client.get_registered_model("named")
    assert (model.description, model.tags) == ("second", {"b": "2"})
    assert client.get_model_version("named", "1").description == "changed"
    client.set_registered_model_alias("named", "a", 1)
    client.delete_registered_model_alias("named", "a")
    client.delete_model_version("named", 1)
    client.delete_registered_model("named")
    with pytest.raises(NotFound):
        client.get_registered_model("named")
    with pytest.raises(InvalidArgument, match="where run_id is given"):
        client.create_model_version("copied", f"runs:/{run.info.run_id}/model", "0" * 32)


def test_a_key_that_is_wrong_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKWAY_TOKEN", "tw_" + "x" * 43)
    with trackway.start_run():
        trackway.log_metric("loss", 1.0)
    (line,) = capsys.readouterr().err.splitlines()
    assert "on no server yet" in line
    with pytest.raises((PermissionDenied, TrackwayError)):
        trackway.search_experiments()
