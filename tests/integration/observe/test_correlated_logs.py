"""The logs of a real server: request ids from end to end, lines for what matters, and no secret in any of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.training import wait_until
from trackway.client import Client
from trackway.errors import NotFound, Unauthenticated
from trackway.testing import LocalServer

WRONG_KEY = "tw_" + "wrong" * 9


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """On a folder that is there and empty, so that the server itself makes its databases (see support/migrated.py)."""
    settings = {"TRACKWAY_LOG_FORMAT": "json", "TRACKWAY_SLOW_CALL_S": "0.000001"}
    with LocalServer(tmp_path_factory.mktemp("data"), environment=settings) as running:
        yield running


def lines(server: LocalServer, **fields: str) -> list[dict[str, Any]]:
    """The JSON lines of the log with these fields; a line comes after its answer, so it is waited for a little."""
    deadline = time.monotonic() + 10
    while True:
        found = [json.loads(line) for line in server.log.splitlines() if line.startswith("{") and line.endswith("}")]
        chosen = [line for line in found if all(line.get(name) == value for name, value in fields.items())]
        if chosen or not fields or time.monotonic() > deadline:
            return chosen
        time.sleep(0.02)


def test_the_gateways_id_is_that_of_every_call_behind_it(server: LocalServer) -> None:
    auth = ("x", server.token)
    answer = httpx.get(f"{server.http_url}/", auth=auth, headers={"x-request-id": "page-1"})
    assert answer.headers["x-request-id"] == "page-1"
    assert {line["method"].rpartition("/")[2] for line in lines(server, event="call", request_id="page-1")} == {
        "SearchExperiments",
        "SearchRuns",
        "SearchModels",
    }
    (page,) = lines(server, event="http_request", request_id="page-1")
    assert (page["path"], page["status"]) == ("/", 200)


def test_an_error_page_shows_the_id_and_a_bad_one_is_replaced(server: LocalServer) -> None:
    missing = f"{server.http_url}/runs/{'0' * 32}"
    shown = httpx.get(missing, auth=("x", server.token), headers={"x-request-id": "lost-1"})
    assert "lost-1" in shown.text
    replaced = httpx.get(missing, auth=("x", server.token), headers={"x-request-id": "a b" * 100})
    assert len(replaced.headers["x-request-id"]) == 32
    assert replaced.headers["x-request-id"] in replaced.text


def test_the_clients_id_is_that_of_registry_tracking_and_artifacts(server: LocalServer, tmp_path: Path) -> None:
    content = tmp_path / "MLmodel"
    content.write_text("flavors: {}")
    with Client(server.uri, token=server.token) as client:
        run = client.tracking.create_run(experiment_id="0")
        client.artifacts.upload_file(run.info.run_id, content, "model/MLmodel")
        client.registry.create_model("m")
        client.registry.create_version("m", f"runs:/{run.info.run_id}/model")
        with pytest.raises(NotFound) as caught:
            client.registry.get_version("m", 9)
    (created,) = lines(server, event="call", method="trackway.api.registry.v1.ModelRegistryService/CreateVersion")
    behind = {line["method"].rpartition("/")[2] for line in lines(server, request_id=created["request_id"])}
    assert behind == {"CreateVersion", "GetRun", "CreateManifest"}
    (refused,) = lines(server, event="call", request_id=caught.value.request_id)
    assert (refused["status"], refused["reason"]) == ("NOT_FOUND", "MODEL_VERSION_NOT_FOUND")


def test_start_migrations_and_slow_calls_have_lines(server: LocalServer) -> None:
    (started,) = lines(server, event="server_started")
    assert started["target"] == "all"
    assert started["grpc_port"] == int(server.uri.rpartition(":")[2])
    migrated = {Path(line["database"]).name: line["before"] for line in lines(server, event="database_migrated")}
    assert migrated == {f"{name}.db": None for name in ("tracking", "artifacts", "registry", "auth")}
    with Client(server.uri, token=server.token) as client:
        client.tracking.get_experiment("0")
    slow = lines(server, event="slow_call", method="trackway.api.tracking.v1.TrackingService/GetExperiment")
    assert slow[-1]["level"] == "warning"
    assert slow[-1]["duration_ms"] > 0


def test_no_secret_is_in_the_log(server: LocalServer) -> None:
    with Client(server.uri, token=server.token) as client:
        client.tracking.get_experiment("0")
    with Client(server.uri, token=WRONG_KEY) as client, pytest.raises(Unauthenticated):
        client.tracking.get_experiment("0")
    for auth in (("x", server.token), ("x", WRONG_KEY)):
        httpx.get(f"{server.http_url}/?token={server.token}", auth=auth)
        httpx.get(f"{server.http_url}/{server.token}", auth=auth)
    httpx.get(f"{server.http_url}/", headers={"x-request-id": server.token})
    assert server.token not in server.log
    assert WRONG_KEY not in server.log
    assert "Bearer tw_" not in server.log


def test_level_and_format_are_flags_too() -> None:
    never_slow = {"TRACKWAY_SLOW_CALL_S": "0"}
    with LocalServer(arguments=["--log-level", "warning", "--log-format", "json"], environment=never_slow) as quiet:
        with Client(quiet.uri, token=quiet.token) as client:
            client.tracking.get_experiment("0")
        assert lines(quiet) == []
    with LocalServer(arguments=["--log-level", "debug", "--log-format", "console"]) as loud:
        httpx.get(f"{loud.http_url}/healthz")
        wait_until(lambda: "http_request" in loud.log, "the line is written, after the answer")
        assert lines(loud) == []


def test_a_stop_has_lines() -> None:
    with LocalServer(environment={"TRACKWAY_LOG_FORMAT": "json"}) as server:
        server.terminate()
        assert [line["event"] for line in lines(server, target="all")] == [
            "server_started",
            "server_stopping",
            "server_stopped",
        ]
