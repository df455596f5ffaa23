"""Models that Trackway's own API logs, seen by MLflow's clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

import trackway
from support.mlflow_environment import PEER, clients, rest, told
from trackway._fluent import stack
from trackway.testing import LocalServer

FEATURES = [[0.0], [1.0], [2.0], [3.0]]
CLASSIFIER = LogisticRegression().fit(FEATURES, [0, 0, 1, 1])
NEW = """
import json
import sys
import mlflow

model_id, run_id = sys.argv[1:]
(found,) = mlflow.search_logged_models(["0"], "params.depth = '3' AND metrics.loss < 1", output_format="list")
assert (found.model_id, found.name, found.model_type) == (model_id, "clf", "classifier"), found
assert (found.source_run_id, found.status.value, found.tags["team"]) == (run_id, "READY", "a"), found
model = mlflow.get_logged_model(model_id)
assert model.params == {"lr": "0.1", "depth": "3"}, model.params
(made,) = mlflow.get_run(run_id).outputs.model_outputs
assert (made.model_id, made.step) == (model_id, 7), made
for uri in (f"models:/{model_id}", model.model_uri, f"runs:/{run_id}/clf", "models:/seen/1", "models:/seen/2"):
    assert mlflow.pyfunc.load_model(uri).predict([[0.0], [3.0]]).tolist() == [0, 1], uri
info = mlflow.models.get_model_info(f"models:/{model_id}")
assert (info.model_id, info.run_id) == (model_id, run_id), info
mlflow.register_model(f"models:/{model_id}", "seen")
versions = [mlflow.MlflowClient().get_model_version("seen", number) for number in ("1", "2", "3")]
assert {one.run_id for one in versions} == {run_id}, versions
noted = json.loads(mlflow.get_logged_model(model_id).tags["mlflow.modelVersions"])
# MLflow's client notes a version that its server has noted, again and as text.
assert {(one["name"], int(one["version"])) for one in noted} == {("seen", number) for number in (1, 2, 3)}, noted
"""
OLD = """
import sys
import mlflow

model_id, run_id = sys.argv[1:]
for uri in (f"runs:/{run_id}/clf", "models:/seen/1", "models:/seen/2"):
    assert mlflow.pyfunc.load_model(uri).predict([[0.0], [3.0]]).tolist() == [0, 1], uri
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    with LocalServer() as running:
        monkeypatch.setenv("TRACKWAY_URI", running.uri)
        monkeypatch.setenv("TRACKWAY_PROFILE", str(running.profile))
        monkeypatch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path / "spools"))
        yield running
        stack.end_open_runs(None)


@pytest.mark.parametrize("mlflow", clients("models of trackway"))
def test_mlflow_finds_and_loads_what_trackway_logged(mlflow: Path, server: LocalServer, tmp_path: Path) -> None:
    with trackway.start_run() as run:
        trackway.log_param("lr", 0.1)
        info = trackway.sklearn.log_model(
            CLASSIFIER,
            name="clf",
            registered_model_name="seen",
            params={"depth": 3},
            tags={"team": "a"},
            model_type="classifier",
            step=7,
        )
        trackway.log_metric("loss", 0.5, step=7, model_id=info.model_id)
    trackway.register_model(f"runs:/{run.info.run_id}/clf", "seen")
    story = f"import sys; sys.argv[1:] = [{info.model_id!r}, {run.info.run_id!r}]\n" + (NEW if mlflow == PEER else OLD)
    told(mlflow, story, tmp_path, **rest(server))
