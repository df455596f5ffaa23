"""What runs make: `log_model` as a logged model, killed or offline or refused, and registered from it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

import trackway
from trackway import Client
from trackway._ids import new_id
from trackway._ingest.model_draft import ModelDraft
from trackway._ingest.sync import sync_spools
from trackway.entities import LoggedModelOutput
from trackway.errors import InvalidArgument, NotFound

pytestmark = pytest.mark.usefixtures("spools")

FEATURES = [[0.0], [1.0], [2.0], [3.0]]
CLASSIFIER = LogisticRegression().fit(FEATURES, [0, 0, 1, 1])
FILES = ["MLmodel", "conda.yaml", "model.pkl", "python_env.yaml", "requirements.txt"]
TRAINER = """
import os, signal, sys
from sklearn.linear_model import LogisticRegression
import trackway
from trackway._ingest import model_draft

model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
with trackway.start_run(run_id=None):
    if sys.argv[1] == "within":
        copied, copy = [], model_draft._copy
        def dying(source, target):
            copy(source, target)
            copied.append(target)
            if len(copied) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
        model_draft._copy = dying
    trackway.set_tag("about", sys.argv[1])
    trackway.sklearn.log_model(model, name="net", step=3)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_log_model_makes_a_logged_model_with_its_files(client: Client, tmp_path: Path) -> None:
    experiment = trackway.set_experiment("makes models")
    with trackway.start_run() as run:
        trackway.log_params({"lr": 0.1, "depth": 2, "long": "x" * 10_000})
        info = trackway.sklearn.log_model(
            CLASSIFIER, name="clf", params={"depth": 3}, tags={"team": "a"}, model_type="classifier", step=7
        )
    assert (info.model_uri, info.name, info.step) == (f"models:/{info.model_id}", "clf", 7)
    model = trackway.last_logged_model()
    assert model is not None
    assert (model.model_id, model.name, model.status) == (info.model_id, "clf", "READY")
    assert (model.source_run_id, model.experiment_id) == (run.info.run_id, experiment.experiment_id)
    assert model.params == {"lr": "0.1", "depth": "3"} == info.params
    assert (model.tags, model.model_type) == ({"team": "a"}, "classifier")
    assert trackway.get_run(run.info.run_id).outputs.model_outputs == (LoggedModelOutput(model.model_id, 7),)
    (found,) = trackway.search_logged_models(filter_string="params.depth = 3", output_format="list")
    assert found == model
    for owner, folder in ((model.model_id, ""), (run.info.run_id, "clf/")):
        assert [each.path for each in client.artifacts.list(owner, folder[:-1])] == [folder + name for name in FILES]
    for uri in (info.model_uri, f"runs:/{run.info.run_id}/clf"):
        loaded = trackway.pyfunc.load_model(uri)
        assert loaded.predict(FEATURES).tolist() == [0, 0, 1, 1]
        assert loaded.metadata.model_id == model.model_id
    assert [each.path for each in trackway.artifacts.list_artifacts(info.model_uri)] == FILES
    place = Path(trackway.artifacts.download_artifacts(info.model_uri, dst_path=tmp_path / "fetched"))
    assert sorted(each.name for each in place.iterdir()) == FILES


def test_a_version_and_its_logged_model_know_each_other(client: Client) -> None:
    with trackway.start_run() as run:
        info = trackway.sklearn.log_model(CLASSIFIER, "nets/a.b", registered_model_name="linked")
        folder = f"runs:/{run.info.run_id}/nets/a.b"
        again = trackway.register_model(folder, "linked")
        trackway.log_text("other", "nets/a.b/requirements.txt")
        other = trackway.register_model(folder, "linked")
    model = trackway.get_logged_model(str(info.model_id))
    assert model.name == "nets_a_b"
    assert client.registry.get_version("linked", 1).source == info.model_uri
    versions = [client.registry.get_version("linked", 1), again, other]
    assert [each.model_id for each in versions] == [model.model_id, model.model_id, ""]
    assert [each.run_id for each in versions] == [run.info.run_id] * 3
    assert model.tags["mlflow.modelVersions"] == (
        '[{"name": "linked", "version": 1}, {"name": "linked", "version": 2}]'
    )
    copied = trackway.MlflowClient().create_model_version("linked", info.model_uri, run.info.run_id)
    assert (copied.model_id, copied.manifest_digest) == (model.model_id, versions[0].manifest_digest)
    assert trackway.pyfunc.load_model("models:/linked/4").predict(FEATURES).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("when", ["after", "within"])
def test_a_killed_trainer_leaves_the_whole_model_or_none(when: str, spools: Path, client: Client) -> None:
    experiment_id = client.tracking.create_experiment(f"killed {when}").experiment_id
    quiet = {**os.environ, "TRACKWAY_UPLINK": "off", "TRACKWAY_EXPERIMENT_ID": experiment_id}
    trainer = subprocess.run([sys.executable, "-c", TRAINER, when], env=quiet, capture_output=True, timeout=120)
    assert trainer.returncode == -signal.SIGKILL, trainer.stderr
    copy = spools.with_name("copy")
    shutil.copytree(spools, copy)
    for place in (spools, copy):  # sent, and sent from a copy as if nobody knew
        report = sync_spools(place)
        assert (report.ok, len(report.spools)) == (True, 1), report
    (run,) = client.tracking.search_runs([experiment_id])
    assert (run.info.status, run.data.tags["about"]) == ("KILLED", when)
    models = list(client.logged_models.search([experiment_id]))
    run = client.tracking.get_run(run.info.run_id)
    if when == "within":
        assert (models, list(run.outputs.model_outputs)) == ([], [])
        return
    (model,) = models
    assert (model.name, model.status) == ("net", "READY")
    assert list(run.outputs.model_outputs) == [LoggedModelOutput(model.model_id, 3)]
    assert trackway.sklearn.load_model(model.model_uri).predict([[0.0], [1.0]]).tolist() == [0, 1]


def test_what_a_server_refuses_is_told_and_shows(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    source = Path(__file__)
    with trackway.start_run() as run:
        good = ModelDraft(f"m-{new_id()}", name="good", files=[(str(source), "a.py")])
        bad = ModelDraft(f"m-{new_id()}", name="bad", files=[(str(source), "a#.py")])
        worse = ModelDraft(f"m-{new_id()}", name="a/b", files=[(str(source), "a.py")], folder="kept")
        for draft in (bad, worse, good):
            run.make_model(draft)
        state = run.flush()
    assert not state.pending
    first, second = (refusal.message for refusal in state.refused)
    assert first.startswith("the files of the logged model 'bad' were refused")
    assert second.startswith("the logged model 'a/b' was refused")
    failed = client.logged_models.get(bad.model_id)
    assert (failed.status, "path" in failed.status_message) == ("UPLOAD_FAILED", True)
    assert client.logged_models.get(good.model_id).status == "READY"
    with pytest.raises(NotFound):
        client.logged_models.get(worse.model_id)
    assert [each.path for each in client.artifacts.list(run.info.run_id, "kept")] == ["kept/a.py"]
    with pytest.raises(NotFound, match="has no files on this server"):
        trackway.pyfunc.load_model(f"models:/{bad.model_id}")
    assert "refused" in capfd.readouterr().err


def test_what_is_said_wrongly_makes_no_model(client: Client) -> None:
    with trackway.start_run() as run:
        for wrong in ({"params": ["lr"]}, {"tags": "x"}, {"step": "last"}, {"params": {"a": "x" * 600_000}}):
            with pytest.raises(InvalidArgument):
                trackway.sklearn.log_model(CLASSIFIER, **wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match="no model of scikit-learn"):
            trackway.sklearn.log_model("net")
    assert client.tracking.get_run(run.info.run_id).outputs.model_outputs == ()
