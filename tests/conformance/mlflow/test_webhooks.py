"""Webhooks of MLflow's REST API: MLflow's own client makes them, and its own recipe verifies what they send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import trackway
from support.auth_serving import AuthServer, auth_server
from support.gateway_serving import http_client
from support.mlflow_environment import MISSING, PEER, rest, variables
from support.webhook_receiver import Receiver, receiver
from trackway.testing import LocalServer
from trackway_server.gateway.mlflow.webhooks import KINDS
from trackway_server.registry.domain.webhook_payloads import MLFLOW_NAMES

PREFIX = "/api/2.0/mlflow"
ALLOWED = {
    "TRACKWAY_REGISTRY_WEBHOOK_ALLOW_HTTP": "true",
    "TRACKWAY_REGISTRY_WEBHOOK_ALLOW_PRIVATE_HOSTS": "true",
}
SECRET = "a secret é"
CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}

STORY = """
import json, sys
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent, WebhookStatus
from mlflow.exceptions import MlflowException
from mlflow.webhooks.delivery import _generate_hmac_signature

url, secret = sys.argv[1:]
client = MlflowClient()
names = ("registered_model.created", "model_version.created", "model_version_tag.set", "model_version_tag.deleted",
         "model_version_alias.created", "model_version_alias.deleted")
events = [WebhookEvent.from_str(name) for name in names]
hook = client.create_webhook(name="all", url=url + "/all", events=events, secret=secret, description="note")
assert (hook.name, hook.url, hook.description, hook.status) == ("all", url + "/all", "note", WebhookStatus.ACTIVE)
assert hook.events == events and hook.secret is None and hook.creation_timestamp > 1e12
other = client.create_webhook(name="quiet", url=url + "/quiet", events=["registered_model.created"],
                              status=WebhookStatus.DISABLED)
assert client.get_webhook(hook.webhook_id).events == events
page = client.list_webhooks(max_results=1)
assert [one.webhook_id for one in page] == [other.webhook_id] and page.token
assert [one.webhook_id for one in client.list_webhooks(max_results=1, page_token=page.token)] == [hook.webhook_id]
changed = client.update_webhook(other.webhook_id, name="renamed", events=events[:2], description="d")
assert (changed.name, changed.events, changed.status) == ("renamed", events[:2], WebhookStatus.DISABLED)
assert client.update_webhook(other.webhook_id, description="").description is None

def refused(code, call, *args, **more):
    try:
        call(*args, **more)
    except MlflowException as error:
        assert error.error_code == code, (error.error_code, error.message)
    else:
        raise AssertionError(f"{call.__name__} was not refused")

refused("INVALID_PARAMETER_VALUE", client.create_webhook, "x", "ftp://receiver.example", events)
refused("INVALID_PARAMETER_VALUE", client.create_webhook, "x", url, ["prompt.created"])
refused("RESOURCE_DOES_NOT_EXIST", client.get_webhook, "0" * 32)
refused("RESOURCE_DOES_NOT_EXIST", client.delete_webhook, "none")
refused("RESOURCE_DOES_NOT_EXIST", client.update_webhook, "none", name="y")
refused("RESOURCE_DOES_NOT_EXIST", client.test_webhook, "none")
for event in (None, "model_version_alias.created"):
    told = client.test_webhook(hook.webhook_id, event)
    assert (told.success, told.response_status, told.error_message) == (True, 200, None), told
broken = client.test_webhook(client.create_webhook("broken", url + "/broken", events).webhook_id)
assert (broken.success, broken.response_status) == (False, 500) and "500" in broken.error_message
print("ready", flush=True)
for told in json.loads(sys.stdin.readline()):
    signature = _generate_hmac_signature(secret, told["id"], told["timestamp"], told["body"])
    assert signature == told["signature"], told
for one in client.list_webhooks():
    client.delete_webhook(one.webhook_id)
assert client.list_webhooks() == []
"""


def test_every_event_of_mlflow_has_one_name() -> None:
    assert {kind: (entity.lower(), action.lower()) for (entity, action), kind in KINDS.items()} == MLFLOW_NAMES


@pytest.mark.skipif(not PEER.exists(), reason=MISSING)  # version 2 has no webhooks
async def test_mlflows_own_client(tmp_path: Path) -> None:
    async with receiver() as hook:
        hook.answers["/broken"] = [(500, {})]
        with LocalServer(environment=ALLOWED) as server:
            environment = variables(tmp_path, rest(server))
            story = await asyncio.create_subprocess_exec(
                *(PEER, "-c", STORY, hook.url(""), SECRET),
                env=environment,
                cwd=tmp_path,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            assert story.stdin is not None
            assert story.stdout is not None
            if (await story.stdout.readline()).strip() == b"ready":
                told = await told_by(server, hook)
                story.stdin.write(json.dumps(told).encode() + b"\n")
            _, failure = await story.communicate()
            assert story.returncode == 0, failure.decode()
    assert not hook.of("/quiet")


async def told_by(server: LocalServer, hook: Receiver) -> list[dict[str, str]]:
    """Do all that MLflow has events for; what the receiver was sent, the two tests first."""
    await asyncio.to_thread(change_models, server)
    told = (await hook.wait(10, "/all"))[:10]
    assert [(each.value["entity"], each.value["action"]) for each in told] == [
        ("registered_model", "created"),
        ("model_version_alias", "created"),
        ("registered_model", "created"),
        ("model_version", "created"),
        ("model_version_tag", "set"),
        ("model_version_tag", "set"),
        ("model_version_tag", "deleted"),
        ("model_version_alias", "created"),
        ("model_version_alias", "created"),
        ("model_version_alias", "deleted"),
    ]
    data = [each.value["data"] for each in told]
    assert data[0] == {"name": "example_model", "tags": {"example_key": "example_value"}, "description": "An example"}
    assert data[2] == {"name": "digits", "tags": {"a": "1"}, "description": "d"}
    assert (data[3]["version"], data[3]["run_id"], data[3]["description"]) == ("1", data[3]["source"][6:38], None)
    assert data[5:8] == [
        {"name": "digits", "version": "1", "key": "t", "value": "é"},
        {"name": "digits", "version": "1", "key": "t"},
        {"name": "digits", "alias": "champion", "version": "1"},
    ]
    assert data[9] == {"name": "digits", "alias": "champion"}
    assert told[2].value["workspace"] == "default"
    assert all(each.signature(SECRET.encode(), mlflow=True) for each in told)
    assert len({each.headers["x-mlflow-delivery-id"] for each in told}) == 10
    names = {"id": "delivery-id", "timestamp": "timestamp", "signature": "signature"}
    return [
        {"body": each.body.decode(), **{key: each.headers[f"x-mlflow-{name}"] for key, name in names.items()}}
        for each in told
    ]


def change_models(server: LocalServer) -> None:
    with trackway.Client(server.uri, token=server.token) as client:
        run = client.tracking.create_run(experiment_name="e")
        client.artifacts.upload_bytes(run.info.run_id, b"flavors: {}\n", "model/MLmodel")
        registry = client.registry
        registry.create_model("digits", description="d", tags={"a": "1"})
        registry.create_version("digits", f"runs:/{run.info.run_id}/model", tags={"s": "t"})
        registry.transition_stage("digits", 1, "Staging")  # of which MLflow has no event
        registry.set_version_tags("digits", 1, {"t": "é"})
        registry.delete_version_tags("digits", 1, ["t"])
        registry.set_alias("digits", "champion", 1)
        registry.set_alias("digits", "second", 1)
        registry.delete_alias("digits", "champion")


@asynccontextmanager
async def gateway(folder: Path) -> AsyncIterator[tuple[AuthServer, httpx.AsyncClient]]:
    async with auth_server(folder) as server, http_client(server.http_port, server.admin_key) as client:
        yield server, client


async def asked(client: httpx.AsyncClient, method: str, path: str, **body: Any) -> tuple[int, Any]:
    given = {"params": body} if method == "GET" else {"json": body} if method != "DELETE" else {}
    answer = await client.request(method, PREFIX + path, **given)  # type: ignore[arg-type]
    return answer.status_code, answer.json()


async def test_the_routes_as_they_are_documented(tmp_path: Path) -> None:
    """Names in snake case, times in milliseconds, enums by name or number; what is wrong by MLflow's codes."""
    async with gateway(tmp_path) as (_, client):
        body = {"name": "n", "url": "https://receiver.invalid/x", "events": [CREATED], "status": "DISABLED"}
        status, answer = await asked(client, "POST", "/webhooks", **body, secret="hidden")
        webhook = answer["webhook"]
        assert status == 200
        assert webhook == {
            **body,
            "webhook_id": webhook["webhook_id"],
            "creation_timestamp": webhook["creation_timestamp"],
            "last_updated_timestamp": webhook["creation_timestamp"],
        }
        path = f"/webhooks/{webhook['webhook_id']}"
        assert await asked(client, "GET", path) == (200, {"webhook": webhook})
        changed = {"events": [{"entity": 3, "action": 4}], "status": 1, "unknown": 5}
        _, answer = await asked(client, "PATCH", path, **changed)
        assert answer["webhook"]["events"] == [{"entity": "MODEL_VERSION_TAG", "action": "SET"}]
        assert (answer["webhook"]["status"], answer["webhook"]["name"]) == ("ACTIVE", "n")
        assert (await asked(client, "GET", "/webhooks", max_results="5"))[1]["webhooks"] == [answer["webhook"]]

        for wrong in (
            {},
            {"name": "n", "url": "https://receiver.invalid/"},
            {**body, "events": []},
            {**body, "events": ["registered_model.created"]},
            {**body, "events": [{"entity": "REGISTERED_MODEL"}]},
            {**body, "events": [{"entity": "REGISTERED_MODEL", "action": "DELETED"}]},
            {**body, "url": "http://receiver.invalid/"},
            {**body, "url": "https://127.0.0.1/"},
            {**body, "name": 5},
            {**body, "status": "PAUSED"},
        ):
            status, answer = await asked(client, "POST", "/webhooks", **wrong)
            assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), wrong
        for method, at, more in (
            ("GET", "/webhooks", {"max_results": 1001}),
            ("GET", "/webhooks", {"page_token": "x"}),
            ("PATCH", path, {"url": "x"}),
            ("POST", f"{path}/test", {"event": "x"}),
        ):
            assert (await asked(client, method, at, **more))[1]["error_code"] == "INVALID_PARAMETER_VALUE", at
        assert await asked(client, "DELETE", path) == (200, {})
        for method, at in (("GET", path), ("PATCH", path), ("DELETE", path), ("POST", f"{path}/test")):
            status, answer = await asked(client, method, at)
            assert (status, answer["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


async def test_webhooks_are_for_administrators_and_our_own_are_not_shown(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (server, client):
        address = f"trackway://127.0.0.1:{server.port}"
        async with trackway.AsyncClient(address, token=server.admin_key) as ours:
            made = await ours.registry.create_webhook("ours", "https://receiver.invalid/", ["STAGE_CHANGED"])
        assert await asked(client, "GET", "/webhooks") == (200, {})
        assert (await asked(client, "GET", f"/webhooks/{made.webhook_id}"))[0] == 404
        assert (await asked(client, "DELETE", f"/webhooks/{made.webhook_id}"))[0] == 404
        key = await server.principal("ed", default="EDITOR")
        async with http_client(server.http_port, key) as editor:
            for method, path in (("GET", "/webhooks"), ("GET", f"/webhooks/{made.webhook_id}")):
                status, answer = await asked(editor, method, path)
                assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED")
