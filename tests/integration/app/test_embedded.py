"""The server inside this process: health by phase, and nothing left behind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
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
    Target.AUTH: ["trackway.api.auth.v1.AuthService"],
}
REGISTRY = "trackway.api.registry.v1.ModelRegistryService"


def options(folder: Path, target: Target = Target.ALL) -> ServerOptions:
    return ServerOptions(target=target, grpc_port=0, http_port=0, data_dir=folder / "data")


@pytest.mark.parametrize("target", [Target.ALL, Target.TRACKING, Target.ARTIFACTS])
async def test_every_service_of_the_target_serves(target: Target, tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with open_server(options(tmp_path, target), CoreSettings()) as server:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            for service in ["", *SERVICES[target]]:
                answer = await HealthStub(channel).Check(HealthCheckRequest(service=service))
                assert answer.status == HealthCheckResponse.SERVING
        assert (server.http_port is not None) is target.has_gateway
    await all_ended(before)


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


async def all_ended(before: set[asyncio.Task[object]]) -> None:
    """Return when no task is left of what was opened since; gRPC takes a moment to end its own."""
    async with asyncio.timeout(10):
        while asyncio.all_tasks() != before:
            await asyncio.sleep(0.01)


async def test_a_registry_is_ready_when_those_it_calls_have_answered(tmp_path: Path) -> None:
    with unused_port() as tracking_port, unused_port() as artifacts_port:
        pass
    addresses = {"tracking": f"127.0.0.1:{tracking_port}", "artifacts": f"127.0.0.1:{artifacts_port}"}
    registry = ServerOptions(target=Target.REGISTRY, grpc_port=0, data_dir=tmp_path / "data", addresses=addresses)
    tracking = replace(options(tmp_path, Target.TRACKING), grpc_port=tracking_port)
    artifacts = replace(options(tmp_path, Target.ARTIFACTS), grpc_port=artifacts_port)
    before = asyncio.all_tasks()
    async with AsyncExitStack() as stack:
        alone = await stack.enter_async_context(open_server(registry, CoreSettings()))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{alone.grpc_port}"))
        states = HealthStub(channel).Watch(HealthCheckRequest(service=REGISTRY))
        assert (await states.read()).status == HealthCheckResponse.NOT_SERVING
        await stack.enter_async_context(open_server(tracking, CoreSettings()))
        assert (await HealthStub(channel).Check(HealthCheckRequest())).status == HealthCheckResponse.NOT_SERVING
        async with open_server(artifacts, CoreSettings()):
            assert (await states.read()).status == HealthCheckResponse.SERVING
        answer = await HealthStub(channel).Check(HealthCheckRequest(service=REGISTRY))
        assert answer.status == HealthCheckResponse.SERVING, "what needs no other service goes on"
        states.cancel()
    await all_ended(before)


async def test_a_gateway_calls_each_service_at_its_own_address(tmp_path: Path) -> None:
    import httpx

    async with AsyncExitStack() as stack:
        addresses: dict[str, str] = {}
        for target in (Target.TRACKING, Target.ARTIFACTS, Target.REGISTRY):
            chosen = replace(options(tmp_path, target), addresses=dict(addresses))
            server = await stack.enter_async_context(open_server(chosen, CoreSettings()))
            addresses[target.value] = f"127.0.0.1:{server.grpc_port}"
        alone = ServerOptions(target=Target.GATEWAY, http_port=0, addresses=addresses)
        gateway = await stack.enter_async_context(open_server(alone, CoreSettings()))
        browser = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.http_port}"))
        for _ in range(100):
            if (ready := await browser.get("/readyz")).status_code == 200:
                break
            await asyncio.sleep(0.05)
        assert ready.text == "ready\n"
        assert server.access is not None
        assert server.access.key is not None
        page = await browser.get("/", auth=("any", server.access.key.get_secret_value()))
        assert page.status_code == 200
        assert "Default" in page.text


@contextmanager
def unused_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
