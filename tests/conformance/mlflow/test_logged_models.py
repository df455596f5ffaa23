"""Logged models over MLflow's REST API, and MLflow's own client against them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.auth_serving import AuthServer, auth_server
from support.gateway_serving import http_client
from support.mlflow_api import Api
from support.mlflow_environment import clients, rest, told
from trackway.aio import AsyncClient
from trackway.testing import LocalServer

NONE = "m-" + "0" * 32
INVALID = (400, "INVALID_PARAMETER_VALUE")
GONE = (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AuthServer]:
    async with auth_server(tmp_path) as running:
        yield running


@pytest.fixture
async def api(server: AuthServer) -> AsyncIterator[Api]:
    async with http_client(server.http_port, server.admin_key) as client:
        yield Api(client)


def pairs(**values: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


async def test_a_model_from_creation_to_deletion(api: Api) -> None:
    made = await api.logged_model(name="m", model_type="x", params=pairs(lr="0.1"), tags=pairs(a="b"))
    info, model_id = made["info"], made["info"]["model_id"]
    assert info["artifact_uri"] == f"mlflow-artifacts:/0/models/{model_id}/artifacts"
    assert (info["name"], info["model_type"], info["status"]) == ("m", "x", "LOGGED_MODEL_PENDING")
    assert (info["tags"], made["data"]) == (pairs(a="b"), {"params": pairs(lr="0.1")})
    path = f"/logged-models/{model_id}"
    assert (await api.done("GET", path))["model"] == made
    for status in (2, "LOGGED_MODEL_READY"):
        ready = await api.done("PATCH", path, model_id=model_id, status=status)
        assert ready["model"]["info"]["status"] == "LOGGED_MODEL_READY"
    await api.done("PATCH", f"{path}/tags", tags=pairs(**{"a": "c", "d/e": "f"}))
    await api.done("DELETE", f"{path}/tags/d/e")
    assert await api.refused("DELETE", f"{path}/tags/d/e") == GONE
    await api.done("POST", f"{path}/params", params=pairs(depth="3", lr="0.1"))
    assert await api.refused("POST", f"{path}/params", params=pairs(depth="4")) == INVALID
    found = (await api.done("GET", path))["model"]
    assert (found["info"]["tags"], found["data"]["params"]) == (pairs(a="c"), pairs(depth="3", lr="0.1"))
    assert await api.done("GET", f"{path}/artifacts/directories") == {"root_uri": info["artifact_uri"]}
    await api.done("DELETE", path)
    assert await api.refused("GET", path) == GONE
    assert (await api.done("GET", path, allow_deleted="true"))["model"]["info"]["model_id"] == model_id
    assert await api.refused("PATCH", path, status=2) == INVALID
    assert await api.done("POST", "/logged-models/search", experiment_ids=["0"]) == {}


async def test_its_files_are_listed(server: AuthServer, api: Api) -> None:
    info = (await api.logged_model())["info"]
    async with AsyncClient(f"trackway://127.0.0.1:{server.port}", token=server.admin_key) as client:
        for path in ("MLmodel", "data/a.bin", "data/b.bin"):
            await client.artifacts.upload_bytes(info["model_id"], b"12", path)
    path = f"/logged-models/{info['model_id']}/artifacts/directories"
    mlmodel = {"path": "MLmodel", "is_dir": False, "file_size": 2}
    listed = await api.done("GET", path)
    assert listed == {"root_uri": info["artifact_uri"], "files": [mlmodel, {"path": "data", "is_dir": True}]}
    for folder in ("data", "data/"):
        below = (await api.done("GET", path, artifact_directory_path=folder))["files"]
        assert [file["path"] for file in below] == ["data/a.bin", "data/b.bin"]
    assert await api.refused("GET", path, artifact_directory_path="../..") == INVALID


async def test_what_is_not_there_or_makes_no_sense(api: Api) -> None:
    for method, path, given in (
        ("GET", "", {}),
        ("PATCH", "", {"status": 2}),
        ("DELETE", "", {}),
        ("PATCH", "/tags", {"tags": pairs(a="b")}),
        ("DELETE", "/tags/a", {}),
        ("POST", "/params", {"params": pairs(a="b")}),
        ("GET", "/artifacts/directories", {}),
    ):
        for model_id in (NONE, "nonsense"):
            assert await api.refused(method, f"/logged-models/{model_id}{path}", **given) == GONE, (method, path)
    for given in ({"name": "a/b"}, {"name": "a.b"}, {"tags": pairs(**{"../a": "b"})}, {"params": 3}):
        assert await api.refused("POST", "/logged-models", experiment_id="0", **given) == INVALID, given
    assert await api.refused("POST", "/logged-models", experiment_id="77") == GONE
    model_id = (await api.logged_model())["info"]["model_id"]
    for given in ({}, {"status": 9}, {"status": "READY"}):
        assert await api.refused("PATCH", f"/logged-models/{model_id}", **given) == INVALID, given
    for given in (
        {},
        {"experiment_ids": ["0"], "filter": "status >"},
        {"experiment_ids": ["0"], "filter": "user_id = 'x'"},
        {"experiment_ids": ["0"], "order_by": [{"field_name": "nothing"}]},
        {"experiment_ids": ["0"], "datasets": [{"dataset_digest": "x"}]},
        {"experiment_ids": ["0"], "page_token": "x"},
        {"experiment_ids": ["0"], "max_results": -1},
    ):
        assert await api.refused("POST", "/logged-models/search", **given) == INVALID, given


async def test_metrics_of_runs_are_the_models_too_and_searched_by_data_set(api: Api) -> None:
    run_id = (await api.done("POST", "/runs/create", experiment_id="0"))["run"]["info"]["run_id"]
    good, bad = [
        (await api.logged_model(name=name, source_run_id=run_id))["info"]["model_id"] for name in ("good", "bad")
    ]
    of_bad = [("train", "1", 0.5), ("test", "2", 0.9)]
    for number, (model_id, name, digest, value) in enumerate(
        [(good, "train", "1", 0.1), *((bad, *each) for each in of_bad), (good, "test", "2", 0.8)]
    ):
        on = {"model_id": model_id, "dataset_name": name, "dataset_digest": digest}
        point = {"key": "my loss", "value": value, "timestamp": 1_700_000_000_000 + number, "step": 3, **on}
        await api.done("POST", "/runs/log-metric", run_id=run_id, **point)
    found = (await api.done("GET", f"/logged-models/{bad}"))["model"]["data"]["metrics"]
    assert [(one["dataset_name"], one["dataset_digest"], one["value"]) for one in found] == sorted(
        of_bad, key=lambda each: [one["dataset_name"] for one in found].index(each[0])
    )
    assert {(one["key"], one["run_id"], one["model_id"], one["step"]) for one in found} == {("my loss", run_id, bad, 3)}

    async def names(**asked: Any) -> list[str]:
        answer = await api.done("POST", "/logged-models/search", experiment_ids=["0"], **asked)
        return [one["info"]["name"] for one in answer.get("models", [])]

    train, test = {"dataset_name": "train"}, {"dataset_name": "test", "dataset_digest": "2"}
    assert await names() == ["bad", "good"]
    assert await names(filter="metrics.`my loss` < 0.2") == ["good"]
    assert await names(filter="metrics.`my loss` > 0.4", datasets=[train]) == ["bad"]
    assert await names(filter="metrics.`my loss` > 0.4", datasets=[test]) == ["bad", "good"]
    assert await names(datasets=[{"dataset_name": "test", "dataset_digest": "9"}]) == []
    assert await names(datasets=[train], filter="name IN ('good', 'other')") == ["good"]
    assert await names(filter=f"source_run_id = '{run_id}' AND status NOT IN ('READY')") == ["bad", "good"]
    by_loss = {"field_name": "metrics.my loss"}
    assert await names(order_by=[by_loss]) == ["good", "bad"]
    assert await names(order_by=[{**by_loss, **train, "ascending": False}]) == ["bad", "good"]
    pages, token = [], ""
    while not pages or token:
        page = await api.done(
            "POST", "/logged-models/search", experiment_ids=["0"], order_by=[by_loss], max_results=1, page_token=token
        )
        pages.append([one["info"]["name"] for one in page["models"]])
        token = page.get("next_page_token", "")
    assert pages == [["good"], ["bad"]]


async def test_runs_answer_the_models_they_read_and_make(api: Api) -> None:
    run_id = (await api.done("POST", "/runs/create", experiment_id="0"))["run"]["info"]["run_id"]
    model_id = (await api.logged_model())["info"]["model_id"]
    dataset = {"dataset": {"name": "d", "digest": "1", "source_type": "local", "source": "x"}}
    for _ in range(2):
        await api.done("POST", "/runs/outputs", run_id=run_id, models=[{"model_id": model_id, "step": "5"}])
        await api.done("POST", "/runs/log-inputs", run_id=run_id, models=[{"model_id": NONE}], datasets=[dataset])
    run = (await api.done("GET", "/runs/get", run_id=run_id))["run"]
    assert run["outputs"] == {"model_outputs": [{"model_id": model_id, "step": 5}]}
    assert run["inputs"]["model_inputs"] == [{"model_id": NONE}]
    assert run["inputs"]["dataset_inputs"] == [dataset]
    (listed,) = (await api.done("POST", "/runs/search", experiment_ids=["0"]))["runs"]
    assert (listed["inputs"], listed["outputs"]) == (run["inputs"], run["outputs"])
    assert await api.refused("POST", "/runs/outputs", run_id=run_id) == INVALID
    assert await api.refused("POST", "/runs/outputs", run_id="0" * 32, models=[{"model_id": model_id}]) == GONE


async def test_a_registered_version_of_one_belongs_to_the_run_that_made_it(server: AuthServer, api: Api) -> None:
    run_id = (await api.done("POST", "/runs/create", experiment_id="0"))["run"]["info"]["run_id"]
    made, alone = [(await api.logged_model(**more))["info"]["model_id"] for more in ({"source_run_id": run_id}, {})]
    async with AsyncClient(f"trackway://127.0.0.1:{server.port}", token=server.admin_key) as client:
        for model_id in (made, alone):
            await client.artifacts.upload_bytes(model_id, b"flavors: {}\n", "MLmodel")
    await api.done("POST", "/registered-models/create", name="r")
    create = "/model-versions/create"
    for source, model_id, maker in (
        (f"models:/{made}", made, run_id),
        (f"mlflow-artifacts:/0/models/{made}/artifacts", made, run_id),
        (f"models:/{alone}", alone, None),
    ):
        version = (await api.done("POST", create, name="r", source=source))["model_version"]
        assert (version.get("run_id") or None, version["model_id"]) == (maker, model_id), source
    refused = await api.refused("POST", create, name="r", source=f"models:/{NONE}")
    assert refused == (404, "RESOURCE_DOES_NOT_EXIST")


STORY = """
import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModelInput, LoggedModelOutput, LoggedModelStatus
from mlflow.exceptions import MlflowException

experiment = mlflow.set_experiment("models")
with mlflow.start_run() as run:
    model = mlflow.initialize_logged_model(name="net", params={"lr": 0.1, "depth": 3}, tags={"a": "b"}, model_type="x")
    assert model.status == LoggedModelStatus.PENDING and model.source_run_id == run.info.run_id
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step, model_id=model.model_id)
    mlflow.log_metrics({"acc": 0.5}, model_id=model.model_id)
    mlflow.log_model_params({"width": "7"}, model_id=model.model_id)
    mlflow.log_outputs(models=[LoggedModelOutput(model.model_id, step=2)])
ready = mlflow.finalize_logged_model(model.model_id, "READY")
assert ready.status == LoggedModelStatus.READY
assert mlflow.last_logged_model().model_id == model.model_id
mlflow.set_logged_model_tags(model.model_id, {"c": "d", "e": "f"})
mlflow.delete_logged_model_tag(model.model_id, "e")
found = mlflow.get_logged_model(model.model_id)
assert found.params == {"lr": "0.1", "depth": "3", "width": "7"}, found.params
assert {"a": "b", "c": "d"}.items() <= found.tags.items() and "e" not in found.tags, found.tags
latest = {one.key: (one.value, one.step, one.run_id, one.model_id) for one in found.metrics}
assert latest["loss"] == (1 / 3, 2, run.info.run_id, model.model_id), latest
(row,) = MlflowClient().search_runs([experiment.experiment_id], "metrics.loss < 0.4")
assert row.data.metrics == {"loss": 1 / 3, "acc": 0.5}, row.data.metrics
assert found.artifact_location.endswith(f"/models/{model.model_id}/artifacts")

# A history names no model and has a point once, also one that was written once more as a model's, by `log_model`.
client = MlflowClient()
(point,) = client.get_metric_history(run.info.run_id, "acc")
assert point.model_id is None, point
client.log_metric(run.info.run_id, "acc", point.value, point.timestamp, point.step)
assert client.get_metric_history(run.info.run_id, "acc") == [point]

with mlflow.start_run() as reading:
    mlflow.log_input(model=LoggedModelInput(model.model_id))
made = client.get_run(run.info.run_id)
assert [(one.model_id, one.step) for one in made.outputs.model_outputs] == [(model.model_id, 2)], made.outputs
assert [one.model_id for one in client.get_run(reading.info.run_id).inputs.model_inputs] == [model.model_id]

external = mlflow.initialize_logged_model(name="elsewhere")
listed = mlflow.search_logged_models([experiment.experiment_id], output_format="list")
assert {one.model_id for one in listed} == {model.model_id, external.model_id}
for chosen in ("metrics.loss < 0.4 AND params.lr = '0.1'", "name LIKE 'n%'", "tags.c = 'd'", "model_type = 'x'"):
    listed = mlflow.search_logged_models([experiment.experiment_id], chosen, output_format="list")
    assert [one.model_id for one in listed] == [model.model_id], chosen
order = [{"field_name": "metrics.acc", "ascending": False}]
page = client.search_logged_models([experiment.experiment_id], order_by=order, max_results=1)
assert [one.name for one in page] == ["net"] and page.token
rest = client.search_logged_models([experiment.experiment_id], order_by=order, max_results=1, page_token=page.token)
assert [one.name for one in rest] == ["elsewhere"] and not rest.token
assert len(mlflow.search_logged_models([experiment.experiment_id])) == 2
many = client.create_logged_model(experiment.experiment_id, params={f"p{i}": str(i) for i in range(250)})
assert len(many.params) == 250
client.delete_logged_model(many.model_id)
for missing in (many.model_id, "m-" + "0" * 32):
    try:
        client.get_logged_model(missing)
        raise AssertionError("it is there")
    except MlflowException as error:
        assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error.error_code
with mlflow.set_active_model(model_id=external.model_id) as active:
    mlflow.log_metric("loss", 0.25)
assert {one.key for one in mlflow.get_logged_model(active.model_id).metrics} == {"loss"}
"""


@pytest.mark.parametrize("python", clients("logged models")[:1])  # version 2 has none
def test_mlflows_own_client_keeps_logged_models(python: Path, tmp_path: Path) -> None:
    with LocalServer() as server:
        told(python, STORY, tmp_path, **rest(server))


async def test_every_point_of_a_model_is_listed(api: Api) -> None:
    run_id, other = [
        (await api.done("POST", "/runs/create", experiment_id="0"))["run"]["info"]["run_id"] for _ in range(2)
    ]
    twice, often, plain = [(await api.logged_model(name=name))["info"]["model_id"] for name in ("two", "six", "none")]

    async def log(run_id: str, model_id: str, *points: tuple[float, int, int], **more: str) -> None:
        metrics = [
            {"key": "m", "value": value, "timestamp": time, "step": step, "model_id": model_id, **more}
            for value, time, step in points
        ]
        await api.done("POST", "/runs/log-batch", run_id=run_id, metrics=metrics)

    await log(run_id, twice, (1.0, 1_000, 0), (2.0, 2_000, 0))
    await log(run_id, often, (3.0, 3_000, 5), (1.0, 1_000, 5), (2.0, 2_000, 5), (2.0, 2_000, 5))
    await log(run_id, often, (7.0, 9_000, 0), (7.0, 9_000, 0), dataset_name="d", dataset_digest="1")
    await log(other, often, (4.0, 4_000, 0), (5.0, 5_000, 1))
    await api.done("POST", "/runs/log-metric", run_id=run_id, key="m", value=0.0, timestamp=1, step=1)

    def listed(model: dict[str, Any]) -> list[tuple[str, float, int, int, str]]:
        points = model["data"].get("metrics", [])
        assert all(one["key"] == "m" and one["model_id"] == model["info"]["model_id"] for one in points)
        return sorted(
            (one["run_id"], one["value"], one["timestamp"], one["step"], one.get("dataset_name", "")) for one in points
        )

    expected = {
        twice: [(run_id, 1.0, 1_000, 0, ""), (run_id, 2.0, 2_000, 0, "")],
        often: sorted(
            [
                *((run_id, float(number), number * 1_000, 5, "") for number in (1, 2, 3)),
                (run_id, 7.0, 9_000, 0, "d"),
                (other, 4.0, 4_000, 0, ""),
                (other, 5.0, 5_000, 1, ""),
            ]
        ),
        plain: [],
    }
    for model_id, points in expected.items():
        path = f"/logged-models/{model_id}"
        assert listed((await api.done("GET", path))["model"]) == points
        assert listed((await api.done("PATCH", path, model_id=model_id, status=2))["model"]) == points
    found = (await api.done("POST", "/logged-models/search", experiment_ids=["0"]))["models"]
    assert {model["info"]["model_id"]: listed(model) for model in found} == expected
    await api.done("POST", "/runs/delete", run_id=other)
    assert listed((await api.done("GET", f"/logged-models/{often}"))["model"]) == expected[often]


async def test_of_a_model_with_very_many_points_the_latest_are_listed(api: Api) -> None:
    run_id = (await api.done("POST", "/runs/create", experiment_id="0"))["run"]["info"]["run_id"]
    model_id = (await api.logged_model())["info"]["model_id"]
    for begin in range(0, 26_000, 1000):
        points = [
            {"key": "m", "value": n, "timestamp": n, "step": n, "model_id": model_id}
            for n in range(begin, begin + 1000)
        ]
        await api.done("POST", "/runs/log-batch", run_id=run_id, metrics=points)
    found = (await api.done("GET", f"/logged-models/{model_id}"))["model"]["data"]["metrics"]
    assert [(one["value"], one["step"]) for one in found] == [(25_999, 25_999)]
