"""Artifacts of MLflow's clients: its REST proxy as clients use it, and MLflow's own client against it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from support.auth_serving import AuthServer, auth_server
from support.gateway_serving import http_client
from trackway_server.gateway.mlflow.artifacts import PREFIXES

MISSING = "0" * 32
API = "/api/2.0/mlflow"
INVALID = (400, "INVALID_PARAMETER_VALUE")
GONE = (404, "RESOURCE_DOES_NOT_EXIST")


class Files:
    """The files of one run."""

    def __init__(self, client: httpx.AsyncClient, run_id: str, experiment_id: str = "0", prefix: str = PREFIXES[0]):
        self.client = client
        self.run_id = run_id
        self.root = f"{experiment_id}/{run_id}/artifacts"
        self.prefix = prefix

    def url(self, path: str) -> str:
        return f"{self.prefix}/artifacts/{self.root}/{quote(path)}"

    async def put(self, path: str, data: bytes | AsyncIterator[bytes]) -> httpx.Response:
        return await self.client.put(self.url(path), content=data)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(self.url(path), headers=headers)

    async def list(self, path: str = "") -> list[dict[str, object]]:
        where = f"{self.root}/{path}" if path else self.root
        answer = await self.client.get(f"{self.prefix}/artifacts", params={"path": where})
        assert answer.status_code == 200, answer.text
        return list(answer.json().get("files", []))


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


async def new_run(client: httpx.AsyncClient, experiment_id: str = "0", **headers: str) -> str:
    body = {"experiment_id": experiment_id, "start_time": 5}
    made = await client.post(f"{API}/runs/create", json=body, headers=headers)
    return str(made.json()["run"]["info"]["run_id"])


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AuthServer]:
    async with auth_server(tmp_path) as running:
        yield running


@pytest.fixture
async def client(server: AuthServer) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(server.http_port, server.admin_key) as made:
        yield made


@pytest.fixture
async def files(client: httpx.AsyncClient) -> Files:
    return Files(client, await new_run(client))


async def pieces(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_files_there_and_back(client: httpx.AsyncClient, prefix: str) -> None:
    files = Files(client, await new_run(client), prefix=prefix)
    data = random.Random(1).randbytes(3_000_001)
    for path, sent in (("big.bin", data), ("chunked/ä b.bin", pieces(data)), ("empty", b""), ("chunked/t.txt", b"t")):
        answer = await files.put(path, sent)
        assert (answer.status_code, answer.json()) == (200, {})
    big = await files.get("big.bin")
    assert big.content == data
    assert big.headers["content-length"] == str(len(data))
    assert big.headers["etag"] == f'"sha256:{hashlib.sha256(data).hexdigest()}"'
    assert (await files.get("chunked/ä b.bin")).content == data
    assert (await files.get("empty")).content == b""
    assert (await files.put("big.bin", b"other")).status_code == 200
    assert (await files.get("big.bin")).content == b"other"
    assert await files.list() == [
        {"path": "big.bin", "is_dir": False, "file_size": 5},
        {"path": "chunked", "is_dir": True},
        {"path": "empty", "is_dir": False, "file_size": 0},
    ]
    assert [file["path"] for file in await files.list("chunked")] == ["t.txt", "ä b.bin"]
    assert await files.list("big.bin") == await files.list("nothing") == []


async def test_parts_of_a_file(files: Files) -> None:
    data = random.Random(2).randbytes(2_000_000)
    await files.put("a.bin", data)
    for asked, first, last in (("0-9", 0, 9), ("1500000-", 1_500_000, 1_999_999), ("-7", 1_999_993, 1_999_999)):
        answer = await files.get("a.bin", range=f"bytes={asked}")
        assert (answer.status_code, answer.content) == (206, data[first : last + 1])
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(data)}"
    beyond = await files.get("a.bin", range="bytes=2000000-")
    assert (beyond.status_code, beyond.content) == (416, b"")
    tag = (await files.get("a.bin")).headers["etag"]
    again = await files.get("a.bin", **{"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    head = await files.client.head(files.url("a.bin"))
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(data)), b"")


async def test_listings_and_deletions(client: httpx.AsyncClient, files: Files) -> None:
    for path in ("a/b/1", "a/b/2", "a/c", "a.txt", "z"):
        await files.put(path, path.encode())
    query = {"run_id": files.run_id, "path": "a"}
    listed = (await client.get(f"{API}/artifacts/list", params=query)).json()
    assert listed == {
        "root_uri": f"mlflow-artifacts:/{files.root}",
        "files": [{"path": "a/b", "is_dir": True}, {"path": "a/c", "is_dir": False, "file_size": 3}],
    }
    root = (await client.get(f"{API}/artifacts/list", params={"run_uuid": files.run_id})).json()
    assert [file["path"] for file in root["files"]] == ["a", "a.txt", "z"]
    for path in ("a/b", "nothing", "nothing"):
        answer = await client.delete(files.url(path))
        assert (answer.status_code, answer.json()) == (200, {})
    assert [file["path"] for file in await files.list("a")] == ["c"]
    assert (await client.delete(f"{PREFIXES[0]}/artifacts/{files.root}/")).status_code == 200
    assert await files.list() == []
    assert refused(await client.get(f"{API}/artifacts/list", params={"run_id": MISSING})) == GONE
    assert refused(await client.get(f"{API}/artifacts/list", params={**query, "path": "../x"})) == INVALID


async def test_what_pages_use(client: httpx.AsyncClient, files: Files) -> None:
    upload = "/ajax-api/2.0/mlflow/upload-artifact"
    where = {"run_uuid": files.run_id, "path": "d/page.html"}
    script = b"<script>alert(1)</script>"
    assert (await client.post(upload, params=where, content=script)).status_code == 200
    for name in ("run_uuid", "run_id"):
        got = await client.get("/get-artifact", params={name: files.run_id, "path": "d/page.html"})
        assert got.content == script
        assert got.headers["content-disposition"] == 'attachment; filename="page.html"'
        assert got.headers["content-type"] == "application/octet-stream"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in got.headers["content-security-policy"]
    large = await client.post(upload, params=where, content=bytes((10 << 20) + 1))
    assert refused(large) == INVALID
    assert refused(await client.post(upload, params={"path": "x"}, content=b"x")) == INVALID
    assert (await client.put("/get-artifact")).status_code == 405
    for query in ({"run_id": files.run_id, "path": "none"}, {"run_id": MISSING, "path": "d/page.html"}):
        assert refused(await client.get("/get-artifact", params=query)) == GONE


async def test_files_of_versions(server: AuthServer, client: httpx.AsyncClient, files: Files) -> None:
    await files.put("model/weights.bin", b"1")
    registry = "/trackway.api.registry.v1.ModelRegistryService/"
    await client.post(registry + "CreateModel", json={"name": "m"})
    source = f"runs:/{files.run_id}/model"
    made = await client.post(registry + "CreateVersion", json={"name": "m", "source": source})
    assert made.status_code == 200, made.text
    await files.put("model/weights.bin", b"2")
    query = {"name": "m", "version": "1", "path": "weights.bin"}
    got = await client.get("/model-versions/get-artifact", params=query)
    assert (got.status_code, got.content) == (200, b"1")
    for wrong in ({"version": "2"}, {"name": "n"}, {"path": "none"}):
        assert refused(await client.get("/model-versions/get-artifact", params={**query, **wrong})) == GONE
    assert refused(await client.get("/model-versions/get-artifact", params={**query, "path": "../../x"})) == INVALID


async def test_files_of_logged_models(server: AuthServer, client: httpx.AsyncClient, files: Files) -> None:
    made = await client.post(f"{API}/logged-models", json={"experiment_id": "0", "name": "m"})
    info = made.json()["model"]["info"]
    mine = Files(client, "")
    mine.root = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
    assert (await mine.put("data/weights.bin", b"w")).status_code == 200
    assert (await mine.get("data/weights.bin")).content == b"w"
    assert await mine.list("data") == [{"path": "weights.bin", "is_dir": False, "file_size": 1}]
    page = f"/ajax-api/2.0/mlflow/logged-models/{info['model_id']}/artifacts/files"
    got = await client.get(page, params={"artifact_file_path": "data/weights.bin"})
    assert (got.status_code, got.content) == (200, b"w")
    assert refused(await client.get(page, params={"artifact_file_path": "../x"})) == INVALID
    assert (await client.get(f"/ajax-api/2.0/mlflow/logged-models/{info['model_id']}")).json()["model"]["info"] == info
    listed = await client.get(f"{API}/logged-models/{info['model_id']}/artifacts/directories")
    assert [file["path"] for file in listed.json()["files"]] == ["data"]
    for root in (mine.root.replace("0/", "1/", 1), mine.root.replace(info["model_id"], "m-" + MISSING)):
        other = Files(client, "")
        other.root = root
        assert refused(await other.get("data/weights.bin")) == GONE
        assert refused(await other.put("data/weights.bin", b"x")) == GONE
    viewer = await server.principal("vera", default="VIEWER")
    async with http_client(server.http_port, viewer) as viewing:
        assert (await viewing.get(mine.url("data/weights.bin"))).content == b"w"
        assert refused(await viewing.put(mine.url("x"), content=b"x")) == (403, "PERMISSION_DENIED")
    assert (await client.delete(mine.url("data"))).status_code == 200
    assert await mine.list() == []


async def test_what_the_server_says_of_itself(server: AuthServer) -> None:
    async with http_client(server.http_port) as nobody:
        assert (await nobody.get("/health")).text == "OK"
        assert (await nobody.get("/version")).text.count(".") == 2
        for path in ("/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-features"):
            told = (await nobody.get(path)).json()
            assert (told["workspaces_enabled"], told["artifact_serving_enabled"]) == (True, True)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_paths_that_lead_elsewhere(client: httpx.AsyncClient, files: Files, times: int) -> None:
    """Attack 1 and 3: paths, encoded once or more; Attack 7: deletions."""
    await files.put("kept", b"kept")
    for trick in (
        "../x",
        "..",
        "a/../../x",
        "..\\x",
        "a#b",
        "\x00",
        "%ff",
        "a:b",
        "a/",
        "//x",
        "/etc/passwd",
        "é" * 600,
    ):
        for _ in range(times):
            trick = quote(trick, safe="")
        url = httpx.URL(f"http://x{PREFIXES[0]}/artifacts/{files.root}/", params=None)
        raw = f"{url.path}{trick}"
        for method in ("GET", "PUT", "DELETE"):
            content = b"x" if method == "PUT" else None
            answer = await client.request(method, raw, content=content)
            if trick.startswith("a%") and trick.endswith("2F"):
                continue  # a slash at the end is none
            assert answer.status_code in {400, 404}, (method, raw)
    assert (await files.get("kept")).content == b"kept"


async def test_a_run_in_another_experiment_is_not_found(client: httpx.AsyncClient, files: Files) -> None:
    await files.put("a", b"a")
    for experiment_id in ("1", "77"):
        other = Files(client, files.run_id, experiment_id)
        assert refused(await other.get("a")) == GONE
        assert refused(await other.put("a", b"b")) == GONE
        assert refused(await client.delete(other.url("a"))) == GONE
    assert refused(await Files(client, MISSING).get("a")) == GONE
    assert refused(await client.get(f"{PREFIXES[0]}/artifacts", params={"path": "0"})) == GONE
    assert refused(await client.get(f"{PREFIXES[0]}/artifacts")) == INVALID


async def test_who_may_what(server: AuthServer, client: httpx.AsyncClient, files: Files) -> None:
    await files.put("a", b"a")
    await server.stub.CreateWorkspace(_workspace("vision"), metadata=server.admin)
    keys = {
        "viewer": await server.principal("vera", default="VIEWER"),
        "other": await server.principal("olga", vision="ADMIN"),
    }
    async with http_client(server.http_port) as nobody:
        for answer in (await Files(nobody, files.run_id).get("a"), await Files(nobody, files.run_id).put("a", b"b")):
            assert refused(answer) == (401, "UNAUTHENTICATED")
        basic = await nobody.get(files.url("a"), auth=("anyone", keys["viewer"]))
        assert basic.content == b"a"
    async with http_client(server.http_port, keys["viewer"]) as viewing:
        mine = Files(viewing, files.run_id)
        assert (await mine.get("a")).content == b"a"
        assert len(await mine.list()) == 1
        assert refused(await mine.put("b", b"b")) == (403, "PERMISSION_DENIED")
        assert refused(await viewing.delete(mine.url("a"))) == (403, "PERMISSION_DENIED")
    async with http_client(server.http_port, keys["other"]) as foreign:
        theirs = Files(foreign, files.run_id)
        assert refused(await theirs.get("a")) == GONE
        assert refused(await theirs.put("a", b"b")) == GONE
        assert refused(await foreign.delete(theirs.url("a"))) == GONE
        listed = await foreign.get(f"{API}/artifacts/list", params={"run_id": files.run_id})
        assert refused(listed) == GONE
    assert (await files.get("a")).content == b"a"


def _workspace(name: str) -> object:
    from trackway.api.auth.v1 import auth_service_pb2 as pb

    return pb.CreateWorkspaceRequest(name=name)


async def test_a_page_of_another_site_stores_nothing(client: httpx.AsyncClient, files: Files) -> None:
    """Attack 18: requests forged by other sites."""
    where = {"run_uuid": files.run_id, "path": "x"}
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        forged = {**headers, "content-type": "text/plain"}
        upload = "/ajax-api/2.0/mlflow/upload-artifact"
        assert (await client.post(upload, params=where, content=b"x", headers=forged)).status_code == 403
        assert (await client.put(files.url("x"), content=b"x", headers=forged)).status_code == 403
    assert await files.list() == []


async def test_an_upload_that_breaks_off_leaves_nothing(server: AuthServer, files: Files) -> None:
    head = (
        f"PUT {files.url('broken')} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.admin_key}\r\n"
    ).encode()
    half = bytes(300_000)
    for rest in (
        b"Content-Length: 600000\r\n\r\n" + half,
        b"Transfer-Encoding: chunked\r\n\r\n493e0\r\n" + half + b"\r\n",
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
        writer.write(head + rest)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert (await files.put("after", b"x")).status_code == 200
    assert [file["path"] for file in await files.list()] == ["after"]
    incoming = server.data_dir / "blobs" / "incoming"
    async with asyncio.timeout(20):
        while any(os.scandir(incoming)):
            await asyncio.sleep(0.05)
