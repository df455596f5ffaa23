"""Data sets and long params over MLflow's REST API, and MLflow's own client logging them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.auth_serving import auth_server
from support.gateway_serving import http_client
from support.mlflow_environment import clients, rest, told
from trackway.testing import LocalServer

BASE = "/api/2.0/mlflow"
LONG = "é" * 1_500_000

STORY = """
import mlflow, numpy as np
train = mlflow.data.from_numpy(np.arange(6.0), name="train")
test = mlflow.data.from_numpy(np.arange(3.0), name="test")
with mlflow.start_run() as run:
    mlflow.log_input(train, context="training", tags={"split": "a"})
    if hasattr(mlflow, "log_inputs"):
        mlflow.log_inputs([test], ["validation"], [{"split": "b"}])
    else:
        mlflow.log_input(test, "validation", {"split": "b"})
    mlflow.log_param("long", "x" * 5999)
client = mlflow.MlflowClient()
found = client.get_run(run.info.run_id)
tags = {each.dataset.name: {tag.key: tag.value for tag in each.tags} for each in found.inputs.dataset_inputs}
assert tags == {
    "train": {"mlflow.data.context": "training", "split": "a"},
    "test": {"mlflow.data.context": "validation", "split": "b"},
}, tags
assert found.data.params["long"] == "x" * 5999
for condition in ("datasets.name = 'train'", f"dataset.digest = '{train.digest}'", "datasets.context = 'validation'"):
    (only,) = client.search_runs(["0"], condition)
    assert only.info.run_id == run.info.run_id
assert not client.search_runs(["0"], "datasets.context = 'training' AND datasets.name = 'none'")
"""


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with auth_server(tmp_path) as server, http_client(server.http_port, server.admin_key) as client:
        yield client


async def post(http: httpx.AsyncClient, path: str, code: int = 200, prefix: str = BASE, **body: Any) -> Any:
    answer = await http.post(prefix + path, json=body)
    assert answer.status_code == code, answer.text
    return answer.json()


async def new_run(http: httpx.AsyncClient, experiment_id: str = "0") -> str:
    made = await post(http, "/runs/create", experiment_id=experiment_id)
    return str(made["run"]["info"]["run_id"])


def dataset(name: str, digest: str = "1", tags: dict[str, str] | None = None, **more: str) -> dict[str, Any]:
    pairs = [{"key": key, "value": value} for key, value in (tags or {}).items()]
    return {"dataset": {"name": name, "digest": digest, "source_type": "code", "source": "{}", **more}, "tags": pairs}


async def test_data_sets_with_their_tags(http: httpx.AsyncClient) -> None:
    run_id = await new_run(http)
    given = dataset("d", tags={"mlflow.data.context": "training", "split": "a"}, schema='{"x": 1}')
    assert await post(http, "/runs/log-inputs", run_id=run_id, datasets=[given, dataset("plain")]) == {}
    again = dataset("d", tags={"mlflow.data.context": "other"})
    await post(http, "/runs/log-inputs", run_id=run_id, datasets=[again])
    found = await http.get(f"{BASE}/runs/get", params={"run_id": run_id})
    plain = {"dataset": dataset("plain")["dataset"]}
    assert found.json()["run"]["inputs"] == {"dataset_inputs": [given, plain]}
    (listed,) = (await post(http, "/runs/search", experiment_ids=["0"], filter="dataset.context = 'training'"))["runs"]
    assert listed["info"]["run_id"] == run_id


async def test_data_sets_of_experiments(http: httpx.AsyncClient) -> None:
    run_id = await new_run(http)
    given = [dataset("d", tags={"mlflow.data.context": "training"}), dataset("plain")]
    await post(http, "/runs/log-inputs", run_id=run_id, datasets=given)
    for prefix in (BASE, "/ajax-api/2.0/mlflow"):
        found = await post(http, "/experiments/search-datasets", prefix=prefix, experiment_ids=["0", "999"])
        assert found["dataset_summaries"] == [
            {"experiment_id": "0", "name": "d", "digest": "1", "context": "training"},
            {"experiment_id": "0", "name": "plain", "digest": "1"},
        ]
    assert await post(http, "/experiments/search-datasets", experiment_ids=["999"]) == {}
    refused = await post(http, "/experiments/search-datasets", 400)
    assert refused["message"] == "SearchDatasets request must specify at least one experiment_id."
    refused = await post(http, "/experiments/search-datasets", 400, experiment_ids=[str(n) for n in range(21)])
    assert "cannot specify more than 20 experiment_ids. Received 21" in refused["message"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (dataset("n" * 501), "'name' exceeds the maximum length of 500 characters"),
        (dataset("d", "1" * 37), "'digest' exceeds the maximum length of 36 characters"),
        (dataset("d", source="s" * 65_536), "'source' exceeds the maximum length of 65535 characters"),
        (dataset("d", tags={"k" * 256: "v"}), "'key' exceeds the maximum length of 255 characters"),
        (dataset("d", tags={"k": "v" * 501}), "'value' exceeds the maximum length of 500 characters"),
        ({"dataset": "d"}, "Invalid value"),
        ({}, ""),
    ],
)
async def test_what_mlflow_refuses(http: httpx.AsyncClient, given: Any, told: str) -> None:
    run_id = await new_run(http)
    answer = await post(http, "/runs/log-inputs", 400, run_id=run_id, datasets=[dataset("good"), given])
    assert answer["error_code"] == "INVALID_PARAMETER_VALUE"
    assert told in answer["message"]
    found = await http.get(f"{BASE}/runs/get", params={"run_id": run_id})
    assert found.json()["run"]["inputs"] == {}


async def test_no_run_and_a_deleted_one(http: httpx.AsyncClient) -> None:
    await post(http, "/runs/log-inputs", 404, run_id="0" * 32, datasets=[dataset("d")])
    run_id = await new_run(http)
    await post(http, "/runs/delete", run_id=run_id)
    await post(http, "/runs/log-inputs", 400, run_id=run_id, datasets=[dataset("d")])


async def test_long_values_are_kept(http: httpx.AsyncClient) -> None:
    run_id = await new_run(http)
    await post(http, "/runs/log-parameter", run_id=run_id, key="one", value=LONG)
    await post(http, "/runs/log-batch", run_id=run_id, params=[{"key": "two", "value": LONG}])
    found = await http.get(f"{BASE}/runs/get", params={"run_id": run_id})
    assert found.json()["run"]["data"]["params"] == [{"key": "one", "value": LONG}, {"key": "two", "value": LONG}]


@pytest.mark.parametrize("python", clients("lineage"))
def test_mlflows_own_client_logs_data_sets(python: Path, tmp_path: Path) -> None:
    with LocalServer() as server:
        told(python, STORY, tmp_path, **rest(server))
