"""Who a service is when it calls another one: tokens for its service account's key, beside the caller's own."""

from __future__ import annotations

import time

import grpc
from pydantic import SecretStr

from trackway.api.auth.v1 import auth_service_pb2
from trackway.api.auth.v1.auth_service_pb2_grpc import AuthServiceStub

SERVICE_KEY = "x-trackway-service"
"""Metadata with the token of the calling service: `Bearer TOKEN`. `authorization` stays the caller's, and decides."""
EXCHANGE_SECONDS = 5.0
REFRESH_AT = 0.8


class ServiceIdentity:
    """The metadata that says which service calls; none without a key."""

    def __init__(self, auth: grpc.aio.Channel, key: SecretStr | None) -> None:
        self._stub = AuthServiceStub(auth)  # type: ignore[no-untyped-call]
        self._key = key
        self._token = ""
        self._refresh_at = 0.0

    async def metadata(self) -> tuple[tuple[str, str], ...]:
        """What to add to a call. Raises AioRpcError where the key is not exchanged."""
        if self._key is None:
            return ()
        if time.monotonic() >= self._refresh_at:
            asked = time.monotonic()
            request = auth_service_pb2.ExchangeKeyRequest(key=self._key.get_secret_value())
            answer = await self._stub.ExchangeKey(request, timeout=EXCHANGE_SECONDS)
            self._token, self._refresh_at = answer.token, asked + REFRESH_AT * answer.lifetime_us / 1e6
        return ((SERVICE_KEY, f"Bearer {self._token}"),)
