"""Nobody reaches through the registry what they may not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc

from support.auth_serving import auth_server, bearer
from support.refusals import refusal_of
from support.registry_serving import Upstream, serve_registry
from trackway.api.artifacts.v1 import artifact_store_service_pb2_grpc as artifacts_grpc
from trackway.api.auth.v1 import auth_service_pb2 as auth
from trackway.api.auth.v1.auth_service_pb2_grpc import AuthServiceServicer, add_AuthServiceServicer_to_server
from trackway.api.metrics.v1.ingest_pb2 import RunStart
from trackway.api.registry.v1 import model_registry_service_pb2 as registry
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking
from trackway.api.tracking.v1 import tracking_service_pb2_grpc as tracking_grpc
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

RUN = "ab" * 16


async def test_a_version_is_made_of_runs_that_the_caller_sees(tmp_path: Path) -> None:
    async with auth_server(tmp_path) as server:
        await server.stub.CreateWorkspace(auth.CreateWorkspaceRequest(name="other"), metadata=server.admin)
        start = tracking.CreateRunRequest(run_id=RUN, start=RunStart(start_time_us=5))
        await TrackingServiceStub(server.channel).CreateRun(start, metadata=server.admin)
        stranger = bearer(await server.token(await server.principal("eve", other="ADMIN")))
        both = bearer(await server.token(await server.principal("bea", other="ADMIN", default="VIEWER")))
        stub = ModelRegistryServiceStub(server.channel)
        await stub.CreateModel(registry.CreateModelRequest(name="m", workspace="other"), metadata=stranger)
        request = registry.CreateVersionRequest(name="m", workspace="other", source=f"runs:/{RUN}/model")
        for metadata in (stranger, both):
            assert (await refusal_of(stub.CreateVersion(request, metadata=metadata))).reason == "RUN_NOT_FOUND"


async def test_the_registry_says_who_it_is(tmp_path: Path) -> None:
    """Its token goes beside the caller's, which still decides; a service that is not known is refused."""
    async with auth_server(tmp_path / "keys") as server:
        key = await server.principal("the-registry")
        upstream, server_of = Upstream(), grpc.aio.server()
        tracking_grpc.add_TrackingServiceServicer_to_server(upstream, server_of)
        artifacts_grpc.add_ArtifactStoreServiceServicer_to_server(upstream, server_of)
        add_AuthServiceServicer_to_server(_Forwarding(server.stub), server_of)
        port = server_of.add_insecure_port("127.0.0.1:0")
        await server_of.start()
        async with serve_registry(tmp_path, f"127.0.0.1:{port}", service_key=key) as served:
            await served.stub.CreateModel(registry.CreateModelRequest(name="m"))
            request = registry.CreateVersionRequest(name="m", source=f"runs:/{RUN}/model")
            await served.stub.CreateVersion(request, metadata=bearer("callers"))
        await server_of.stop(0)
        assert [name for name, _, _ in upstream.asked] == ["GetRun", "CreateManifest"]
        for _, _, metadata in upstream.asked:
            assert metadata["authorization"] == "Bearer callers"
            token = metadata["x-trackway-service"].removeprefix("Bearer ")
            me = await server.stub.GetSelf(auth.GetSelfRequest(), metadata=bearer(token))
            assert me.name == "the-registry"
        runs = TrackingServiceStub(server.channel)
        known = (*server.admin, ("x-trackway-service", f"Bearer {token}"))
        await runs.SearchRuns(tracking.SearchRunsRequest(), metadata=known)
        alone = (("x-trackway-service", f"Bearer {token}"),)
        asked = runs.SearchRuns(tracking.SearchRunsRequest(), metadata=alone)
        assert (await refusal_of(asked)).reason == "CREDENTIALS_MISSING"
        forged = (*server.admin, ("x-trackway-service", f"Bearer {token[:-4]}AAAA"))
        asked = runs.SearchRuns(tracking.SearchRunsRequest(), metadata=forged)
        assert (await refusal_of(asked)).reason == "CREDENTIALS_INVALID"


class _Forwarding(AuthServiceServicer):
    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def ExchangeKey(self, request: auth.ExchangeKeyRequest, context: Any) -> auth.ExchangeKeyResponse:
        return await self._stub.ExchangeKey(request)
