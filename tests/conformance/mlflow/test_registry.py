"""The model registry by MLflow's REST API, and by MLflow's own client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.auth_serving import AuthServer, auth_server
from support.gateway_serving import http_client
from support.mlflow_api import Api
from support.mlflow_environment import clients, rest, told
from trackway.aio import AsyncClient
from trackway.client import Client
from trackway.errors import InvalidArgument
from trackway.testing import LocalServer

MISSING = "0" * 32
INVALID = (400, "INVALID_PARAMETER_VALUE")
GONE = (404, "RESOURCE_DOES_NOT_EXIST")
TAKEN = (400, "RESOURCE_ALREADY_EXISTS")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AuthServer]:
    async with auth_server(tmp_path) as running:
        yield running


@pytest.fixture
async def api(server: AuthServer) -> AsyncIterator[Api]:
    async with http_client(server.http_port, server.admin_key) as client:
        yield Api(client)


def client_of(server: AuthServer, key: str) -> AsyncClient:
    return AsyncClient(f"trackway://127.0.0.1:{server.port}", token=key)


async def logged(server: AuthServer) -> str:
    """A run with a model."""
    async with client_of(server, server.admin_key) as client:
        run = await client.tracking.create_run()
        await client.artifacts.upload_bytes(run.info.run_id, b"flavors: {}\n", "model/MLmodel")
        return run.info.run_id


async def pinned_uri(server: AuthServer, name: str, version: int) -> str:
    """Where MLflow's clients are to find the files of a version."""
    async with client_of(server, server.admin_key) as client:
        digest = (await client.registry.get_version(name, version)).manifest_digest
        return f"mlflow-artifacts:/manifests/default/{digest.removeprefix('sha256:')}"


async def test_models_from_creation_to_deletion(api: Api) -> None:
    made = await api.model("digits", tags=[{"key": "team", "value": "é"}], description="about")
    assert made == {
        "name": "digits",
        "creation_timestamp": made["creation_timestamp"],
        "last_updated_timestamp": made["creation_timestamp"],
        "description": "about",
        "tags": [{"key": "team", "value": "é"}],
    }
    assert await api.refused("POST", "/registered-models/create", name="digits") == TAKEN
    for name in ("a/b", "a:b", "", " "):
        assert await api.refused("POST", "/registered-models/create", name=name) == INVALID
    changed = await api.done("PATCH", "/registered-models/update", name="digits", description="new")
    assert changed["registered_model"]["description"] == "new"
    await api.done("POST", "/registered-models/set-tag", name="digits", key="k", value="v")
    for _ in range(2):  # one that is not there is no matter
        await api.done("DELETE", "/registered-models/delete-tag", name="digits", key="k")
    await api.version("digits")
    await api.model("other")
    assert await api.refused("POST", "/registered-models/rename", name="digits", new_name="other") == TAKEN
    renamed = await api.done("POST", "/registered-models/rename", name="digits", new_name="letters")
    assert renamed["registered_model"]["latest_versions"][0]["name"] == "letters"
    assert await api.refused("GET", "/registered-models/get", name="digits") == GONE
    await api.done("POST", "/registered-models/rename", name="letters", new_name="digits")
    await api.done("DELETE", "/registered-models/delete", name="digits")
    for method, path, more in (
        ("GET", "/registered-models/get", {}),
        ("PATCH", "/registered-models/update", {}),
        ("DELETE", "/registered-models/delete", {}),
        ("POST", "/registered-models/rename", {"new_name": "x"}),
        ("POST", "/registered-models/set-tag", {"key": "k", "value": "v"}),
        ("GET", "/registered-models/get-latest-versions", {}),
        ("POST", "/model-versions/create", {"source": "s3://bucket/x"}),
        ("GET", "/model-versions/get", {"version": "1"}),
        ("DELETE", "/model-versions/delete", {"version": "1"}),
    ):
        assert await api.refused(method, path, name="digits", **more) == GONE, path
    # Numbers mean what they meant for ever: neither a new model of the name nor another takes them again.
    await api.model("digits")
    assert (await api.version("digits"))["version"] == "2"
    await api.done("DELETE", "/registered-models/delete", name="digits")
    assert await api.refused("POST", "/registered-models/rename", name="other", new_name="digits") == TAKEN


async def test_versions_from_creation_to_deletion(api: Api, server: AuthServer) -> None:
    run_id = await logged(server)
    source = f"mlflow-artifacts:/0/{run_id}/artifacts/model"
    await api.model("digits")
    link = {"run_link": "https://elsewhere/run", "description": "first", "tags": [{"key": "a", "value": "b"}]}
    made = await api.version("digits", source, run_id=run_id, **link)
    assert made == {
        "name": "digits",
        "version": "1",
        "creation_timestamp": made["creation_timestamp"],
        "last_updated_timestamp": made["creation_timestamp"],
        "user_id": "admin",
        "current_stage": "None",
        "description": "first",
        "source": source,
        "run_id": run_id,
        "status": "READY",
        "tags": [{"key": "a", "value": "b"}],
        "run_link": "https://elsewhere/run",
    }
    assert (await api.done("GET", "/model-versions/get", name="digits", version="1"))["model_version"] == made
    download = await api.done("GET", "/model-versions/get-download-uri", name="digits", version="1")
    assert download == {"artifact_uri": await pinned_uri(server, "digits", 1)}
    assert (await api.version("digits", f"runs:/{run_id}/model"))["run_id"] == run_id
    download = await api.done("GET", "/model-versions/get-download-uri", name="digits", version="2")
    assert download == {"artifact_uri": await pinned_uri(server, "digits", 2)}
    changed = await api.done("PATCH", "/model-versions/update", name="digits", version="2", description="second")
    assert changed["model_version"]["description"] == "second"
    await api.done("POST", "/model-versions/set-tag", name="digits", version="2", key="k", value="v")
    for _ in range(2):
        await api.done("DELETE", "/model-versions/delete-tag", name="digits", version="2", key="k")
    await api.done("POST", "/registered-models/alias", name="digits", alias="champion", version="2")
    for version in ("1", "2"):
        moved = await api.done(
            "POST",
            "/model-versions/transition-stage",
            name="digits",
            version=version,
            stage="production",
            archive_existing_versions=True,
        )
        assert moved["model_version"]["current_stage"] == "Production"
    latest = await api.done("GET", "/registered-models/get-latest-versions", name="digits")
    stages = [(each["version"], each["current_stage"]) for each in latest["model_versions"]]
    assert stages == [("1", "Archived"), ("2", "Production")]
    chosen = await api.done("GET", "/registered-models/get-latest-versions", name="digits", stages=["archived", "None"])
    assert [each["version"] for each in chosen["model_versions"]] == ["1"]
    transition = {"name": "digits", "version": "2"}
    for stage, more in (("prod", {}), ("None", {"archive_existing_versions": True})):
        path = "/model-versions/transition-stage"
        assert await api.refused("POST", path, stage=stage, **transition, **more) == INVALID
    await api.done("DELETE", "/model-versions/delete", name="digits", version="2")  # in Production, as MLflow does it
    assert await api.refused("GET", "/model-versions/get", name="digits", version="2") == GONE
    assert await api.refused("GET", "/registered-models/alias", name="digits", alias="champion") == INVALID
    found = await api.done("GET", "/model-versions/search", filter="name = 'digits'")
    assert [each["version"] for each in found["model_versions"]] == ["1"]
    assert (await api.version("digits"))["version"] == "3"
    for version, how in (("0", GONE), ("99", GONE), ("99999999999", GONE), ("x", INVALID), ("", INVALID)):
        assert await api.refused("GET", "/model-versions/get", name="digits", version=version) == how


async def test_aliases(api: Api) -> None:
    await api.model("digits")
    assert await api.refused("GET", "/registered-models/alias", name="digits", alias="latest") == GONE
    for _ in range(2):
        await api.version("digits")
    for alias in ("champion", "other"):
        await api.done("POST", "/registered-models/alias", name="digits", alias=alias, version="1")
    await api.done("POST", "/registered-models/alias", name="digits", alias="other", version="2")
    found = await api.done("GET", "/registered-models/get", name="digits")
    assert found["registered_model"]["aliases"] == [
        {"alias": "champion", "version": "1"},
        {"alias": "other", "version": "2"},
    ]
    one = await api.done("GET", "/registered-models/alias", name="digits", alias="champion")
    assert (one["model_version"]["version"], one["model_version"]["aliases"]) == ("1", ["champion"])
    latest = await api.done("GET", "/registered-models/alias", name="digits", alias="latest")
    assert latest["model_version"]["version"] == "2"
    for alias in ("latest", "LATEST", "v1", "V22", "a b", "a/b", ""):
        assert await api.refused("POST", "/registered-models/alias", name="digits", alias=alias, version="1") == INVALID
    assert await api.refused("POST", "/registered-models/alias", name="digits", alias="a", version="9") == GONE
    for _ in range(2):
        await api.done("DELETE", "/registered-models/alias", name="digits", alias="champion")
    assert await api.refused("GET", "/registered-models/alias", name="digits", alias="champion") == INVALID


async def test_sources(api: Api, server: AuthServer) -> None:
    run_id, path = await logged(server), "/model-versions/create"
    await api.model("digits")
    pinned = await api.version("digits", f"runs:/{run_id}/model", run_id=run_id)
    copied = await api.version("digits", "models:/digits/1", run_id=run_id, tags=[{"key": "a", "value": "b"}])
    assert (copied["source"], copied["run_id"]) == ("models:/digits/1", pinned["run_id"])
    where = await api.done("GET", "/model-versions/get-download-uri", name="digits", version="2")
    assert where == {"artifact_uri": await pinned_uri(server, "digits", 1)}
    for source in ("s3://bucket/model", "dbfs:/model", f"runs:/{run_id}/nothing/here"):
        made = await api.version("digits", source)
        assert made["source"] == source
        where = await api.done("GET", "/model-versions/get-download-uri", name="digits", version=made["version"])
        assert where["artifact_uri"] in (source, f"mlflow-artifacts:/0/{run_id}/artifacts/nothing/here")
    async with client_of(server, server.admin_key) as client:
        first, second = [await client.registry.resolve("digits", version=number) for number in (1, 2)]
        assert first.manifest == second.manifest
        assert [each.path for each in first.manifest.files] == ["MLmodel"]
        with pytest.raises(InvalidArgument, match="had no files"):
            await client.registry.resolve("digits", version=3)
    for source, run in (
        ("/etc/passwd", ""),
        ("file:///etc/passwd", run_id),
        ("model", run_id),
        ("s3://bucket/../x", ""),
        ("s3://bucket/%252e%252e/x", ""),
        (f"runs:/{run_id}/../x", run_id),
        (f"runs:/{run_id}/model", MISSING),
        (f"mlflow-artifacts:/0/{run_id}/artifacts/model", MISSING),
        (f"mlflow-artifacts:/0/{run_id}/artifacts/../../x", run_id),
        (f"mlflow-artifacts://elsewhere/0/{run_id}/artifacts/model", run_id),
        ("models:/digits/1", MISSING),
        ("models:/digits@champion", ""),
    ):
        prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]  # CVE-2026-2614
        given = {"name": "digits", "source": source, "tags": prompt, **({"run_id": run} if run else {})}
        assert await api.refused("POST", path, **given) == INVALID, source
    for source in (f"runs:/{MISSING}/model", f"models:/m-{MISSING}", "models:/digits/99", "models:/none/1"):
        assert await api.refused("POST", path, name="digits", source=source) == GONE, source
    assert await api.refused("POST", path, name="digits") == INVALID


async def test_files_of_a_version_stay_what_they_were(api: Api, server: AuthServer) -> None:
    run_id = await logged(server)
    async with client_of(server, server.admin_key) as client:
        await client.artifacts.upload_bytes(run_id, b"1", "model/data/weights.bin")
        await api.model("digits")
        await api.version("digits", f"runs:/{run_id}/model")
        await client.artifacts.upload_bytes(run_id, b"22", "model/data/weights.bin")
        await client.artifacts.delete(run_id, "model/MLmodel")
    asked = {"name": "digits", "version": "1"}
    place = (await api.done("GET", "/model-versions/get-download-uri", **asked))["artifact_uri"]
    path = place.removeprefix("mlflow-artifacts:/")
    proxy = "/api/2.0/mlflow-artifacts/artifacts"
    assert (await api.client.get(f"{proxy}/{path}/data/weights.bin")).content == b"1"
    assert (await api.client.get(f"{proxy}/{path}/MLmodel")).content == b"flavors: {}\n"
    root = await api.client.get(proxy, params={"path": path})
    model, data = {"path": "MLmodel", "is_dir": False, "file_size": 12}, {"path": "data", "is_dir": True}
    assert root.json() == {"files": [model, data]}
    below = await api.client.get(proxy, params={"path": f"{path}/data"})
    assert below.json() == {"files": [{"path": "weights.bin", "is_dir": False, "file_size": 1}]}
    for missing in ("MLmodel", "nothing"):
        assert (await api.client.get(proxy, params={"path": f"{path}/{missing}"})).json() == {}
    assert (await api.client.get(f"{proxy}/{path}/nothing")).status_code == 404
    for answer in (
        await api.client.put(f"{proxy}/{path}/data/weights.bin", content=b"333"),
        await api.client.delete(f"{proxy}/{path}/data"),
    ):
        assert (answer.status_code, answer.json()["error_code"]) == INVALID
        assert "never change" in answer.json()["message"]
    # Who may read them is who may read the workspace, or a model with these files.
    bound, stranger = await server.principal("bo"), await server.principal("stranger")
    async with client_of(server, server.admin_key) as admin:
        await admin.auth.grant_model_role("digits", "bo", "VIEWER")
    async with http_client(server.http_port, bound) as client:
        assert (await client.get(f"{proxy}/{path}/data/weights.bin")).content == b"1"
        assert len((await client.get(proxy, params={"path": path})).json()["files"]) == 2
    async with http_client(server.http_port, stranger) as client:
        for url, params in ((f"{proxy}/{path}/data/weights.bin", {}), (proxy, {"path": path})):
            assert (await client.get(url, params=params)).status_code in (403, 404)
    elsewhere = path.replace("/default/", "/elsewhere/")
    assert (await api.client.get(f"{proxy}/{elsewhere}/MLmodel")).status_code in (403, 404)


async def test_versions_and_logged_models_know_one_another(api: Api, server: AuthServer) -> None:
    run_id = await logged(server)
    given = {"experiment_id": "0", "source_run_id": run_id, "params": [{"key": "lr", "value": "0.1"}]}
    model = (await api.done("POST", "/logged-models", **given))["model"]["info"]
    model_id, source = model["model_id"], f"models:/{model['model_id']}"
    async with client_of(server, server.admin_key) as client:
        await client.artifacts.upload_bytes(model_id, b"flavors: {}\n", "MLmodel")
    metric = {"key": "acc", "value": 0.5, "timestamp": 1000, "step": 3, "model_id": model_id}
    await api.done("POST", "/runs/log-batch", run_id=run_id, metrics=[metric])
    await api.model("digits")
    made = [await api.version("digits", source), await api.version("digits", source, run_id=run_id, model_id=model_id)]
    made.append(await api.version("digits", "models:/digits/1"))
    assert {(each["run_id"], each["model_id"]) for each in made} == {(run_id, model_id)}
    found = (await api.done("GET", "/model-versions/get", name="digits", version="1"))["model_version"]
    assert found["model_params"] == [{"name": "lr", "value": "0.1"}]
    assert found["model_metrics"] == [{**metric, "run_id": run_id}]

    async def noted() -> Any:
        found = (await api.done("GET", f"/logged-models/{model_id}", allow_deleted="true"))["model"]
        return json.loads({each["key"]: each["value"] for each in found["info"]["tags"]}["mlflow.modelVersions"])

    assert await noted() == [{"name": "digits", "version": number} for number in (1, 2, 3)]
    # Who may register, and may not change the model, registers; the model then does not say so.
    bound = await server.principal("bo")
    async with client_of(server, server.admin_key) as admin:
        await admin.auth.grant_model_role("digits", "bo", "EDITOR")
    async with http_client(server.http_port, bound) as client:
        assert (await Api(client).version("digits", "models:/digits/1"))["model_id"] == model_id
        read = (await Api(client).done("GET", "/model-versions/get", name="digits", version="1"))["model_version"]
        assert "model_params" not in read and "model_metrics" not in read
    assert len(await noted()) == 3
    await api.done("DELETE", f"/logged-models/{model_id}")
    answer = await api.call("POST", "/model-versions/create", name="digits", source=source)
    assert answer.status_code == 400 and "is deleted" in answer.json()["message"]


async def test_searches_are_paged_and_leave_out_prompts(api: Api) -> None:
    for name in ("a", "b", "c", "d"):
        await api.model(name, tags=[{"key": "team", "value": name}])
        await api.version(name)
    await api.model("text", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])
    models, token = [], ""
    while not models or token:
        page = await api.done(
            "GET", "/registered-models/search", max_results=3, order_by=["name DESC"], page_token=token
        )
        models.append([each["name"] for each in page["registered_models"]])
        token = page.get("next_page_token", "")
    assert models == [["d", "c", "b"], ["a"]]
    found = await api.done("GET", "/model-versions/search", filter="name IN ('a', 'c')", max_results=1)
    assert [each["name"] for each in found["model_versions"]] == ["c"]
    prompts = await api.done("GET", "/registered-models/search", filter="tags.`mlflow.prompt.is_prompt` = 'true'")
    assert [each["name"] for each in prompts["registered_models"]] == ["text"]
    for path, most in (("/registered-models/search", 1000), ("/model-versions/search", 200_000)):
        for query in (
            {"max_results": 0},
            {"max_results": most + 1},
            {"filter": "name >"},
            {"filter": "nothing = 'a'"},
            {"order_by": ["nothing"]},
            {"order_by": ["name", "name DESC"]},
            {"page_token": "x"},
        ):
            assert await api.refused("GET", path, **query) == INVALID, query
    answer = await api.call("GET", "/model-versions/search", filter="name = 'a' AND nothing = 'b'")
    assert "at character 16" in answer.json()["message"]


async def test_who_may_what_is_what_it_is_elsewhere(api: Api, server: AuthServer) -> None:
    await api.model("hers")
    await api.model("other")
    for name in ("hers", "other"):
        await api.version(name)
    vera = await server.principal("vera", default="VIEWER")
    bound = await server.principal("bo")
    async with client_of(server, server.admin_key) as admin:
        await admin.auth.grant_model_role("hers", "bo", "EDITOR")
    async with http_client(server.http_port, vera) as client:
        viewer = Api(client)
        found = await viewer.done("GET", "/registered-models/search")
        assert [each["name"] for each in found["registered_models"]] == ["hers", "other"]
        for method, path, more in (
            ("POST", "/registered-models/create", {}),
            ("POST", "/registered-models/rename", {"new_name": "x"}),
            ("DELETE", "/registered-models/delete", {}),
            ("POST", "/model-versions/create", {"source": "s3://bucket/x"}),
            ("POST", "/model-versions/transition-stage", {"version": "1", "stage": "Staging"}),
            ("DELETE", "/model-versions/delete", {"version": "1"}),
            ("POST", "/registered-models/alias", {"alias": "a", "version": "1"}),
        ):
            assert await viewer.refused(method, path, name="hers", **more) == (403, "PERMISSION_DENIED"), path
    async with http_client(server.http_port, bound) as client:
        one = Api(client)
        for path, kind in (
            ("/registered-models/search", "registered_models"),
            ("/model-versions/search", "model_versions"),
        ):
            found = await one.done("GET", path, filter="name LIKE '%'")
            assert [each["name"] for each in found[kind]] == ["hers"]
        await one.version("hers")
        assert await one.refused("POST", "/model-versions/create", name="hers", source="models:/other/1") == GONE
        assert await one.refused("GET", "/registered-models/get", name="other") == GONE
        # A name is the workspace's, and so is whether it is taken.
        assert await one.refused("POST", "/registered-models/rename", name="hers", new_name="x") == (
            403,
            "PERMISSION_DENIED",
        )
        client.headers["x-mlflow-workspace"] = "elsewhere"
        assert await one.refused("GET", "/registered-models/search") == GONE


STORY = """
import os
import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

def refused(code, work, *args, **named):
    try:
        work(*args, **named)
    except MlflowException as error:
        assert error.error_code == code, error
    else:
        raise AssertionError(f"{work} was taken")

client = MlflowClient()
run_id = os.environ["RUN"]
source = f"mlflow-artifacts:/0/{run_id}/artifacts/model"
made = client.create_registered_model("digits", tags={"team": "vision"}, description="about")
assert (made.name, made.tags, made.description) == ("digits", {"team": "vision"}, "about")
refused("RESOURCE_ALREADY_EXISTS", client.create_registered_model, "digits")
first = client.create_model_version("digits", source, run_id, tags={"a": 1}, run_link="l", description="d")
assert (first.version, first.status, first.run_id, first.source) == ("1", "READY", run_id, source), first
assert (first.tags, first.run_link, first.description) == ({"a": "1"}, "l", "d")
assert first.creation_timestamp > 1_700_000_000_000
second = client.create_model_version("digits", f"runs:/{run_id}/model", run_id)
pinned = client.get_model_version_download_uri("digits", "2")
assert pinned.startswith("mlflow-artifacts:/manifests/default/")
assert client.get_model_version("digits", 2).version == second.version == "2"
copied = client.copy_model_version("models:/digits/1", "copies")
assert (copied.name, copied.version, copied.source) == ("copies", "1", "models:/digits/1")
assert (copied.run_id, copied.tags, copied.description) == (run_id, {"a": "1"}, "d")
assert client.get_model_version_download_uri("copies", "1") == pinned
registered = mlflow.register_model("models:/digits/2", "copies", tags={"by": "fluent"})
assert (registered.version, registered.run_id, registered.tags) == ("2", run_id, {"by": "fluent"})

client.set_registered_model_alias("digits", "champion", "1")
client.set_registered_model_alias("digits", "challenger", 2)
by_alias = client.get_model_version_by_alias("digits", "champion")
assert (by_alias.version, by_alias.aliases) == ("1", ["champion"]), by_alias
assert client.get_registered_model("digits").aliases == {"champion": "1", "challenger": "2"}
client.copy_model_version("models:/digits@challenger", "copies")
refused("INVALID_PARAMETER_VALUE", client.get_model_version_by_alias, "digits", "nobody")
refused("INVALID_PARAMETER_VALUE", client.set_registered_model_alias, "digits", "latest", 1)
refused("INVALID_PARAMETER_VALUE", client.set_registered_model_alias, "digits", "v1", 1)
client.delete_registered_model_alias("digits", "challenger")

moved = client.transition_model_version_stage("digits", 1, "production")
assert moved.current_stage == "Production"
moved = client.transition_model_version_stage("digits", 2, "Production", archive_existing_versions=True)
assert client.get_model_version("digits", 1).current_stage == "Archived"
assert [each.version for each in client.get_latest_versions("digits", ["Production"])] == ["2"]
assert client.get_model_version_stages("digits", "1") == ["None", "Staging", "Production", "Archived"]
refused("INVALID_PARAMETER_VALUE", client.transition_model_version_stage, "digits", 1, "nowhere")
client.set_model_version_tag("digits", stage="Production", key="checked", value="yes")
client.set_model_version_tag("digits", "1", "k", "v")
client.delete_model_version_tag("digits", "1", "k")
client.set_registered_model_tag("digits", "x", "y")
client.delete_registered_model_tag("digits", "team")
assert client.update_model_version("digits", 2, "second").description == "second"
assert client.update_registered_model("digits", "newer").description == "newer"
assert client.get_registered_model("digits").tags == {"x": "y"}

def models(text, **more):
    return [each.name for each in client.search_registered_models(text, **more)]

assert models(None) == ["copies", "digits"]
assert models("name = 'digits'") == models("name LIKE 'dig%'") == models("name ILIKE 'DIG%'") == ["digits"]
assert models("tags.x = 'y'") == models("tags.x LIKE 'y'") == ["digits"] and models("tags.x != 'y'") == []
assert models("name != 'digits'") == models("name IN ('copies')") == models("name NOT IN ('digits')") == ["copies"]
assert models(None, order_by=["name DESC"]) == ["digits", "copies"]
assert models(None, order_by=["last_updated_timestamp ASC", "name"])[0] == "copies"
page = client.search_registered_models(max_results=1)
assert [each.name for each in client.search_registered_models(max_results=1, page_token=page.token)] == ["digits"]
assert [each.name for each in mlflow.search_registered_models(filter_string="name = 'copies'")] == ["copies"]

def versions(text, **more):
    return [(each.name, int(each.version)) for each in client.search_model_versions(text, **more)]

assert versions("name = 'digits'", order_by=["version_number ASC"]) == [("digits", 1), ("digits", 2)]
assert versions("name='digits' and version_number > 1") == [("digits", 2)]
assert len(versions(f"run_id = '{run_id}'")) == 5 and versions("run_id IN ('x')") == []
assert versions(f"source_path = '{source}'") == [("digits", 1)]
assert versions("source_path LIKE 'models:%' and name = 'copies'", order_by=["version_number"])[0] == ("copies", 1)
assert versions("tags.checked = 'yes'") == [("digits", 2)]
assert [each.version for each in mlflow.search_model_versions(filter_string="name='digits'", max_results=1)] == ["2"]
refused("INVALID_PARAMETER_VALUE", versions, "version_number =")
refused("INVALID_PARAMETER_VALUE", versions, "nothing = 'x'")
refused("INVALID_PARAMETER_VALUE", models, None, order_by=["nothing"])

client.rename_registered_model("digits", "numbers")
assert client.get_model_version("numbers", 1).aliases == ["champion"]
refused("RESOURCE_DOES_NOT_EXIST", client.get_registered_model, "digits")
refused("RESOURCE_ALREADY_EXISTS", client.rename_registered_model, "numbers", "copies")
client.delete_model_version("numbers", "2")
refused("RESOURCE_DOES_NOT_EXIST", client.get_model_version, "numbers", "2")
assert client.create_model_version("numbers", "s3://bucket/model").version == "3"
client.delete_registered_model("numbers")
refused("RESOURCE_DOES_NOT_EXIST", client.get_model_version, "numbers", 1)
refused("INVALID_PARAMETER_VALUE", client.create_model_version, "copies", "/etc/passwd", run_id)
refused("INVALID_PARAMETER_VALUE", client.create_model_version, "copies", "file:///etc/passwd", run_id)
refused("RESOURCE_DOES_NOT_EXIST", client.create_model_version, "nothing", source, run_id)
refused("RESOURCE_DOES_NOT_EXIST", client.delete_registered_model, "nothing")
"""


@pytest.fixture
def local() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


LOADING = """
import json
import mlflow
from mlflow import MlflowClient

class Times(mlflow.pyfunc.PythonModel):
    def __init__(self, by):
        self.by = by

    def predict(self, context, model_input, params=None):
        return [self.by * each for each in model_input]

def answer(uri):
    return mlflow.pyfunc.load_model(uri).predict([1, 2])

def save(by):
    mlflow.pyfunc.save_model(f"times{by}", python_model=Times(by), pip_requirements=["mlflow"])
    return f"times{by}"

client = MlflowClient()
with mlflow.start_run() as run:
    info = mlflow.pyfunc.log_model(name="net", python_model=Times(2), pip_requirements=["mlflow"])
    mlflow.log_artifacts(save(5), "model")
run_id, model_id = run.info.run_id, info.model_id
by_run = mlflow.register_model(f"runs:/{run_id}/net", "net", tags={"a": "b"})
by_model = mlflow.register_model(f"models:/{model_id}", "net")
assert [each.source for each in (by_run, by_model)] == [f"models:/{model_id}"] * 2
assert [each.run_id for each in (by_run, by_model)] == [run_id] * 2
of_folder = mlflow.register_model(f"runs:/{run_id}/model", "folder")
assert of_folder.run_id == run_id
noted = json.loads(client.get_logged_model(model_id).tags["mlflow.modelVersions"])
assert {str(each["version"]) for each in noted} == {"1", "2"}, noted
client.set_registered_model_alias("net", "champion", 2)
client.set_registered_model_alias("folder", "champion", 1)
assert answer("models:/net@champion") == answer("models:/net/1") == answer(f"models:/{model_id}") == [2, 4]
assert answer("models:/folder@champion") == answer(f"runs:/{run_id}/model") == [5, 10]

# What is registered stays, when what it was made of is another.
client.log_model_artifacts(model_id, save(3))
client.log_artifacts(run_id, "times3", "model")
assert answer(f"models:/{model_id}") == answer(f"runs:/{run_id}/model") == [3, 6]
assert answer("models:/net@champion") == [2, 4]
assert answer("models:/folder@champion") == answer("models:/folder/latest") == [5, 10]
listed = mlflow.artifacts.list_artifacts("models:/folder/1")
assert "MLmodel" in [each.path for each in listed], listed
"""


@pytest.mark.parametrize("python", clients("registry"))
def test_mlflows_own_client(python: Path, tmp_path: Path, local: LocalServer) -> None:
    followed(STORY, python, tmp_path, local)


@pytest.mark.parametrize("python", clients("registry")[:1])  # version 2 has no logged models
def test_mlflows_own_client_loads_what_was_registered(python: Path, tmp_path: Path, local: LocalServer) -> None:
    followed(LOADING, python, tmp_path, local)


def followed(story: str, python: Path, tmp_path: Path, local: LocalServer) -> None:
    with Client(local.uri, token=local.token) as client:
        run = client.tracking.create_run()
        client.artifacts.upload_bytes(run.info.run_id, b"flavors: {}\n", "model/MLmodel")
    told(python, story, tmp_path, **rest(local), RUN=run.info.run_id)
