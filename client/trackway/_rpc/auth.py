"""What every call carries: the caller's key, or the token that it or a token of an OIDC issuer was exchanged for, a
request id, and the trace it belongs to, if any."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import grpc.aio

from trackway._rpc.trace_context import trace_headers
from trackway.config import DEFAULT_WORKSPACE, ServerAddress
from trackway.errors import Unauthenticated

Metadata = tuple[tuple[str, str], ...]

EXCHANGE_KEY = "/trackway.api.auth.v1.AuthService/ExchangeKey"
EXCHANGE_TOKEN = "/trackway.api.auth.v1.AuthService/ExchangeToken"  # noqa: S105 - the name of a method
EXCHANGE_SECONDS = 10.0
MAX_TOKEN_BYTES = 16_384
REFRESH_AT = 0.8
"""Of a token's life, after which the next call asks for a new one."""


def call_metadata(address: ServerAddress, request_id: str) -> Metadata:
    """Metadata of one call with the key as it is."""
    return _metadata(request_id, address.token)


class Credentials:
    """What to present to one server. API keys (`twk_…`) are exchanged for short-lived tokens, and exchanged again
    before those expire; the admin key (`tw_…`) only for another workspace than `default`; anything else goes as it is.
    A token of an OIDC issuer is exchanged likewise, and its file read again whenever it has changed.
    """

    def __init__(self, address: ServerAddress, workspace: str = DEFAULT_WORKSPACE) -> None:
        key = address.token or ""
        self._key = key
        self._file = TokenFile(address.oidc_token_file) if address.oidc_token_file and not key else None
        own_exchange = key.startswith("twk_") or (key.startswith("tw_") and workspace != DEFAULT_WORKSPACE)
        self._exchanges = own_exchange or self._file is not None
        self._token = ""
        self._asked_at = 0.0
        self._refresh_at = 0.0
        self._exchanging: asyncio.Lock | None = None

    async def metadata(self, channel: grpc.aio.Channel, request_id: str) -> Metadata:
        """Metadata of one call. Raises AioRpcError where the key is not exchanged, Unauthenticated where the file of a
        token cannot be read."""
        if not self._exchanges:
            return _metadata(request_id, self._key)
        if self._due():
            self._exchanging = self._exchanging or asyncio.Lock()
            async with self._exchanging:
                if self._due():
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

    def _due(self) -> bool:
        return time.monotonic() >= self._refresh_at or (self._file is not None and self._file.changed())

    async def _exchange(self, channel: grpc.aio.Channel, request_id: str) -> None:
        from trackway.api.auth.v1 import auth_service_pb2 as pb

        asked = time.monotonic()
        request: pb.ExchangeTokenRequest | pb.ExchangeKeyRequest
        if self._file is not None:
            method, request = EXCHANGE_TOKEN, pb.ExchangeTokenRequest(token=self._file.read())
            parse: Any = pb.ExchangeTokenResponse.FromString
        else:
            method, request, parse = (
                EXCHANGE_KEY,
                pb.ExchangeKeyRequest(key=self._key),
                pb.ExchangeKeyResponse.FromString,
            )
        serialize = type(request).SerializeToString
        exchange: Any = channel.unary_unary(method, request_serializer=serialize, response_deserializer=parse)
        answer = await exchange(request, metadata=_metadata(request_id, None), timeout=EXCHANGE_SECONDS)
        self._token, self._asked_at = answer.token, asked
        self._refresh_at = asked + REFRESH_AT * answer.lifetime_us / 1e6


class TokenFile:
    """A file with a token that somebody else renews."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()

    def changed(self) -> bool:
        """Whether the file is another one than was read. One that is away has not changed: it may be just being
        renewed."""
        signature = self._signature()
        return bool(signature) and signature != self._seen

    def read(self) -> str:
        """The token. Raises Unauthenticated where there is none."""
        advice = "check TRACKWAY_OIDC_TOKEN_FILE, or oidc_token_file in the profile"
        seen = self._signature()
        try:
            with open(self._path, "rb") as file:  # noqa: PTH123
                content = file.read(MAX_TOKEN_BYTES + 1).strip()
        except OSError as error:
            raise Unauthenticated(f"the token file {self._path} cannot be read: {error.strerror}; {advice}") from None
        if not 0 < len(content) <= MAX_TOKEN_BYTES or not content.isascii() or len(content.split()) > 1:
            raise Unauthenticated(f"the token file {self._path} holds no token: {advice}")
        self._seen = seen
        return content.decode()

    def _signature(self) -> tuple[int, ...]:
        try:
            found = os.stat(self._path)  # noqa: PTH116
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_ino, found.st_size


def _metadata(request_id: str, credential: str | None) -> Metadata:
    told = (("x-request-id", request_id), *trace_headers())
    return (*told, ("authorization", f"Bearer {credential}")) if credential else told
