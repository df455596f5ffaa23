"""What every call carries: the caller's key, or the token it was exchanged for, a request id, and the trace it
belongs to, if any."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc.aio

from trackway._rpc.trace_context import trace_headers
from trackway.config import DEFAULT_WORKSPACE, ServerAddress

Metadata = tuple[tuple[str, str], ...]

EXCHANGE = "/trackway.api.auth.v1.AuthService/ExchangeKey"
EXCHANGE_SECONDS = 10.0
REFRESH_AT = 0.8
"""Of a token's life, after which the next call asks for a new one."""


def call_metadata(address: ServerAddress, request_id: str) -> Metadata:
    """Metadata of one call with the key as it is."""
    return _metadata(request_id, address.token)


class Credentials:
    """What to present to one server. API keys (`twk_…`) are exchanged for short-lived tokens, and exchanged again
    before those expire; the admin key (`tw_…`) only for another workspace than `default`; anything else goes as it is.
    """

    def __init__(self, address: ServerAddress, workspace: str = DEFAULT_WORKSPACE) -> None:
        key = address.token or ""
        self._key = key
        self._exchanges = key.startswith("twk_") or (key.startswith("tw_") and workspace != DEFAULT_WORKSPACE)
        self._token = ""
        self._asked_at = 0.0
        self._refresh_at = 0.0
        self._exchanging: asyncio.Lock | None = None

    async def metadata(self, channel: grpc.aio.Channel, request_id: str) -> Metadata:
        """Metadata of one call. Raises AioRpcError where the key is not exchanged."""
        if not self._exchanges:
            return _metadata(request_id, self._key)
        if time.monotonic() >= self._refresh_at:
            self._exchanging = self._exchanging or asyncio.Lock()
            async with self._exchanging:
                if time.monotonic() >= self._refresh_at:
                    await self._exchange(channel, request_id)
        return _metadata(request_id, self._token)

    def forget(self) -> None:
        """Exchange the key at the next call, in whichever event loop that is."""
        self._refresh_at = 0.0
        self._exchanging = None

    def renew(self, since: float) -> None:
        """Exchange the key at the next call, unless that was done after `since` (of `time.monotonic`): many streams
        whose tokens expire together need one new token."""
        if self._asked_at <= since:
            self._refresh_at = 0.0

    def detach(self) -> None:
        """Leave the event loop; a token that is valid is kept."""
        self._exchanging = None

    async def _exchange(self, channel: grpc.aio.Channel, request_id: str) -> None:
        from trackway.api.auth.v1 import auth_service_pb2 as pb

        asked = time.monotonic()
        exchange: Any = channel.unary_unary(
            EXCHANGE,
            request_serializer=pb.ExchangeKeyRequest.SerializeToString,
            response_deserializer=pb.ExchangeKeyResponse.FromString,
        )
        answer: pb.ExchangeKeyResponse = await exchange(
            pb.ExchangeKeyRequest(key=self._key), metadata=_metadata(request_id, None), timeout=EXCHANGE_SECONDS
        )
        self._token, self._asked_at = answer.token, asked
        self._refresh_at = asked + REFRESH_AT * answer.lifetime_us / 1e6


def _metadata(request_id: str, credential: str | None) -> Metadata:
    told = (("x-request-id", request_id), *trace_headers())
    return (*told, ("authorization", f"Bearer {credential}")) if credential else told
