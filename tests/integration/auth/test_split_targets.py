"""Targets of their own ask the auth service, at its address, for the keys of tokens; by TLS where that is set."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from structlog.testing import capture_logs

from support.auth_serving import bearer
from support.certificates import Authority
from support.postgres import postgres_database
from support.refusals import refused
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as artifacts_pb
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub
from trackway.api.auth.v1 import auth_service_pb2 as pb
from trackway.api.auth.v1 import resources_pb2
from trackway.api.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from trackway.api.metrics.v1.ingest_pb2 import RunStart
from trackway.api.tracking.v1 import tracking_service_pb2
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.testing import _unused_port
from trackway_server.app.embedded import open_server
from trackway_server.app.options import ServerOptions, Target
from trackway_server.core.config import CoreSettings

KEY = f"twk_{'0' * 12}_{'k' * 43}"
TRACKING = "trackway.api.tracking.v1.TrackingService"


async def refusal(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    return refused.value


async def test_a_given_key_is_that_of_every_replica_and_of_no_other_service(tmp_path: Path) -> None:
    with postgres_database() as url:
        async with AsyncExitStack() as stack:
            ports = []
            for name in ("one", "two"):
                options = ServerOptions(
                    target=Target.AUTH, grpc_port=0, data_dir=tmp_path / name, database_url=url, admin_key=KEY
                )
                replica = await stack.enter_async_context(open_server(options, CoreSettings()))
                ports.append(replica.grpc_port)
            tracking = ServerOptions(
                target=Target.TRACKING,
                grpc_port=0,
                data_dir=tmp_path / "tracking",
                addresses={"auth": ",".join(f"127.0.0.1:{port}" for port in ports)},
            )
            running = await stack.enter_async_context(open_server(tracking, CoreSettings()))
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{running.grpc_port}")
            to_tracking: Any = TrackingServiceStub(await stack.enter_async_context(channel))  # type: ignore[no-untyped-call]
            asked = tracking_service_pb2.GetExperimentRequest(experiment_id="0")
            for port in ports:
                to_auth = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
                stub: Any = AuthServiceStub(to_auth)  # type: ignore[no-untyped-call]
                token = (await stub.ExchangeKey(pb.ExchangeKeyRequest(key=KEY))).token
                assert (await to_tracking.GetExperiment(asked, metadata=bearer(token))).experiment.name == "Default"
                assert (await stub.GetSelf(pb.GetSelfRequest(), metadata=bearer(KEY))).name == "admin"
                await refusal(stub.ExchangeKey(pb.ExchangeKeyRequest(key=KEY[:-1] + "x")))
            told = await refusal(to_tracking.GetExperiment(asked, metadata=bearer(KEY)))
            assert "exchange your key" in (told.details() or "")
            await refusal(to_tracking.GetExperiment(asked))
    assert not list(tmp_path.rglob("admin.key"))


async def test_a_service_waits_for_the_keys_of_the_auth_service(tmp_path: Path) -> None:
    port = _unused_port()
    other = ServerOptions(
        target=Target.TRACKING, grpc_port=0, data_dir=tmp_path / "tracking", addresses={"auth": f"127.0.0.1:{port}"}
    )
    with capture_logs() as told:
        await becomes_ready(other, ServerOptions(target=Target.AUTH, grpc_port=port, data_dir=tmp_path / "auth"), told)
    assert events_of_keys(told) == ["waiting_for_signing_keys", "signing_keys_known"]


def events_of_keys(told: Sequence[Mapping[str, Any]]) -> list[str]:
    return [line["event"] for line in told if "keys" in line["event"]]


async def becomes_ready(other: ServerOptions, auth: ServerOptions, told: Sequence[Mapping[str, Any]]) -> None:
    async with (
        open_server(other, CoreSettings()) as tracking,
        grpc.aio.insecure_channel(f"127.0.0.1:{tracking.grpc_port}") as channel,
    ):
        states = HealthStub(channel).Watch(HealthCheckRequest(service=TRACKING))
        assert (await states.read()).status == HealthCheckResponse.NOT_SERVING
        async with asyncio.timeout(30):
            while not events_of_keys(told):
                await asyncio.sleep(0.01)
        async with open_server(auth, CoreSettings()):
            assert (await states.read()).status == HealthCheckResponse.SERVING
        answer = await HealthStub(channel).Check(HealthCheckRequest(service=TRACKING))
        assert answer.status == HealthCheckResponse.SERVING, "keys that are known are trusted for a while"
        states.cancel()


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_a_token_of_the_auth_service_opens_another_service(tmp_path: Path, secure: bool) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue()
    listening = {"tls_cert": pair.cert, "tls_key": pair.key, "tls_client_ca": authority.file} if secure else {}

    def channel(port: int | None) -> grpc.aio.Channel:
        if not secure:
            return grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        shown = (pair.key.read_bytes(), pair.cert.read_bytes())
        return grpc.aio.secure_channel(
            f"127.0.0.1:{port}", grpc.ssl_channel_credentials(authority.file.read_bytes(), *shown)
        )

    own = ServerOptions(target=Target.AUTH, grpc_port=0, data_dir=tmp_path / "auth", **listening)
    async with open_server(own, CoreSettings()) as auth, channel(auth.grpc_port) as to_auth:
        assert auth.access is not None
        assert auth.access.key is not None
        stub = AuthServiceStub(to_auth)  # type: ignore[no-untyped-call]
        admin = bearer(auth.access.key.get_secret_value())
        made = pb.CreatePrincipalRequest(name="ann", kind=resources_pb2.PRINCIPAL_KIND_USER)
        await stub.CreatePrincipal(made, metadata=admin)
        await stub.GrantRole(pb.GrantRoleRequest(principal="ann", role="ROLE_EDITOR"), metadata=admin)
        key = (await stub.CreateKey(pb.CreateKeyRequest(principal="ann"), metadata=admin)).secret
        token = (await stub.ExchangeKey(pb.ExchangeKeyRequest(key=key))).token
        calling = {"peer_ca": authority.file} if secure else {}
        other = ServerOptions(
            target=Target.TRACKING,
            grpc_port=0,
            data_dir=tmp_path / "tracking",
            peer_address="127.0.0.1:9",
            addresses={"auth": f"127.0.0.1:{auth.grpc_port}"},
            **listening,
            **calling,
        )
        async with open_server(other, CoreSettings()) as tracking, channel(tracking.grpc_port) as to_tracking:
            asked = tracking_service_pb2.CreateExperimentRequest(name="split")
            create = TrackingServiceStub(to_tracking).CreateExperiment  # type: ignore[no-untyped-call]
            answer = await create(asked, metadata=bearer(token))
            assert answer.experiment.name == "split"
            with pytest.raises(grpc.aio.AioRpcError) as forged:
                await create(asked, metadata=bearer(f"{token[:-8]}AAAAAAAA"))
            assert forged.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_the_artifact_store_asks_tracking_for_roles_on_one_experiment(tmp_path: Path) -> None:
    """And where Tracking is not there, it says that, to those alone whom it would have to ask for."""

    def options(target: Target, **addresses: int | None) -> ServerOptions:
        known = {name: f"127.0.0.1:{port}" for name, port in addresses.items()}
        data_dir = tmp_path / target.value
        return ServerOptions(target=target, grpc_port=0, data_dir=data_dir, peer_address="127.0.0.1:9", addresses=known)

    def channel(port: int | None) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(f"127.0.0.1:{port}")

    run_id = "ab" * 16
    upload = [
        artifacts_pb.UploadArtifactRequest(header=artifacts_pb.UploadHeader(owner=f"runs/{run_id}", path="x")),
        artifacts_pb.UploadArtifactRequest(data=b"x"),
        artifacts_pb.UploadArtifactRequest(
            trailer=artifacts_pb.UploadTrailer(digest=f"sha256:{hashlib.sha256(b'x').hexdigest()}", size_bytes=1)
        ),
    ]
    async with (
        open_server(options(Target.AUTH), CoreSettings()) as auth,
        open_server(options(Target.TRACKING, auth=auth.grpc_port), CoreSettings()) as tracking,
        channel(auth.grpc_port) as to_auth,
        channel(tracking.grpc_port) as to_tracking,
    ):
        assert auth.access is not None
        assert auth.access.key is not None
        stub = AuthServiceStub(to_auth)  # type: ignore[no-untyped-call]
        admin, tokens = bearer(auth.access.key.get_secret_value()), {}
        for name, role in (("ann", "ROLE_ADMIN"), ("guest", "")):
            made = pb.CreatePrincipalRequest(name=name, kind=resources_pb2.PRINCIPAL_KIND_USER)
            await stub.CreatePrincipal(made, metadata=admin)
            if role:
                await stub.GrantRole(pb.GrantRoleRequest(principal=name, role=role), metadata=admin)
            key = (await stub.CreateKey(pb.CreateKeyRequest(principal=name), metadata=admin)).secret
            tokens[name] = bearer((await stub.ExchangeKey(pb.ExchangeKeyRequest(key=key))).token)
        runs = TrackingServiceStub(to_tracking)  # type: ignore[no-untyped-call]
        start = RunStart(experiment_name="hers", start_time_us=5)
        await runs.CreateRun(tracking_service_pb2.CreateRunRequest(run_id=run_id, start=start), metadata=tokens["ann"])
        grant = tracking_service_pb2.GrantExperimentRoleRequest(
            experiment_id="1", principal="guest", role="ROLE_EDITOR"
        )
        await runs.GrantExperimentRole(grant, metadata=tokens["ann"])
        for there in (True, False):
            known = {"tracking": tracking.grpc_port} if there else {}
            own = options(Target.ARTIFACTS, auth=auth.grpc_port, **known)
            async with open_server(own, CoreSettings()) as artifacts, channel(artifacts.grpc_port) as to_artifacts:
                put = ArtifactStoreServiceStub(to_artifacts).UploadArtifact  # type: ignore[no-untyped-call]
                await put(iter(upload), metadata=tokens["ann"])
                if there:
                    await put(iter(upload), metadata=tokens["guest"])
                    continue
                with pytest.raises(grpc.aio.AioRpcError) as refusal:
                    await put(iter(upload), metadata=tokens["guest"])
                assert refused(refusal.value).reason == "SERVICE_UNAVAILABLE"
