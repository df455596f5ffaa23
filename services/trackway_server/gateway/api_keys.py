"""API keys over HTTP: exchanged at the auth service for short-lived tokens, which the services take."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc

from trackway.api.auth.v1.auth_service_pb2 import ExchangeKeyRequest, ExchangeKeyResponse
from trackway_server.core.auth.attempts import FailedAttempts
from trackway_server.core.correlation import Headers

PREFIX = "Bearer twk_"
REFRESH_AT = 0.8
"""Of a token's life, after which the next request asks for a new one."""
MAX_KEPT = 1000
ATTEMPTS = 10
"""How many wrong keys one client may present in a burst. The auth service lets more through, since to it all clients of
a gateway are one: so that one of them does not shut out the others."""

_EXCHANGE = "/trackway.api.auth.v1.AuthService/ExchangeKey"


@dataclass(slots=True)
class _Kept:
    """The token of one key; `lock` while it is asked for."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: str = field(default="", repr=False)
    refresh_at: float = 0.0


class ApiKeys:
    """Tokens for the API keys of requests, the last 1,000 of them, known here by their digests only.

    A key that was revoked, or has expired, gets no further token: what it opened stays open for less than one lifetime.
    """

    def __init__(
        self, auth: grpc.aio.Channel, timeout_s: float, now: Callable[[], float] = time.monotonic, kept: int = MAX_KEPT
    ) -> None:
        self._auth = auth
        self._timeout_s = timeout_s
        self._now = now
        self._most = kept
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._attempts = FailedAttempts(ATTEMPTS)

    async def token_for(self, authorization: str | None, client: str, onward: Headers) -> str | None:
        """`authorization` (see `onward_authorization`) with the token in place of an API key; what else it holds stays.

        `client` is where the request comes from. Raises grpc.aio.AioRpcError where the auth service refuses, and
        DomainError(TOO_MANY_ATTEMPTS) after too many wrong keys from there.
        """
        if authorization is None or not authorization.startswith(PREFIX):
            return authorization
        key = authorization.removeprefix("Bearer ")
        digest = hashlib.sha256(key.encode()).digest()
        kept = self._kept.setdefault(digest, _Kept())
        self._kept.move_to_end(digest)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        async with kept.lock:
            if self._now() >= kept.refresh_at:
                await self._renew(kept, digest, key, client, onward)
        return f"Bearer {kept.token}"

    def forget(self, authorization: str | None) -> None:
        """Exchange this key anew at the next request: its token was refused."""
        if authorization is not None:
            self._kept.pop(hashlib.sha256(authorization.removeprefix("Bearer ").encode()).digest(), None)

    async def _renew(self, kept: _Kept, digest: bytes, key: str, client: str, onward: Headers) -> None:
        origin, asked = f"client {client}", self._now()
        try:
            self._attempts.check([origin], asked)
            answer = await self._exchange(key, onward)
        except Exception as failed:
            if isinstance(failed, grpc.aio.AioRpcError) and failed.code() is grpc.StatusCode.UNAUTHENTICATED:
                self._attempts.note([origin], asked)
            if self._kept.get(digest) is kept:
                del self._kept[digest]
            raise
        kept.token, kept.refresh_at = answer.token, asked + REFRESH_AT * answer.lifetime_us / 1e6

    async def _exchange(self, key: str, onward: Headers) -> ExchangeKeyResponse:
        exchange = self._auth.unary_unary(
            _EXCHANGE,
            request_serializer=ExchangeKeyRequest.SerializeToString,
            response_deserializer=ExchangeKeyResponse.FromString,
        )
        answer: ExchangeKeyResponse = await exchange(
            ExchangeKeyRequest(key=key), metadata=onward, timeout=self._timeout_s
        )
        return answer

    def __len__(self) -> int:
        return len(self._kept)
