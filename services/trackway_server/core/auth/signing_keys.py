"""The auth service's published keys, as another service knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import grpc

from trackway_server.core.errors import DomainError, Reason

if TYPE_CHECKING:
    from joserfc.jwk import OKPKey

Fetch = Callable[[], Awaitable[Mapping[str, str]]]
"""Answers the published keys: kid → public key, base64url."""

FLOOR_SECONDS = 1.0
"""Between two questions to the auth service, whatever kids strangers invent."""
FRESH_SECONDS = 30.0
"""So old the keys may become before they are asked for again: a key that was taken back is refused then."""
STALE_SECONDS = 600.0
"""So long the keys are trusted while the auth service cannot be reached."""
FETCH_SECONDS = 5.0
KNOWN_FETCH_SECONDS = 1.0
"""So long a call waits for the auth service where the keys at hand will do."""


class SigningKeys:
    """The keys by their ids; fetched at the first need, again when they grow old and when an unknown id comes up."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._keys: dict[str, OKPKey] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None
        self._lock = asyncio.Lock()

    async def find(self, kid: str) -> OKPKey | None:
        """The key of the id, None where there is none. Raises SERVICE_UNAVAILABLE where that cannot be known."""
        if kid in self._keys and self._age() < FRESH_SECONDS:
            return self._keys[kid]
        seen = self._fetched_at
        async with self._lock:
            if self._fetched_at == seen:  # nobody else has fetched meanwhile
                await self._refresh(known=kid in self._keys)
        return self._keys.get(kid)

    async def known(self) -> bool:
        """Whether the keys have been fetched once; asks for them where not."""
        if self._fetched_at is None:
            with suppress(DomainError):
                await self.find("")
        return self._fetched_at is not None

    async def _refresh(self, *, known: bool) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time() - self._asked_at if self._asked_at is not None else FLOOR_SECONDS
        if since < FLOOR_SECONDS:
            if known and self._age() < STALE_SECONDS:
                return
            await asyncio.sleep(FLOOR_SECONDS - since)
        self._asked_at = loop.time()
        try:
            async with asyncio.timeout(KNOWN_FETCH_SECONDS if known else FETCH_SECONDS):
                found = await self._fetch()
        except (grpc.aio.AioRpcError, TimeoutError, DomainError) as error:
            if known and self._age() < STALE_SECONDS:
                return
            message = "The auth service, which knows the keys of tokens, does not answer; try again."
            raise DomainError(Reason.SERVICE_UNAVAILABLE, message, service="auth") from error
        from joserfc.jwk import OKPKey

        self._keys = {
            kid: self._keys.get(kid) or OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x})
            for kid, x in found.items()
        }
        self._fetched_at = loop.time()

    def _age(self) -> float:
        return asyncio.get_running_loop().time() - self._fetched_at if self._fetched_at is not None else STALE_SECONDS


def published_over(channel: grpc.aio.Channel) -> Fetch:
    """Asks the auth service that the channel reaches."""
    from trackway.api.auth.v1 import auth_service_pb2
    from trackway.api.auth.v1.auth_service_pb2_grpc import AuthServiceStub

    stub = AuthServiceStub(channel)  # type: ignore[no-untyped-call]

    async def fetch() -> Mapping[str, str]:
        answer = await stub.ListSigningKeys(auth_service_pb2.ListSigningKeysRequest(), timeout=FETCH_SECONDS)
        return {key.kid: key.x for key in answer.keys}

    return fetch
