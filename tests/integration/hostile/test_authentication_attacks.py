"""The authentication attacks that systems of this kind have suffered, against a real server: all must be refused."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import psutil
import pytest
from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from support.artifact_serving import data_of, header, trailer
from support.auth_serving import auth_server, bearer
from support.refusals import refusal_of
from support.rpc_requests import outcome, request_of
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as artifacts
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub
from trackway.api.auth.v1 import auth_service_pb2 as auth
from trackway.api.metrics.v1.ingest_pb2 import RunStart
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.config import resolve
from trackway.errors import InvalidArgument
from trackway.testing import LocalServer
from trackway_server.core.telemetry import Telemetry
from trackway_server.gateway import application
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.config import GatewaySettings

RUN, UNKNOWN_RUN = "ab" * 16, "cd" * 16
OPEN_RPCS = {"ExchangeKey", "ExchangeToken", "ExchangeCertificate", "ListSigningKeys"}
"""They need no token: three are how one is had, and the keys that verify tokens are public."""
OPEN_PATHS = {"/healthz", "/readyz", "/static/style.css", "/version", "/health"}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


def listening(server: LocalServer) -> set[str]:
    """The addresses on which the server's process listens."""
    found = psutil.Process(server.process.pid).net_connections(kind="tcp")
    return {each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN}


async def test_no_auth_by_default_and_open_to_the_world(server: LocalServer) -> None:
    """Attack 11: trackers that ask for no key and listen on 0.0.0.0; ClearML's file server, CVE-2024-24592."""
    assert listening(server)
    assert listening(server) <= {"127.0.0.1", "::ffff:127.0.0.1"}
    async with grpc.aio.insecure_channel(server.uri.removeprefix("trackway://")) as channel:
        files = ArtifactStoreServiceStub(channel)
        download = files.DownloadArtifact(artifacts.DownloadArtifactRequest(owner=f"runs/{RUN}", path="a"))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await download.read()
            await download
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        upload = files.UploadArtifact(iter([header("a", f"runs/{RUN}"), *data_of(b"x"), trailer(b"x")]))
        assert (await refusal_of(upload)).reason == "CREDENTIALS_MISSING"
        listed = TrackingServiceStub(channel).SearchExperiments(tracking.SearchExperimentsRequest())
        assert (await refusal_of(listed)).reason == "CREDENTIALS_MISSING"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_no_auth_beyond_this_machine_does_not_start(host: str, tmp_path: Path) -> None:
    """Attack 11: an operator who wants it without keys does not get it for the whole network."""
    command = [sys.executable, "-m", "trackway.cli.main", "server", "--insecure-no-auth", "--host", host]
    done = subprocess.run(
        [*command, "--data-dir", str(tmp_path), "--grpc-port", "0", "--http-port", "0"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, "refused" in done.stderr) == (2, True)


DEFAULTS = [
    ("admin", "password1234"),  # MLflow until 3.16.1
    ("admin", "password"),
    ("admin", "admin"),
    ("admin", ""),
    ("", ""),
    ("root", "root"),
    ("default", "default"),
    ("minioadmin", "minioadmin"),
    ("allegro", "clearml"),
    ("admin", "tw_"),
    ("admin", "tw_" + "0" * 43),
    ("admin", "trackway"),
]


async def test_default_credentials(server: LocalServer, tmp_path: Path) -> None:
    """Attack 12: CVE-2026-2635, `admin/password1234` shipped with the product. Each server makes a random key."""
    with httpx.Client(base_url=server.http_url) as browser:
        for user, password in DEFAULTS:
            assert browser.get("/", auth=(user, password)).status_code == 401, (user, password)
    async with auth_server(tmp_path / "one") as one, auth_server(tmp_path / "two") as two:
        assert one.admin_key != two.admin_key
        for serving in (one, two):
            assert re.fullmatch(r"tw_[A-Za-z0-9_-]{43}", serving.admin_key)
            assert stat.S_IMODE((serving.data_dir / "admin.key").stat().st_mode) == 0o600
        others = bearer(two.admin_key)
        assert (await refusal_of(one.stub.GetSelf(auth.GetSelfRequest(), metadata=others))).reason == (
            "CREDENTIALS_INVALID"
        )
        for user, password in DEFAULTS:
            for credential in (password, user, f"{user}:{password}"):
                call = one.stub.GetSelf(auth.GetSelfRequest(), metadata=bearer(credential))
                assert (await refusal_of(call)).code is grpc.StatusCode.UNAUTHENTICATED


async def test_an_rpc_that_the_auth_layer_forgot(tmp_path: Path) -> None:
    """Attack 13: CVE-2026-0545, CVE-2025-14297: routes beside the guarded ones. What the server itself says it has
    (by reflection), making accounts included, refuses who has no key; only named exceptions are open."""
    async with auth_server(tmp_path) as server:
        reflection = ServerReflectionStub(server.channel)
        ask = [reflection_pb2.ServerReflectionRequest(list_services="")]
        keyless = reflection.ServerReflectionInfo(iter(ask))
        with pytest.raises(grpc.aio.AioRpcError):
            await keyless.read()
            await keyless.code()
            raise AssertionError(await keyless.read())
        answer = await reflection.ServerReflectionInfo(iter(ask), metadata=server.admin).read()
        services = {each.name for each in answer.list_services_response.service}
        assert {name.split(".")[2] for name in services if name.startswith("trackway.")} == {
            "tracking",
            "artifacts",
            "registry",
            "auth",
        }
        open_rpcs = set()
        for name in services:
            for method in descriptor_pool.Default().FindServiceByName(name).methods:
                if name.startswith("grpc."):
                    continue
                _, reason = await outcome(server.channel, method, request_of(method).SerializeToString(), ())
                if reason != "CREDENTIALS_MISSING" or method.name in OPEN_RPCS:
                    open_rpcs.add(method.name)
        assert open_rpcs == OPEN_RPCS


async def test_a_path_that_the_auth_layer_forgot(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack 13: the same for every route of the gateway, and for what is no route."""
    routes: list[Any] = []

    def record(*, routes: list[Any], into: list[Any] = routes) -> Any:
        into += routes
        return lambda *_: None

    monkeypatch.setattr(application, "Starlette", record)
    async with grpc.aio.insecure_channel("127.0.0.1:1") as nowhere:
        application.build_application(Channels.all_to(nowhere), "127.0.0.1", GatewaySettings(), Telemetry())
    assert len(routes) > 3
    with httpx.Client(base_url=server.http_url) as browser:
        answered = {route.path: browser.get(re.sub(r"\{.*?\}", RUN, route.path)).status_code for route in routes}
        assert {path for path, status in answered.items() if status != 401} == OPEN_PATHS
        for path in ("//", "/runs/../", "/%2e/", "/static/../", "/api/2.0/mlflow/users/create", "/graphql", "/docs"):
            assert browser.get(path).status_code in (400, 401, 404), path


async def test_ids_and_digests_of_another_tenant(tmp_path: Path) -> None:
    """Attack 14: guessing ids, and reading by digest. What lies in another workspace is as if it were not there, and
    "you have that already" is not answered to who merely knows a digest."""
    data = b"the weights"
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    async with auth_server(tmp_path) as server:
        await server.stub.CreateWorkspace(auth.CreateWorkspaceRequest(name="secret"), metadata=server.admin)
        ann = bearer(await server.token(await server.principal("ann", secret="EDITOR")))
        bob = bearer(await server.token(await server.principal("bob", default="ADMIN")))
        runs, files = TrackingServiceStub(server.channel), ArtifactStoreServiceStub(server.channel)
        start = RunStart(start_time_us=5)
        for run_id, workspace, who in ((RUN, "secret", ann), ("ef" * 16, "default", bob)):
            request = tracking.CreateRunRequest(run_id=run_id, workspace=workspace, start=start)
            await runs.CreateRun(request, metadata=who)
        first = header("model.bin", f"runs/{RUN}", workspace="secret")
        await files.UploadArtifact(iter([first, *data_of(data), trailer(data)]), metadata=ann)
        manifest = await files.CreateManifest(
            artifacts.CreateManifestRequest(owner=f"runs/{RUN}", workspace="secret"), metadata=ann
        )
        answers = [
            (await refusal_of(runs.GetRun(tracking.GetRunRequest(run_id=run_id), metadata=bob))).message.replace(
                run_id, "ID"
            )
            for run_id in (RUN, UNKNOWN_RUN)
        ]
        assert answers[0] == answers[1], "whether a run exists is not told"
        for wanted in (manifest.manifest.digest, digest):
            for workspace in ("", "secret"):
                asked = artifacts.GetManifestRequest(digest=wanted, workspace=workspace)
                assert (await refusal_of(files.GetManifest(asked, metadata=bob))).reason.endswith("_NOT_FOUND")
        for owner in (f"runs/{RUN}", "runs/" + "ef" * 16):
            download = files.DownloadArtifact(
                artifacts.DownloadArtifactRequest(owner=owner, path="model.bin"), metadata=bob
            )
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                assert await download.read() is grpc.aio.EOF
                raise await failure(download)
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        # The oracle: the right digest, and none of the bytes.
        claimed = [header("mine", "runs/" + "ef" * 16), trailer(data)]
        assert (await refusal_of(files.UploadArtifact(iter(claimed), metadata=bob))).reason == "DIGEST_MISMATCH"


async def failure(call: Any) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
    )


@pytest.mark.parametrize("name", ["token", "key", "access_token", "api_key", "write_token", "authorization"])
def test_keys_in_addresses(server: LocalServer, name: str) -> None:
    """Attack 15: trackio's `write_token` in a query: addresses end in logs and referrers. None is taken, none is
    logged, no page tells where its reader came from, and the client refuses to be given one so."""
    with httpx.Client(base_url=server.http_url) as browser:
        given = browser.get("/", params={name: server.token})
        assert given.status_code == 401
        assert given.headers["referrer-policy"] == "no-referrer"
        assert browser.get(f"/{server.token}").status_code in (401, 404)
        assert httpx.get(f"{server.http_url}/", auth=("x", server.token)).status_code == 200
    assert server.token not in server.log
    host = server.uri.removeprefix("trackway://")
    for address in (
        f"trackway://{server.token}@{host}",
        f"trackway://x:{server.token}@{host}",
        f"{server.uri}?{name}=x",
    ):
        with pytest.raises(InvalidArgument) as refused:
            resolve(address, environ={})
        assert server.token not in str(refused.value)


async def test_credentials_at_rest(tmp_path: Path) -> None:
    """Attack 16: CVE-2024-24595, credentials stored in clear text. API keys are nowhere, tokens neither; the admin
    key is in its own file, which only its owner reads, as are all files beside it."""
    async with auth_server(tmp_path) as server:
        key = await server.principal("ann", default="EDITOR")
        token = await server.token(key)
        await TrackingServiceStub(server.channel).SearchRuns(tracking.SearchRunsRequest(), metadata=bearer(token))
        found = [path for path in server.data_dir.rglob("*") if path.is_file()]
        secrets = {"key": key.split("_", 2)[2], "token": token, "signature": token.rpartition(".")[2]}
        for name, secret in secrets.items():
            assert [path for path in found if secret.encode() in path.read_bytes()] == [], name
        holding = [path.name for path in found if server.admin_key.encode() in path.read_bytes()]
        assert holding == ["admin.key"]
        assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE((server.data_dir / "auth.db").stat().st_mode) == 0o600


def test_credentials_in_the_profile(server: LocalServer) -> None:
    """Attack 16: what the server and `auth login` note in the profile is its owner's alone; a key never stands in the
    command line or the environment of a process that Trackway starts."""
    assert stat.S_IMODE(server.profile.stat().st_mode) == 0o600
    running = psutil.Process(server.process.pid)
    for process in (running, *running.children(recursive=True)):
        assert server.token not in " ".join(process.cmdline())
        if os.access(f"/proc/{process.pid}/environ", os.R_OK):
            assert server.token not in " ".join(process.environ().values())
