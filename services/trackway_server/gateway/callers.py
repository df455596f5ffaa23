"""Who sends a request, as the services will know them: the one way from an HTTP request to metadata of gRPC."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import grpc
from starlette.types import Scope

from trackway.api.auth.v1.auth_service_pb2 import GetSelfRequest
from trackway_server.core.auth.attempts import FailedAttempts
from trackway_server.core.correlation import Headers
from trackway_server.gateway.api_keys import ATTEMPTS, ApiKeys
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.correlation import onward_headers
from trackway_server.gateway.credentials import onward_authorization

_GET_SELF = "/trackway.api.auth.v1.AuthService/GetSelf"


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of one request."""

    presented: str | None
    """See `onward_authorization`."""
    address: str
    metadata: Headers
    """What goes with calls on the sender's behalf: request id, trace context, credentials."""


class Callers:
    """Knows senders by their credentials, and by their addresses those that guess."""

    def __init__(self, channels: Channels, timeout_s: float) -> None:
        self._auth = channels.auth
        self._timeout_s = timeout_s
        self._keys = ApiKeys(channels.auth, timeout_s)
        self._attempts = FailedAttempts(ATTEMPTS)

    async def of(self, scope: Scope, authorization: str | None) -> Caller:
        """The sender of the request with this `Authorization`, whose API key has become a token.

        Raises grpc.aio.AioRpcError where the auth service refuses, and DomainError(TOO_MANY_ATTEMPTS) after many
        wrong keys.
        """
        presented, onward = onward_authorization(authorization), onward_headers(scope)
        address = scope["client"][0] if scope.get("client") else ""
        token = await self._keys.token_for(presented, address, onward)
        return Caller(presented, address, (*onward, ("authorization", token)) if token else onward)

    async def check(self, caller: Caller) -> None:
        """Return where the services know the caller. Raises grpc.aio.AioRpcError where they do not."""
        ask: Any = self._auth.unary_unary(_GET_SELF, request_serializer=GetSelfRequest.SerializeToString)
        await ask(GetSelfRequest(), metadata=caller.metadata, timeout=self._timeout_s)

    def check_attempts(self, caller: Caller) -> None:
        """Before a call whose request holds credentials. Raises DomainError(TOO_MANY_ATTEMPTS)."""
        self._attempts.check([caller.address], time.monotonic())

    def note(self, caller: Caller, error: grpc.aio.AioRpcError, *, guessed: bool) -> None:
        """A call was refused; `guessed`: by what its request holds."""
        if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
            return
        if guessed:
            self._attempts.note([caller.address], time.monotonic())
        else:
            self._keys.forget(caller.presented)
