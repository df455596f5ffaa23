"""Who calls with a client certificate and without a token: the auth service knows, and answers their token."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

import grpc
import structlog

from trackway_server.core.auth.authenticator import missing_credentials
from trackway_server.core.auth.service_identity import EXCHANGE_SECONDS, REFRESH_AT
from trackway_server.core.errors import DomainError, Kind, Reason

LOG = structlog.get_logger(__name__)

MAX_CACHED = 10_000
REFUSED_SECONDS = 5.0
"""So long a certificate that is mapped to nobody is refused without asking again."""


@dataclass(slots=True)
class _Known:
    token: str = ""
    refusal: DomainError | None = None
    ask_at: float = 0.0
    ends_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class CertificateTokens:
    """Tokens by certificate, the last 10,000 of them, each asked for again before it ends."""

    def __init__(self, auth: grpc.aio.Channel) -> None:
        from trackway.api.auth.v1.auth_service_pb2_grpc import AuthServiceStub

        self._stub = AuthServiceStub(auth)  # type: ignore[no-untyped-call]
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def authorization(self, certificate: str) -> str:
        """What the holder of the certificate (PEM) would send as `authorization`.

        Raises CREDENTIALS_MISSING, IDENTITY_UNMAPPED, SERVICE_UNAVAILABLE.
        """
        digest = hashlib.sha256(certificate.encode()).digest()
        known = self._known.setdefault(digest, _Known())
        self._known.move_to_end(digest)
        if len(self._known) > MAX_CACHED:
            self._known.popitem(last=False)
        loop = asyncio.get_running_loop()
        if loop.time() >= known.ask_at:
            async with known.lock:
                if loop.time() >= known.ask_at:
                    await self._ask(known, certificate)
        if known.refusal is not None:
            raise DomainError(known.refusal.reason, known.refusal.message, **known.refusal.metadata)
        return f"Bearer {known.token}"

    async def _ask(self, known: _Known, certificate: str) -> None:
        from trackway.api.auth.v1 import auth_service_pb2
        from trackway_server.core.rpc.status import refusal_of

        loop = asyncio.get_running_loop()
        asked = loop.time()
        request = auth_service_pb2.ExchangeCertificateRequest(certificate=certificate)
        try:
            answer = await self._stub.ExchangeCertificate(request, timeout=EXCHANGE_SECONDS)
        except grpc.aio.AioRpcError as error:
            refusal = refusal_of(error, service="auth")
            if refusal.reason is Reason.PERMISSION_DENIED:
                # The identities file does not list this service: for its operator, not for who calls.
                LOG.warning("certificate_identities_refused", reason=refusal.message)
                refusal = missing_credentials()
            if refusal.kind is Kind.UNAUTHENTICATED:
                known.refusal, known.ask_at = refusal, loop.time() + REFUSED_SECONDS
                return
            if loop.time() < known.ends_at and known.refusal is None:
                return  # the token at hand does while the auth service is away
            raise refusal from None
        lifetime = answer.lifetime_us / 1e6
        known.token, known.refusal = answer.token, None
        known.ask_at, known.ends_at = asked + REFRESH_AT * lifetime, asked + lifetime
