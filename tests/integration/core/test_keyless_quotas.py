"""What anybody may call without a key has a share for each method: floods of one starve no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from support.auth_serving import AuthServer, auth_server
from support.refusals import refused
from trackway.api.auth.v1 import auth_service_pb2 as pb
from trackway_server.auth.authority import Authority


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AuthServer]:
    monkeypatch.setenv("TRACKWAY_RPC_MAX_CALLS_PER_PRINCIPAL", "2")
    async with auth_server(tmp_path) as serving:
        yield serving


async def test_a_burst_of_exchanges_does_not_starve_the_publication_of_keys(
    server: AuthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every service asks for the keys of tokens: were they refused, nobody's token would be taken."""
    begun, release = asyncio.Semaphore(0), asyncio.Event()
    exchange = Authority.exchange

    async def slow(self: Authority, *arguments: Any) -> Any:
        begun.release()
        await release.wait()
        return await exchange(self, *arguments)

    monkeypatch.setattr(Authority, "exchange", slow)
    request = pb.ExchangeKeyRequest(key=server.admin_key)
    under_way = [asyncio.ensure_future(server.stub.ExchangeKey(request)) for _ in range(2)]
    for _ in under_way:
        await begun.acquire()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.stub.ExchangeKey(request)
    assert (refused(caught.value).reason, refused(caught.value).metadata["limit"]) == (
        "LIMIT_EXCEEDED",
        "calls_at_once",
    )
    assert (await server.stub.ListSigningKeys(pb.ListSigningKeysRequest())).keys
    release.set()
    assert all(answer.token for answer in await asyncio.gather(*under_way))
