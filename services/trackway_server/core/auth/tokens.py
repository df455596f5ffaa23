"""Verifying tokens: JWTs that the auth service signed (EdDSA on Ed25519), checked here with its published keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from trackway_server.core.auth.principal import Principal, Role
from trackway_server.core.auth.signing_keys import SigningKeys
from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError, Reason

ALGORITHM: Final = "Ed25519"
"""The name that RFC 9864 gives to EdDSA on this curve. No other is accepted, whatever a token's header says."""
ISSUER: Final = "trackway"
AUDIENCE: Final = "trackway"
LEEWAY_SECONDS: Final = 5
"""How much the clocks of two machines may differ."""
MAX_TOKEN_BYTES: Final = 8192
MAX_CACHED: Final = 10_000
_SECOND_US = 1_000_000


class Claims(TypedDict):
    """What a token says."""

    iss: str
    aud: str
    sub: str
    iat: int
    exp: int
    jti: str
    key: str
    """The id of the key that was exchanged, for logs."""
    admin: bool
    roles: dict[str, int]
    """Workspace → role, by the numbers of auth.v1.Role."""


@dataclass(frozen=True, slots=True)
class _Verified:
    principal: Principal
    kid: str


class TokenVerifier:
    """Finds the principal of a token. Verified tokens are kept until they expire, the last 10,000 of them: a
    verification costs 120 µs. A token whose signing key was taken back is refused though it is kept."""

    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def principal(self, token: str) -> Principal:
        """Whose token it is. Raises CREDENTIALS_INVALID, and SERVICE_UNAVAILABLE where the keys cannot be had."""
        if len(token) > MAX_TOKEN_BYTES:
            raise invalid_credentials()
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        known = self._verified.get(digest) or await self._verify(token)
        now_us = self._clock.now_us()
        if now_us >= known.principal.expire_time_us or await self._keys.find(known.kid) is None:
            self._verified.pop(digest, None)
            raise invalid_credentials()
        self._verified[digest] = known
        if len(self._verified) > MAX_CACHED:
            self._verified.popitem(last=False)
        return known.principal

    async def _verify(self, token: str) -> _Verified:
        kid = _kid_of(token)
        key = await self._keys.find(kid) if kid else None
        if key is None:
            raise invalid_credentials()
        # Loaded with the first token: an embedded server may never see one.
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError, TypeError):
            raise invalid_credentials() from None
        return self._read(claims, kid)

    def _read(self, claims: Mapping[str, Any], kid: str) -> _Verified:
        issued, expires = claims.get("iat"), claims.get("exp")
        name, roles = claims.get("sub"), claims.get("roles")
        latest = self._clock.now_us() // _SECOND_US + LEEWAY_SECONDS
        right = claims.get("iss") == ISSUER and claims.get("aud") == AUDIENCE
        if not right or not isinstance(issued, int) or not isinstance(expires, int) or issued > latest:
            raise invalid_credentials()
        if not isinstance(name, str) or not name or not isinstance(roles, dict):
            raise invalid_credentials()
        try:
            held = {str(workspace): Role(role) for workspace, role in roles.items()}
        except ValueError:
            raise invalid_credentials() from None
        taken_until_us = (expires + LEEWAY_SECONDS) * _SECOND_US
        return _Verified(Principal(name, held, claims.get("admin") is True, taken_until_us), kid)


def is_token(credential: str) -> bool:
    """Whether it has the form of a token: three parts, where a key has one."""
    return credential.count(".") == 2


def invalid_credentials() -> DomainError:
    """The refusal of a credential, whatever is wrong with it: saying more would help who guesses."""
    message = "This server does not know that key or token; check TRACKWAY_TOKEN and the profile."
    return DomainError(Reason.CREDENTIALS_INVALID, message)


def _kid_of(token: str) -> str:
    """The key that the token says it was signed with; empty where it says nothing readable, or another algorithm."""
    head = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return ""
    if not isinstance(header, dict) or header.get("alg") != ALGORITHM:
        return ""
    kid = header.get("kid")
    return kid if isinstance(kid, str) and len(kid) <= 64 else ""
