"""API keys of HTTP requests: exchanged once a lifetime, kept in bounded number, and not kept once they are wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from trackway.api.auth.v1 import auth_service_pb2
from trackway.api.auth.v1.auth_service_pb2_grpc import add_AuthServiceServicer_to_server
from trackway_server.core.errors import DomainError, Reason
from trackway_server.gateway.api_keys import ATTEMPTS, ApiKeys


@dataclass
class Auth:
    """An auth service that knows every key but those that were revoked, and counts."""

    revoked: set[str] = field(default_factory=set)
    exchanges: int = 0

    async def ExchangeKey(
        self, request: auth_service_pb2.ExchangeKeyRequest, context: grpc.aio.ServicerContext
    ) -> auth_service_pb2.ExchangeKeyResponse:
        self.exchanges += 1
        if request.key in self.revoked:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no")
        return auth_service_pb2.ExchangeKeyResponse(token=f"{request.key}#{self.exchanges}", lifetime_us=100_000_000)

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.ExchangeKey


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def auth(tmp_path: Path) -> AsyncIterator[Auth]:
    known, server = Auth(), grpc.aio.server()
    add_AuthServiceServicer_to_server(known, server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(f"unix:{tmp_path}/auth")
    await server.start()
    yield known
    await server.stop(None)


@pytest.fixture
async def channel(auth: Auth, tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/auth") as opened:
        yield opened


async def test_a_token_is_kept_for_most_of_its_life(auth: Auth, channel: grpc.aio.Channel) -> None:
    clock = Clock()
    keys = ApiKeys(channel, 5, clock)
    assert await keys.token_for("Bearer twk_a", "here", ()) == "Bearer twk_a#1"
    clock.now = 79
    assert await keys.token_for("Bearer twk_a", "there", ()) == "Bearer twk_a#1"
    clock.now = 81
    assert await keys.token_for("Bearer twk_a", "here", ()) == "Bearer twk_a#2"
    keys.forget("Bearer twk_a")
    assert await keys.token_for("Bearer twk_a", "here", ()) == "Bearer twk_a#3"


async def test_a_revoked_key_gets_no_further_token(auth: Auth, channel: grpc.aio.Channel) -> None:
    clock = Clock()
    keys = ApiKeys(channel, 5, clock)
    await keys.token_for("Bearer twk_a", "here", ())
    auth.revoked.add("twk_a")
    clock.now = 81
    with pytest.raises(grpc.aio.AioRpcError):
        await keys.token_for("Bearer twk_a", "here", ())
    assert len(keys) == 0


async def test_what_is_no_api_key_goes_as_it_is(auth: Auth, channel: grpc.aio.Channel) -> None:
    keys = ApiKeys(channel, 5)
    for presented in (None, "Bearer tw_admin", "Bearer a.b.c"):
        assert await keys.token_for(presented, "here", ()) == presented
    assert auth.exchanges == 0


async def test_the_number_kept_is_bounded(auth: Auth, channel: grpc.aio.Channel) -> None:
    keys = ApiKeys(channel, 5, kept=3)
    for number in range(5):
        await keys.token_for(f"Bearer twk_{number}", "here", ())
    assert len(keys) == 3
    assert await keys.token_for("Bearer twk_4", "here", ()) == "Bearer twk_4#5"
    assert await keys.token_for("Bearer twk_0", "here", ()) == "Bearer twk_0#6"


async def test_wrong_keys_are_counted_by_client(auth: Auth, channel: grpc.aio.Channel) -> None:
    clock = Clock()
    keys = ApiKeys(channel, 5, clock)
    auth.revoked |= {f"twk_{number}" for number in range(ATTEMPTS)}
    for number in range(ATTEMPTS):
        with pytest.raises(grpc.aio.AioRpcError):
            await keys.token_for(f"Bearer twk_{number}", "evil", ())
    with pytest.raises(DomainError) as refused:
        await keys.token_for("Bearer twk_good", "evil", ())
    assert refused.value.reason is Reason.TOO_MANY_ATTEMPTS
    assert auth.exchanges == ATTEMPTS
    assert await keys.token_for("Bearer twk_good", "another", ())
