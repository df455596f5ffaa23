"""Nobody reaches through the registry what they may not read."""

from __future__ import annotations

from pathlib import Path

from support.auth_serving import auth_server, bearer
from support.refusals import refusal_of
from trackway.api.auth.v1 import auth_service_pb2 as auth
from trackway.api.metrics.v1.ingest_pb2 import RunStart
from trackway.api.registry.v1 import model_registry_service_pb2 as registry
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking
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
