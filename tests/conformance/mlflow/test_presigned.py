"""MLflow's routes for files straight from and to S3, its client on them, and what is answered without S3."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from support.auth_serving import AuthServer, auth_server
from support.gateway_serving import http_client
from support.mlflow_environment import clients, rest, told
from support.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed, new_prefix, unfinished_below
from trackway.testing import LocalServer
from trackway_server.gateway.mlflow.artifacts import PREFIXES

API, INFO = "/api/2.0/mlflow", "/api/3.0/mlflow/server-info"
PART = bytes(5 << 20)
S3 = {
    "TRACKWAY_S3_ACCESS_KEY_ID": ACCESS_KEY,
    "TRACKWAY_S3_SECRET_ACCESS_KEY": SECRET_KEY,
    "TRACKWAY_S3_PRESIGN_ENDPOINT": "same",
}


async def new_root(client: httpx.AsyncClient) -> str:
    made = await client.post(f"{API}/runs/create", json={"experiment_id": "0", "start_time": 5})
    return f"0/{made.json()['run']['info']['run_id']}/artifacts"


@pytest.fixture
async def s3_server(tmp_path: Path, seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AuthServer]:
    blob_url = seaweed.blob_url(new_prefix())
    for name, value in S3.items():
        monkeypatch.setenv(name, value)
    async with auth_server(tmp_path, blob_url=blob_url) as running:
        yield running
    assert await unfinished_below(blob_url) == []


async def test_parts_there_and_a_file_back(s3_server: AuthServer) -> None:
    viewer = await s3_server.principal("vera", default="VIEWER")
    async with (
        http_client(s3_server.http_port, s3_server.admin_key) as client,
        http_client(s3_server.http_port, viewer) as viewing,
        http_client(s3_server.http_port) as nobody,
    ):
        root = await new_root(client)
        for asked, direct in ((client, True), (viewing, True), (nobody, False)):
            told = (await asked.get(INFO)).json()
            assert told["multipart_uploads_enabled"] is told["multipart_downloads_enabled"] is direct
        mpu = f"{PREFIXES[0]}/mpu"
        body = {"path": "/home/ann/big.bin", "num_parts": 2}
        begun = (await client.post(f"{mpu}/create/{root}/d", json=body)).json()
        parts = []
        for credential, data in zip(begun["credentials"], (PART, b"end"), strict=True):
            sent = await nobody.put(credential["url"], content=data)
            parts.append({"part_number": credential["part_number"], "etag": sent.headers["etag"]})
        ending = {"path": "/home/ann/big.bin", "upload_id": begun["upload_id"], "parts": parts[::-1]}
        for wrong in ({"path": "other.bin"}, {"upload_id": "x"}):
            answer = await client.post(f"{mpu}/complete/{root}/d", json={**ending, **wrong})
            assert answer.status_code == 404
        assert (await client.post(f"{mpu}/complete/{root}/d", json={**ending, "parts": parts[1:]})).status_code == 400
        for name, its in (("create", body), ("complete", ending), ("abort", ending)):
            assert (await viewing.post(f"{mpu}/{name}/{root}/d", json=its)).status_code == 403
            assert (await nobody.post(f"{mpu}/{name}/{root}/d", json=its)).status_code == 401
        answer = await client.post(f"{mpu}/complete/{root}/d", json=ending)
        assert (answer.status_code, answer.json()) == (200, {})
        assert (await client.post(f"{mpu}/abort/{root}/d", json=ending)).status_code == 200
        assert (await client.get(f"{PREFIXES[0]}/artifacts/{root}/d/big.bin")).content == PART + b"end"

        found = (await viewing.get(f"{PREFIXES[0]}/presigned/{root}/d/big.bin")).json()
        assert (found["headers"], found["file_size"]) == ({}, len(PART) + 3)
        assert (await nobody.get(found["url"])).content == PART + b"end"
        asked = {"run_id": root.split("/")[1], "path": "d/big.bin", "expiration": 60}
        address = (await viewing.post(f"{API}/artifacts/presigned-download-url", json=asked)).json()
        part = await nobody.get(address["presigned_url"], headers={"range": "bytes=-3"})
        assert (part.status_code, part.content) == (206, b"end")
        for wrong in ({"path": "none"}, {"path": "../x"}, {"expiration": 0}, {"expiration": 604_801}):
            answer = await viewing.post(f"{API}/artifacts/presigned-download-url", json={**asked, **wrong})
            assert answer.status_code in {400, 404}
        assert (await nobody.get(f"{PREFIXES[0]}/presigned/{root}/d/big.bin")).status_code == 401


async def test_without_s3_clients_are_told_to_go_through_the_server(tmp_path: Path) -> None:
    async with auth_server(tmp_path) as server, http_client(server.http_port, server.admin_key) as client:
        root = await new_root(client)
        run_id = root.split("/")[1]
        body = {"path": "big.bin", "num_parts": 2, "upload_id": "x", "parts": [{"part_number": 1, "etag": "e"}]}
        answers = [await client.post(f"{PREFIXES[0]}/mpu/{name}/{root}", json=body) for name in ("create", "complete")]
        for answer in answers:
            assert answer.status_code == 501
            assert answer.json()["message"].startswith("Multipart upload is not supported")
        presigned = await client.get(f"{PREFIXES[0]}/presigned/{root}/x")
        assert (presigned.status_code, presigned.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
        url = await client.post(f"{API}/artifacts/presigned-upload-url", json={"run_id": run_id, "path": "x"})
        assert (url.status_code, url.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert (await client.get(INFO)).json()["multipart_uploads_enabled"] is False


STORY = """
import hashlib, os, pathlib, sys
import mlflow, requests
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

straight = []
send = requests.Session.send
def noting(self, request, **options):
    straight.append((request.method, request.url.startswith(sys.argv[1])))
    return send(self, request, **options)
requests.Session.send = noting

data = os.urandom(11 << 20)
pathlib.Path("big.bin").write_bytes(data)
with mlflow.start_run() as run:
    mlflow.log_artifact("big.bin", "d")
    mlflow.log_text("small", "small.txt")
repository = get_artifact_repository(run.info.artifact_uri)
got = repository.download_artifacts("d/big.bin")
assert pathlib.Path(got).read_bytes() == data
parts_back = 0 if mlflow.__version__ < "3" else 3  # version 2 fetches through the server
assert [straight.count((method, True)) for method in ("PUT", "GET")] == [3, parts_back], straight
assert straight.count(("PUT", False)) == 1
"""
"""Three parts of 5 MiB each way, and none of the bytes through the server."""


MULTIPART = {
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(5 << 20),
    "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 << 20),
    "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": str(5 << 20),
}


@pytest.mark.parametrize("python", clients("presigned"))
def test_mlflows_client_sends_parts_to_s3(python: Path, tmp_path: Path, seaweed: Seaweed) -> None:
    with LocalServer(arguments=["--blob-url", seaweed.blob_url(new_prefix())], environment=S3) as server:
        told(python, STORY, tmp_path, seaweed.endpoint, **rest(server), **MULTIPART)
