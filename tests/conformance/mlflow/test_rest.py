"""MLflow's REST API as its documentation and its clients have it, and MLflow's own client against it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.auth_serving import AuthServer, auth_server
from support.gateway_serving import http_client
from support.mlflow_environment import clients
from trackway.testing import LocalServer
from trackway_server.core.errors import DomainError, Kind, Reason
from trackway_server.gateway.mlflow import histories
from trackway_server.gateway.mlflow import runs as mlflow_runs
from trackway_server.gateway.mlflow.endpoint import PREFIXES, ROUTER
from trackway_server.gateway.mlflow.errors import CODE_OF_KIND, STATUS_OF, of_refusal

MISSING = "0" * 32


class Api:
    """The REST API of one server."""

    def __init__(self, client: httpx.AsyncClient, prefix: str = PREFIXES[0]) -> None:
        self._client = client
        self._prefix = prefix

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self._client.get(self._prefix + path, params=query)

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self._client.post(self._prefix + path, json=body)

    async def done(self, path: str, **body: Any) -> Any:
        """The answer to a POST that must succeed."""
        answer = await self.post(path, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def read(self, path: str, **query: Any) -> Any:
        """The answer to a GET that must succeed."""
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def run(self, **more: Any) -> str:
        """A new run."""
        made = await self.done("/runs/create", **{"experiment_id": "0", "start_time": 5, **more})
        return str(made["run"]["info"]["run_id"])


def refused(answer: httpx.Response) -> tuple[int, str]:
    value = answer.json()
    assert {"error_code", "message"} <= set(value) <= {"error_code", "message", "error_class", "sqlstate"}
    assert STATUS_OF[value["error_code"]] == answer.status_code
    return answer.status_code, value["error_code"]


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


def test_every_reason_has_a_code_and_every_code_a_status() -> None:
    assert set(CODE_OF_KIND) == set(Kind)
    for reason in Reason:
        error = of_refusal(DomainError(reason, "Because {this}."))
        assert error.status == STATUS_OF[error.error_code]
        assert "{run_id}" not in error.message


async def test_a_search_answers_as_many_as_are_asked_for(server: AuthServer, api: Api, monkeypatch: Any) -> None:
    ids = [await api.run(start_time=number) for number in range(1, 8)]
    monkeypatch.setattr(mlflow_runs, "_PAGE", 2)

    async def found(most: int, token: str = "") -> tuple[list[str], str]:
        asked = {"experiment_ids": ["0"], "max_results": most, "order_by": ["start_time"], "page_token": token}
        answer = await api.done("/runs/search", **asked)
        return [each["info"]["run_id"] for each in answer.get("runs", [])], answer.get("next_page_token", "")

    first, token = await found(5)
    assert first == ids[:5]
    assert await found(50_000, token) == (ids[5:], "")
    assert await found(7) == (ids, "")
    # Too large for one answer: whole pages, and where it goes on.
    monkeypatch.setattr(mlflow_runs, "_ANSWER_BYTES", 1)
    first, token = await found(50_000)
    assert first == ids[:2] and token


async def test_experiments_from_creation_to_restoration(api: Api) -> None:
    made = await api.done("/experiments/create", name="vision", tags=[{"key": "team", "value": "é"}])
    assert made == {"experiment_id": "1"}
    assert refused(await api.post("/experiments/create", name="vision")) == (400, "RESOURCE_ALREADY_EXISTS")
    found = (await api.read("/experiments/get", experiment_id="1"))["experiment"]
    assert found["artifact_location"] == "mlflow-artifacts:/1"
    assert (found["name"], found["lifecycle_stage"], found["workspace"]) == ("vision", "active", "default")
    assert isinstance(found["creation_time"], int)
    assert found["tags"] == [{"key": "team", "value": "é"}]
    assert (await api.read("/experiments/get-by-name", experiment_name="vision"))["experiment"] == found
    await api.done("/experiments/update", experiment_id="1", new_name="audio")
    await api.done("/experiments/set-experiment-tag", experiment_id="1", key="k", value="v")
    await api.done("/experiments/delete-experiment-tag", experiment_id="1", key="k")
    assert refused(await api.post("/experiments/delete-experiment-tag", experiment_id="1", key="k")) == GONE
    run_id = await api.run(experiment_id="1")
    await api.done("/experiments/delete", experiment_id="1")
    assert refused(await api.post("/experiments/update", experiment_id="1", new_name="x")) == (500, "INVALID_STATE")
    assert refused(await api.post("/runs/create", experiment_id="1")) == INVALID
    listed = await api.done("/experiments/search", max_results=10, view_type="DELETED_ONLY")
    assert [one["name"] for one in listed["experiments"]] == ["audio"]
    assert (await api.read("/runs/get", run_id=run_id))["run"]["info"]["lifecycle_stage"] == "deleted"
    await api.done("/experiments/restore", experiment_id="1")
    assert (await api.read("/runs/get", run_id=run_id))["run"]["info"]["lifecycle_stage"] == "active"
    for path, query in (
        ("/experiments/get", {"experiment_id": "77"}),
        ("/experiments/get-by-name", {"experiment_name": "x"}),
    ):
        assert refused(await api.get(path, **query)) == GONE


async def test_runs_from_creation_to_restoration(api: Api) -> None:
    tags = [{"key": "mlflow.user", "value": "ann"}, {"key": "mlflow.parentRunId", "value": MISSING}]
    run_id = await api.run(run_name="first", user_id="ann", start_time="1700000000123", tags=tags)
    info = (await api.read("/runs/get", run_uuid=run_id))["run"]["info"]
    assert info == {
        "run_uuid": run_id,
        "run_id": run_id,
        "experiment_id": "0",
        "run_name": "first",
        "user_id": "ann",
        "status": "RUNNING",
        "start_time": 1700000000123,
        "artifact_uri": f"mlflow-artifacts:/0/{run_id}/artifacts",
        "lifecycle_stage": "active",
    }
    await api.done("/runs/set-tag", run_id=run_id, key="mlflow.runName", value="renamed")
    ended = await api.done("/runs/update", run_uuid=run_id, status="FINISHED", end_time=1700000009999)
    assert (ended["run_info"]["run_name"], ended["run_info"]["status"]) == ("renamed", "FINISHED")
    assert ended["run_info"]["end_time"] == 1700000009999
    assert (await api.done("/runs/update", run_id=run_id, status=1))["run_info"]["status"] == "RUNNING"
    await api.done("/runs/log-parameter", run_id=run_id, key="lr", value="0.1")
    await api.done("/runs/log-parameter", run_id=run_id, key="lr", value="0.1")
    other = await api.post("/runs/log-parameter", run_id=run_id, key="lr", value="0.2")
    assert refused(other) == INVALID
    assert other.json()["message"].startswith("Changing param values is not allowed.")
    await api.done("/runs/set-tag", run_id=run_id, key="t", value="")
    await api.done("/runs/delete-tag", run_id=run_id, key="t")
    assert refused(await api.post("/runs/delete-tag", run_id=run_id, key="t")) == GONE
    await api.done("/runs/delete", run_id=run_id)
    for path, body in (
        ("/runs/log-metric", {"key": "m", "value": 1, "timestamp": 1}),
        ("/runs/log-parameter", {"key": "m", "value": "1"}),
        ("/runs/set-tag", {"key": "m", "value": "1"}),
        ("/runs/log-batch", {"metrics": [{"key": "m", "value": 1, "timestamp": 1}]}),
    ):
        answer = await api.post(path, run_id=run_id, **body)
        assert refused(answer) == INVALID
        assert "must be in the 'active' state" in answer.json()["message"]
    await api.done("/runs/restore", run_id=run_id)
    data = (await api.read("/runs/get", run_id=run_id))["run"]["data"]
    assert data["params"] == [{"key": "lr", "value": "0.1"}]
    assert {"key": "mlflow.runName", "value": "renamed"} in data["tags"]
    assert refused(await api.get("/runs/get", run_id=MISSING)) == GONE
    assert refused(await api.get("/runs/get", run_id="not-a-run")) == GONE


async def test_histories_that_are_too_long_for_one_answer(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = await api.run()
    batch = [{"key": "loss", "value": step, "timestamp": 1, "step": step} for step in range(20)]
    await api.done("/runs/log-batch", run_id=run_id, metrics=batch)
    asked = {"run_id": run_id, "metric_key": "loss"}
    monkeypatch.setattr(histories, "_MOST_SHOWN", 19)
    assert refused(await api.get("/metrics/get-history", **asked)) == (429, "RESOURCE_EXHAUSTED")
    page = await api.read("/metrics/get-history", **asked, max_results=19)
    assert len(page["metrics"]) == 19
    monkeypatch.setattr(histories, "_MOST_READ", 19)
    bulk, sample = "/metrics/get-history-bulk", "/metrics/get-history-bulk-interval"
    for path, query in (
        ("/metrics/get-history", {**asked, "max_results": 1}),
        (bulk, asked),
        (sample, {"run_ids": run_id, "metric_key": "loss"}),
    ):
        assert refused(await api.get(path, **query)) == (429, "RESOURCE_EXHAUSTED")
    some = {"run_ids": run_id, "metric_key": "loss", "start_step": 0, "end_step": 9}
    assert len((await api.read(sample, **some))["metrics"]) == 10


async def test_metrics_are_stored_once_and_their_history_is_paged(api: Api) -> None:
    run_id = await api.run()
    point = {"run_id": run_id, "key": "loss", "value": 0.5, "timestamp": 1700000000001, "step": 1}
    for _ in range(3):  # as a client does whose answers are lost
        await api.done("/runs/log-metric", **point)
    await api.done("/runs/log-metric", **{**point, "value": "NaN", "step": "-9007199254740993"})
    await api.done("/runs/log-metric", **{**point, "value": "-Infinity", "timestamp": "1700000000002", "step": 2})
    batch = [
        {"key": "acc", "value": step / 10, "timestamp": 1700000000000 - step, "step": 5 - step} for step in range(5)
    ]
    model = {"key": "acc", "value": 9, "timestamp": 1, "model_id": "m-1", "dataset_name": "d", "dataset_digest": "x"}
    for _ in range(2):
        await api.done("/runs/log-batch", run_id=run_id, metrics=[*batch, model], tags=[{"key": "b", "value": "c"}])
    history = await api.read("/metrics/get-history", run_id=run_id, metric_key="loss")
    assert history["metrics"] == [
        {"key": "loss", "value": "NaN", "timestamp": 1700000000001, "step": -9007199254740993},
        {"key": "loss", "value": 0.5, "timestamp": 1700000000001, "step": 1},
        {"key": "loss", "value": "-Infinity", "timestamp": 1700000000002, "step": 2},
    ]
    pages, token = [], ""
    while not pages or token:
        page = await api.read("/metrics/get-history", run_id=run_id, metric_key="acc", max_results=4, page_token=token)
        pages.append(page["metrics"])
        token = page.get("next_page_token", "")
    assert [len(page) for page in pages] == [4, 2]
    assert pages[0][0] == {"key": "acc", "value": 9.0, "timestamp": 1, "step": 0}
    # as `mlflow.evaluate` writes what it measures, for no model that was logged
    on_data = {"key": "auc", "value": 0.75, "timestamp": 2, "step": 0, "dataset_name": "d", "dataset_digest": "x"}
    await api.done("/runs/log-batch", run_id=run_id, metrics=[on_data])
    run = (await api.read("/runs/get", run_id=run_id))["run"]
    of_it = {"experiment_ids": [run["info"]["experiment_id"]], "filter": f"attributes.run_id = '{run_id}'"}
    assert (await api.done("/runs/search", **of_it))["runs"] == [run]
    latest = {one["key"]: one for one in run["data"]["metrics"]}
    assert latest["auc"]["value"] == 0.75
    assert (latest["acc"]["value"], latest["acc"]["step"]) == (0.0, 5)
    assert latest["loss"]["value"] == "-Infinity"
    for query in ({"run_id": run_id, "metric_key": "none"}, {"run_id": MISSING, "metric_key": "loss"}):
        assert await api.read("/metrics/get-history", **query) == {}


async def test_histories_of_several_runs_and_samples_of_them(api: Api) -> None:
    runs = sorted([await api.run(), await api.run()])
    for run_id in runs:
        points = [{"key": "m", "value": n, "timestamp": 1000 + n, "step": n} for n in (*range(10), 3)]
        await api.done("/runs/log-batch", run_id=run_id, metrics=points)
    bulk = await api.read("/metrics/get-history-bulk", run_id=[*runs, MISSING], metric_key="m", max_results=13)
    assert [(one["run_id"], one["step"]) for one in bulk["metrics"]] == [
        *((runs[0], step) for step in range(10)),
        *((runs[1], step) for step in range(3)),
    ]
    path = "/metrics/get-history-bulk-interval"
    sample = await api.read(path, run_ids=[runs[1], MISSING, runs[0]], metric_key="m", max_results=4)
    assert [(one["run_id"], one["value"]) for one in sample["metrics"]] == [
        *((run_id, value) for run_id in (runs[1], runs[0]) for value in (0.0, 3.0, 6.0, 9.0)),
    ]
    part = await api.read(path, run_ids=runs[0], metric_key="m", start_step=2, end_step=4)
    assert [one["step"] for one in part["metrics"]] == [2, 3, 4]
    for wrong in (
        {"start_step": 1},
        {"start_step": 2, "end_step": 1},
        {"max_results": 0},
        {"run_ids": [runs[0]] * 101},
    ):
        assert refused(await api.get(path, **{"run_ids": runs[0], "metric_key": "m", **wrong})) == INVALID
    assert await api.read(path, run_ids=MISSING, metric_key="m") == {}


async def test_models_of_older_clients_are_noted_in_a_tag(api: Api) -> None:
    run_id = await api.run()
    model = {"run_id": run_id, "artifact_path": "m", "utc_time_created": "now", "flavors": {"f": {"config": 1, "x": 2}}}
    for _ in range(2):
        await api.done("/runs/log-model", run_id=run_id, model_json=json.dumps(model))
    tags = {one["key"]: one["value"] for one in (await api.read("/runs/get", run_id=run_id))["run"]["data"]["tags"]}
    assert json.loads(tags["mlflow.log-model.history"]) == [{**model, "flavors": {"f": {"x": 2}}}] * 2
    for text in ("{", "[]", "{}"):
        assert refused(await api.post("/runs/log-model", run_id=run_id, model_json=text)) == INVALID
    await api.done("/runs/set-tag", run_id=run_id, key="mlflow.log-model.history", value="{}")
    assert refused(await api.post("/runs/log-model", run_id=run_id, model_json=json.dumps(model))) == INVALID


async def test_a_batch_that_is_refused_leaves_nothing(api: Api) -> None:
    run_id = await api.run()
    await api.done("/runs/log-parameter", run_id=run_id, key="p", value="1")
    good = {"key": "m", "value": 1, "timestamp": 1}
    many = [{"key": f"k{number}", "value": "v"} for number in range(101)]
    for batch in (
        {"params": [{"key": "p", "value": "2"}], "metrics": [good], "tags": [{"key": "t", "value": "v"}]},
        {"params": [{"key": "q", "value": "1"}, {"key": "q", "value": "2"}], "metrics": [good]},
        {"params": many},
        {"tags": many},
        {"metrics": [good] * 1001},
        {"metrics": [good] * 950, "params": many[:60]},
        {"metrics": [good, {"key": "m"}], "tags": [{"key": "t", "value": "v"}]},
        {"metrics": [good, {**good, "timestamp": -1}]},
        {"metrics": [good, {**good, "value": "text"}]},
        {"metrics": [good, {**good, "key": "../m"}]},
        {"metrics": 5},
    ):
        assert refused(await api.post("/runs/log-batch", run_id=run_id, **batch)) == INVALID, batch
    data = (await api.read("/runs/get", run_id=run_id))["run"]["data"]
    assert data["params"] == [{"key": "p", "value": "1"}]
    assert [tag["key"] for tag in data["tags"]] == ["mlflow.runName"]
    assert "metrics" not in data
    assert refused(await api.post("/runs/log-batch", run_id=MISSING, metrics=[good])) == GONE
    assert refused(await api.post("/runs/log-batch", run_id=MISSING)) == GONE


async def test_requests_that_are_malformed(server: AuthServer, api: Api) -> None:
    async with http_client(server.http_port, server.admin_key) as client:
        for prefix in PREFIXES:
            path = prefix + "/experiments/create"
            json_type = {"content-type": "application/json"}
            malformed = (b"{", b'{"name": NaN}', b'{"name": "a", "name": "b"}', b'{"name": "\\ud800"}', b"[" * 100_000)
            for body in (b"[]", b'{"name": 5}', b"{}", b"", b'{"name": ""}', b'{"experiment_name": "x"}', *malformed):
                assert refused(await client.post(path, content=body, headers=json_type)) == INVALID
            plain = {"content-type": "text/plain"}
            assert refused(await client.post(path, content=b'{"name": "x"}', headers=plain)) == INVALID
            foreign = {**json_type, "origin": "http://evil.example"}
            assert (await client.post(path, content=b'{"name": "x"}', headers=foreign)).status_code == 403
            both = b'{"run_id": "a", "runId": "b", "key": "k"}'
            assert refused(await client.post(prefix + "/runs/set-tag", content=both, headers=json_type)) == INVALID
            unknown = await client.post(prefix + "/scorers/register", json={})
            assert (unknown.status_code, unknown.headers["content-type"]) == (404, "text/html; charset=utf-8")
            assert "<h1>Not Found</h1>" in unknown.text and "default-src 'none'" in str(unknown.headers)
            wrong = await client.get(path)
            assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
            assert "<h1>Method Not Allowed</h1>" in wrong.text
            twice = json.dumps(json.dumps({"name": f"twice {prefix}"}))
            assert (await client.post(path, content=twice, headers=json_type)).status_code == 200
    needing_nothing = {"/runs/create", "/runs/search"}
    for path in [
        path
        for path, handlers in ROUTER.routes.items()
        if "POST" in handlers and path not in needing_nothing and "{" not in path
    ]:
        assert refused(await api.post(path)) == INVALID


async def test_who_may_what_is_what_it_is_elsewhere(server: AuthServer, api: Api) -> None:
    run_id = await api.run()
    viewer = await server.principal("vera", default="VIEWER")
    async with http_client(server.http_port) as nobody:
        answer = await nobody.get(f"{PREFIXES[0]}/runs/get", params={"run_id": run_id})
        assert refused(answer) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        for auth in (("any", viewer), ("any", server.admin_key)):
            read = await nobody.get(f"{PREFIXES[0]}/runs/get", params={"run_id": run_id}, auth=auth)
            assert read.status_code == 200
    async with http_client(server.http_port, viewer) as client:
        for path, body in (
            ("/runs/create", {}),
            ("/runs/log-metric", {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1}),
            ("/runs/set-tag", {"run_id": run_id, "key": "m", "value": "1"}),
        ):
            assert refused(await Api(client).post(path, **body)) == (403, "PERMISSION_DENIED")


STORY = """
import json, math, os, time
import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

experiment = mlflow.set_experiment("by MLflow")
with mlflow.start_run(run_name="first", tags={"a": "b"}, description="note") as run:
    mlflow.log_param("lr", 0.1)
    mlflow.log_params({"layers": 3, "name": "é"})
    for step in range(5):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"accuracy": 0.5, "nothing": math.nan}, step=7)
    mlflow.set_tag("t", "v")
    with mlflow.start_run(nested=True) as child:
        mlflow.log_metric("inner", 1)
found = mlflow.get_run(run.info.run_id)
assert (found.info.status, found.info.run_name) == ("FINISHED", "first")
assert found.data.params == {"lr": "0.1", "layers": "3", "name": "é"}, found.data.params
assert found.data.metrics["loss"] == 0.2 and math.isnan(found.data.metrics["nothing"])
assert found.data.tags["mlflow.note.content"] == "note"
assert mlflow.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id
try:
    with mlflow.start_run() as failed:
        raise KeyError
except KeyError:
    assert mlflow.get_run(failed.info.run_id).info.status == "FAILED"
with mlflow.start_run(run_id=run.info.run_id):
    mlflow.log_metric("loss", 0.1, step=5)

client = MlflowClient()
history = client.get_metric_history(run.info.run_id, "loss")
logged = [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 0.1]
assert [(point.step, point.value) for point in history] == list(enumerate(logged))
now = int(time.time() * 1000)
many = [Metric("many", i, now, i) for i in range(900)]
client.log_batch(run.info.run_id, many, [Param("p", "1")], [RunTag("q", "2")])
assert len(client.get_metric_history(run.info.run_id, "many")) == 900
try:
    client.log_param(run.info.run_id, "lr", "other")
    raise AssertionError("a param changed")
except MlflowException as error:
    assert error.error_code == "INVALID_PARAMETER_VALUE", error.error_code
assert client.get_experiment_by_name("nothing") is None
client.rename_experiment(experiment.experiment_id, "renamed")
client.set_experiment_tag(experiment.experiment_id, "k", "v")
assert client.get_experiment(experiment.experiment_id).tags == {"k": "v"}
chosen = "metrics.loss < 0.2 and params.p = '1'"
found = client.search_runs([experiment.experiment_id], chosen, order_by=["metrics.loss DESC"])
assert [one.info.run_id for one in found] == [run.info.run_id], found
assert client.search_runs([experiment.experiment_id], "params.p LIKE '2%'") == []
assert run.info.run_id in set(mlflow.search_runs([experiment.experiment_id], "attributes.status = 'FINISHED'").run_id)
assert [one.name for one in client.search_experiments(filter_string="name LIKE 'ren%'")] == ["renamed"]
try:
    client.search_runs([experiment.experiment_id], "params.p >")
    raise AssertionError("a filter that cannot be read was taken")
except MlflowException as error:
    assert error.error_code == "INVALID_PARAMETER_VALUE", error.error_code
client.delete_tag(run.info.run_id, "t")
client.set_terminated(failed.info.run_id, "KILLED")
client.delete_run(failed.info.run_id)
assert client.get_run(failed.info.run_id).info.lifecycle_stage == "deleted"
client.restore_run(failed.info.run_id)
client.delete_experiment(experiment.experiment_id)
client.restore_experiment(experiment.experiment_id)
assert [one.name for one in client.search_experiments()] == ["renamed", "Default"]
print(run.info.run_id)
"""


@pytest.mark.parametrize("python", clients("rest"))
@pytest.mark.parametrize("basic", [False, True], ids=["token", "password"])
def test_mlflows_own_client(python: Path, tmp_path: Path, basic: bool) -> None:
    with LocalServer() as server:
        key = (
            {"MLFLOW_TRACKING_USERNAME": "anyone", "MLFLOW_TRACKING_PASSWORD": server.token}
            if basic
            else {"MLFLOW_TRACKING_TOKEN": server.token}
        )
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MLFLOW_TRACKING_URI": server.http_url}
        told = subprocess.run(
            [python, "-c", STORY],
            env={**environment, **key, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert told.returncode == 0, told.stderr
