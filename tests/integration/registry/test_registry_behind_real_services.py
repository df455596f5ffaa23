"""The registry beside the real Tracking and ArtifactStore, on one server, over real connections with a key."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from pydantic import SecretStr

from trackway.api.artifacts.v1 import artifact_store_service_pb2 as artifacts_pb
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking_pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.artifacts.config import ArtifactsSettings
from trackway_server.artifacts.module import open_module as open_artifacts
from trackway_server.core.auth.authenticator import AdminKeyAuthenticator
from trackway_server.core.clock import SystemClock
from trackway_server.core.ids import new_id
from trackway_server.core.rpc.server import build_server
from trackway_server.core.rpc.status import error_info
from trackway_server.registry.config import RegistrySettings
from trackway_server.registry.module import open_module as open_registry
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.module import open_module as open_tracking

KEY = "tw_" + "k" * 43
AUTH = (("authorization", f"Bearer {KEY}"),)
FILES = {"model/MLmodel": b"flavors: {}\n", "model/data/model.pkl": bytes(range(256)) * 5_000, "other/x": b"x"}


@dataclass
class Services:
    """Clients of all three."""

    tracking: TrackingServiceStub
    artifacts: ArtifactStoreServiceStub
    registry: ModelRegistryServiceStub

    async def run(self) -> str:
        """A run."""
        run_id = new_id()
        start = ingest_pb2.RunStart(experiment_name="Default", start_time_us=1)
        await self.tracking.CreateRun(tracking_pb.CreateRunRequest(run_id=run_id, start=start), metadata=AUTH)
        return run_id

    async def upload(self, run_id: str, path: str, data: bytes) -> None:
        """A file of the run."""
        await self.artifacts.UploadArtifact(messages(run_id, path, data), metadata=AUTH)

    async def logged(self) -> str:
        """A run with a model."""
        run_id = await self.run()
        for path, data in FILES.items():
            await self.upload(run_id, path, data)
        return run_id

    async def register(self, source: str, name: str = "digits") -> pb.CreateVersionResponse:
        """A version of the model."""
        return await self.registry.CreateVersion(pb.CreateVersionRequest(name=name, source=source), metadata=AUTH)


def messages(run_id: str, path: str, data: bytes) -> Iterator[artifacts_pb.UploadArtifactRequest]:
    yield artifacts_pb.UploadArtifactRequest(header=artifacts_pb.UploadHeader(owner=f"runs/{run_id}", path=path))
    for start in range(0, len(data), 1 << 20):
        yield artifacts_pb.UploadArtifactRequest(data=data[start : start + (1 << 20)])
    trailer = artifacts_pb.UploadTrailer(digest=digest(data), size_bytes=len(data))
    yield artifacts_pb.UploadArtifactRequest(trailer=trailer)


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    clock = SystemClock()
    socket = tmp_path / "peers.sock"
    async with AsyncExitStack() as stack:
        peers = await stack.enter_async_context(grpc.aio.insecure_channel(f"unix:{socket}"))
        bindings = [
            await stack.enter_async_context(open_tracking(TrackingSettings(TRACKWAY_DATA_DIR=tmp_path), clock)),
            await stack.enter_async_context(open_artifacts(ArtifactsSettings(data_dir=tmp_path), clock)),
            await stack.enter_async_context(open_registry(RegistrySettings(data_dir=tmp_path), peers, clock)),
        ]
        server = build_server(bindings, AdminKeyAuthenticator(SecretStr(KEY)))
        server.listen_unix(socket)
        port = server.listen_tcp("127.0.0.1", 0)
        await server.start()
        stack.push_async_callback(server.stop, 1)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        registry = ModelRegistryServiceStub(channel)
        await registry.CreateModel(pb.CreateModelRequest(name="digits"), metadata=AUTH)
        yield Services(TrackingServiceStub(channel), ArtifactStoreServiceStub(channel), registry)


async def why_refused(services: Services, source: str) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await services.register(source)
    info = error_info(failed.value.trailing_metadata() or ())
    assert info is not None
    return info.reason


async def test_a_logged_model_is_registered_resolved_and_fetched(services: Services) -> None:
    run_id = await services.logged()
    version = (await services.register(f"runs:/{run_id}/model")).version
    assert (version.run_id, version.size_bytes) == (run_id, 12 + 1_280_000)
    resolved = await services.registry.Resolve(pb.ResolveRequest(name="digits", stage="latest"), metadata=AUTH)
    assert {entry.path: entry.digest for entry in resolved.manifest.entries} == {
        path.removeprefix("model/"): digest(data) for path, data in FILES.items() if path.startswith("model/")
    }
    stored = await services.artifacts.GetManifest(
        artifacts_pb.GetManifestRequest(digest=version.manifest_digest), metadata=AUTH
    )
    assert stored.manifest == resolved.manifest
    for entry in resolved.manifest.entries:
        request = artifacts_pb.DownloadArtifactRequest(manifest_digest=version.manifest_digest, path=entry.path)
        data = b"".join([message.data async for message in services.artifacts.DownloadArtifact(request, metadata=AUTH)])
        assert data == FILES[f"model/{entry.path}"]


async def test_a_version_stays_what_it_was_whatever_happens_to_its_run(services: Services) -> None:
    run_id = await services.logged()
    first = (await services.register(f"runs:/{run_id}/model")).version
    await services.upload(run_id, "model/MLmodel", b"poisoned")
    second = (await services.register(f"runs:/{run_id}/model")).version
    assert second.manifest_digest != first.manifest_digest
    await services.artifacts.DeleteArtifacts(
        artifacts_pb.DeleteArtifactsRequest(owner=f"runs/{run_id}", path="model"), metadata=AUTH
    )
    await services.tracking.DeleteRun(tracking_pb.DeleteRunRequest(run_id=run_id), metadata=AUTH)
    resolved = await services.registry.Resolve(pb.ResolveRequest(name="digits", version=1), metadata=AUTH)
    assert resolved.version == first
    assert {entry.path: entry.digest for entry in resolved.manifest.entries}["MLmodel"] == digest(b"flavors: {}\n")
    request = artifacts_pb.DownloadArtifactRequest(manifest_digest=first.manifest_digest, path="MLmodel")
    data = b"".join([message.data async for message in services.artifacts.DownloadArtifact(request, metadata=AUTH)])
    assert data == b"flavors: {}\n"


async def test_what_was_not_logged_is_not_registered(services: Services) -> None:
    run_id = await services.logged()
    assert await why_refused(services, f"runs:/{new_id()}/model") == "RUN_NOT_FOUND"
    assert await why_refused(services, f"runs:/{run_id}/nothing") == "SOURCE_INVALID"
    assert await why_refused(services, f"runs:/{run_id}/mod") == "SOURCE_INVALID"
    await services.tracking.DeleteRun(tracking_pb.DeleteRunRequest(run_id=run_id), metadata=AUTH)
    assert await why_refused(services, f"runs:/{run_id}/model") == "RUN_DELETED"
    await services.tracking.RestoreRun(tracking_pb.RestoreRunRequest(run_id=run_id), metadata=AUTH)
    assert (await services.register(f"runs:/{run_id}/model")).version.version == 1


async def test_one_file_can_be_a_model(services: Services) -> None:
    run_id = await services.logged()
    version = (await services.register(f"runs:/{run_id}/model/MLmodel")).version
    resolved = await services.registry.Resolve(pb.ResolveRequest(name="digits", version=1), metadata=AUTH)
    assert [entry.path for entry in resolved.manifest.entries] == ["MLmodel"]
    assert version.size_bytes == 12
