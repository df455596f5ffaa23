"""A server that is killed in the middle of a delivery goes on with it: nothing is left out, and the order stays."""

from __future__ import annotations

import asyncio
from pathlib import Path

import trackway
from support.webhook_receiver import receiver
from trackway.testing import LocalServer

ALLOWED = {
    "TRACKWAY_REGISTRY_WEBHOOK_ALLOW_HTTP": "true",
    "TRACKWAY_REGISTRY_WEBHOOK_ALLOW_PRIVATE_HOSTS": "true",
}
MODELS = [f"model-{number}" for number in range(6)]


def begin(server: LocalServer, url: str) -> str:
    with trackway.Client(server.uri, token=server.token) as client:
        webhook = client.registry.create_webhook("ci", url, ["MODEL_CREATED"], secret="s" * 32)
        for name in MODELS:
            client.registry.create_model(name)
    return webhook.webhook_id


async def test_a_server_killed_while_it_delivers(tmp_path: Path) -> None:
    async with receiver() as hook:
        hook.held["/hook"] = asyncio.Event()
        with LocalServer(environment=ALLOWED) as server:
            webhook_id = await asyncio.to_thread(begin, server, hook.url())
            await hook.wait(1)
            await asyncio.to_thread(server.kill)
            hook.held.pop("/hook").set()
            await asyncio.to_thread(server.restart)
            told = await hook.wait(1 + len(MODELS))
            async with trackway.AsyncClient(server.uri, token=server.token) as client:
                async with asyncio.timeout(60):
                    while (found := await client.registry.get_webhook(webhook_id)).deliveries.delivered_count < 6:
                        await asyncio.sleep(0.02)
    assert [each.value["data"]["model_name"] for each in told] == [MODELS[0], *MODELS]
    assert told[0].headers["webhook-id"] == told[1].headers["webhook-id"]
    assert all(each.signature(b"s" * 32) for each in told)
    assert (found.deliveries.delivered_count, found.deliveries.failing_since_time_us) == (6, None)
