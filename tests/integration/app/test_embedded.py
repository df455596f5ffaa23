"""The server inside this process: health by phase, and nothing left behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from trackway_server.app.embedded import open_server
from trackway_server.app.options import ServerOptions, Target
from trackway_server.core.config import CoreSettings
from trackway_server.core.lifecycle import StartupError

SERVICES = {
    Target.ALL: [
        "trackway.api.tracking.v1.TrackingService",
        "trackway.api.artifacts.v1.ArtifactStoreService",
        "trackway.api.registry.v1.ModelRegistryService",
        "trackway.api.auth.v1.AuthService",
    ],
    Target.TRACKING: ["trackway.api.tracking.v1.TrackingService"],
    Target.ARTIFACTS: ["trackway.api.artifacts.v1.ArtifactStoreService"],
    Target.REGISTRY: ["trackway.api.registry.v1.ModelRegistryService"],
    Target.AUTH: ["trackway.api.auth.v1.AuthService"],
}


def options(folder: Path, target: Target = Target.ALL) -> ServerOptions:
    return ServerOptions(target=target, grpc_port=0, http_port=0, data_dir=folder / "data")


@pytest.mark.parametrize("target", SERVICES)
async def test_every_service_of_the_target_serves(target: Target, tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with open_server(options(tmp_path, target), CoreSettings()) as server:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            for service in ["", *SERVICES[target]]:
                answer = await HealthStub(channel).Check(HealthCheckRequest(service=service))
                assert answer.status == HealthCheckResponse.SERVING
        assert (server.http_port is not None) is target.has_gateway
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_the_same_process_can_serve_the_data_again(tmp_path: Path) -> None:
    keys = set()
    for _ in range(2):
        async with open_server(options(tmp_path), CoreSettings()) as server:
            assert server.access is not None
            assert server.access.key is not None
            keys.add(server.access.key.get_secret_value())
    assert len(keys) == 1


async def test_two_servers_do_not_share_data(tmp_path: Path) -> None:
    async with open_server(options(tmp_path), CoreSettings()):
        with pytest.raises(StartupError, match="in use"):
            async with open_server(options(tmp_path), CoreSettings()):
                pass


async def test_a_very_long_data_directory_works(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    async with open_server(options(deep), CoreSettings()) as server:
        assert server.grpc_port


async def test_a_gateway_alone_is_ready_when_its_peers_are(tmp_path: Path) -> None:
    import httpx

    async with open_server(options(tmp_path), CoreSettings()) as services:
        peer = f"127.0.0.1:{services.grpc_port}"
        alone = ServerOptions(target=Target.GATEWAY, http_port=0, peer_address=peer)
        async with open_server(alone, CoreSettings()) as gateway, httpx.AsyncClient() as browser:
            answer = await browser.get(f"http://127.0.0.1:{gateway.http_port}/readyz")
            assert answer.status_code == 200
    alone = ServerOptions(target=Target.GATEWAY, http_port=0, peer_address=peer)
    async with open_server(alone, CoreSettings()) as gateway, httpx.AsyncClient() as browser:
        answer = await browser.get(f"http://127.0.0.1:{gateway.http_port}/readyz")
        assert answer.status_code == 503
