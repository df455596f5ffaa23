"""MLflow's own client, and its command line, with artifacts on a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.mlflow_environment import clients, rest, told
from trackway.testing import LocalServer

STORY = r"""
import hashlib, json, os, pathlib, sys
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
import mlflow, numpy as np, pandas as pd
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts, list_artifacts, load_dict, load_image, load_text
from mlflow.exceptions import MlflowException
from PIL import Image

source = pathlib.Path("source")
(source / "sub" / "deep").mkdir(parents=True)
(source / "a.txt").write_text("a")
(source / "sub" / "é ü+&=.txt").write_text("odd")
(source / "sub" / "deep" / "big.bin").write_bytes(os.urandom(2_500_000))
(source / "empty").write_bytes(b"")
odd = ["100%.txt", "12:30.log", "a\u0308.txt"]  # the last as a Mac calls it
for name in odd:
    pathlib.Path(name).write_text(name)

mlflow.set_experiment("artifacts")
with mlflow.start_run() as run:
    mlflow.log_artifact(source / "a.txt")
    mlflow.log_artifact(source / "a.txt", artifact_path="in/here")
    mlflow.log_artifacts(source, artifact_path="tree")
    mlflow.log_text("text", "texts/note.txt")
    mlflow.log_text("<script>alert(1)</script>", "page.html")
    mlflow.log_dict({"k": [1, 2]}, "d.json")
    mlflow.log_dict({"k": "v"}, "d.yaml")
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    mlflow.log_figure(figure, "plot.png")
    mlflow.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "image.png")
    for step in range(2):
        mlflow.log_image(Image.new("RGB", (4, 4)), key="dogs", step=step)
    mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json")
    mlflow.log_table(pd.DataFrame({"x": [3], "y": ["c"]}), "table.json")
    uri = mlflow.get_artifact_uri("texts/note.txt")
    for name in odd:
        mlflow.log_artifact(name, "odd")
run_id = run.info.run_id
client = MlflowClient()
assert [file.path for file in client.list_artifacts(run_id)] == sorted(
    ["a.txt", "d.json", "d.yaml", "image.png", "images", "in", "odd", "page.html", "plot.png", "table.json", "texts"]
    + ["tree"]
)
tree = {file.path: (file.is_dir, file.file_size) for file in client.list_artifacts(run_id, "tree")}
assert tree == {"tree/a.txt": (False, 1), "tree/empty": (False, 0), "tree/sub": (True, None)}, tree
assert client.list_artifacts(run_id, "a.txt") == []
images = client.list_artifacts(run_id, "images")
sign = "%" if mlflow.__version__ < "3" else "+"
assert len(images) == 4 and all(f"{sign}step{sign}" in image.path for image in images), images
whole = [image.path for image in images if image.path.endswith(".png")]
assert [load_image(f"runs:/{run_id}/{path}").size for path in whole] == [(4, 4)] * 2
listed = [file.path for file in client.list_artifacts(run_id, "odd")]
assert listed == ["odd/100%.txt", "odd/12:30.log", "odd/\u00e4.txt"], listed
assert [load_text(f"runs:/{run_id}/{path}") for path in listed] == odd
assert load_text(f"runs:/{run_id}/odd/a\u0308.txt") == "a\u0308.txt"
assert [file.path for file in list_artifacts(run_id=run_id, artifact_path="in")] == ["in/here"]
fetched = pathlib.Path(client.download_artifacts(run_id, "tree", dst_path="."))
for path in [path for path in source.rglob("*") if path.is_file()]:
    assert (fetched / path.relative_to(source)).read_bytes() == path.read_bytes(), path
assert sum(1 for path in fetched.rglob("*") if path.is_file()) == 4
whole = pathlib.Path(download_artifacts(run_id=run_id, dst_path=os.path.join(os.getcwd(), "source")))
assert (whole / "in" / "here" / "a.txt").read_text() == "a"
assert load_text(uri) == "text" and load_dict(f"runs:/{run_id}/d.json") == {"k": [1, 2]}
assert load_image(f"runs:/{run_id}/image.png").size == (4, 4)
try:
    client.download_artifacts(run_id, "nothing")
    raise AssertionError("what is not there was downloaded")
except MlflowException as error:
    pass
assert list(mlflow.load_table("table.json", run_ids=[run_id]).x) == [1, 2, 3]
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
repository = get_artifact_repository(run.info.artifact_uri)
repository.delete_artifacts("tree/sub")
assert "tree/sub" not in [file.path for file in client.list_artifacts(run_id, "tree")]
repository.delete_artifacts()
assert client.list_artifacts(run_id) == []

from sklearn.linear_model import LogisticRegression
x, y = np.arange(20.0).reshape(10, 2), [0, 1] * 5
named = {"artifact_path": "model"} if mlflow.__version__ < "3" else {"name": "model"}
with mlflow.start_run():
    logged = mlflow.sklearn.log_model(
        LogisticRegression().fit(x, y), pip_requirements=[], serialization_format="cloudpickle", **named
    )
loaded = [each.load_model(logged.model_uri).predict(x) for each in (mlflow.pyfunc, mlflow.sklearn)]
assert list(loaded[0]) == list(loaded[1]) == list(LogisticRegression().fit(x, y).predict(x))
if mlflow.__version__ >= "3":
    assert logged.model_uri == f"models:/{logged.model_id}", logged.model_uri
    assert "MLmodel" in [file.path for file in client.list_logged_model_artifacts(logged.model_id)]

from click.testing import CliRunner
from mlflow.cli import cli

os.environ.pop("MLFLOW_TRACKING_TOKEN")
os.environ |= {"MLFLOW_TRACKING_USERNAME": "anyone", "MLFLOW_TRACKING_PASSWORD": sys.argv[1]}
shell = CliRunner()
for command in (
    "log-artifact -l source/a.txt -a one", "log-artifacts -l source -a all", "list -a one", "download -a all -d got"
):
    done = shell.invoke(cli, ["artifacts", *command.split(), "-r", run_id])
    assert done.exit_code == 0, (command, done.output, done.exception)
    assert command[:4] != "list" or "one/a.txt" in done.output
assert len([path for path in pathlib.Path("got").rglob("*") if path.is_file()]) >= 4
"""


@pytest.mark.parametrize("python", clients("artifacts"))
def test_mlflows_own_client_and_command_line(python: Path, tmp_path: Path) -> None:
    with LocalServer() as server:
        told(python, STORY, tmp_path, server.token, **rest(server))
