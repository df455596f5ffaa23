"""Whether a token of an OIDC issuer is right: JWT (RFC 7519), checked as RFC 8725 advises."""

from __future__ import annotations

import base64
import binascii
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trackway_server.auth.identities import IssuerSettings
from trackway_server.auth.oidc.fetching import fetch_json
from trackway_server.auth.oidc.issuer_keys import Fetch, IssuerKeys
from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError, Reason

LEEWAY_SECONDS = 30
"""How much an issuer's clock and ours may differ."""
MAX_TOKEN_BYTES = 16_384
_TYPES = frozenset(["jwt", "at+jwt", "application/at+jwt"])
"""What a header may say its token is, where it says so: no logout token, for one."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a right token says."""

    issuer: IssuerSettings
    claims: Mapping[str, Any]
    expire_time_s: int
    """Until when it is taken, the leeway included, in seconds since 1970 UTC."""


class OidcVerifier:
    """Knows the issuers that are configured; asks none else, whatever a token says."""

    def __init__(
        self, issuers: Sequence[IssuerSettings], refresh_seconds: float, clock: Clock, fetch: Fetch = fetch_json
    ) -> None:
        self._issuers = {each.issuer: (each, IssuerKeys(each, refresh_seconds, fetch)) for each in issuers}
        self._clock = clock

    async def verify(self, token: str) -> Verified:
        """What the token says. Raises CREDENTIALS_INVALID with what is wrong with it, SERVICE_UNAVAILABLE where its
        issuer's keys cannot be had."""
        header, said = _unverified(token)
        issuer, keys = self._issuers.get(str(said.get("iss"))) or (None, None)
        if issuer is None or keys is None:
            raise refused("The token is of an issuer that this server is not configured to trust.")
        algorithm = _algorithm(header, issuer)
        kid = header.get("kid", "")
        key = await keys.find(kid, algorithm) if isinstance(kid, str) else None
        if key is None:
            raise refused(f"The token names a key that {issuer.name} does not have.")
        return self._checked(_decoded(token, key, algorithm, issuer), issuer)

    def _checked(self, claims: Mapping[str, Any], issuer: IssuerSettings) -> Verified:
        audiences = claims.get("aud")
        named = audiences if isinstance(audiences, list) else [audiences]
        if claims.get("iss") != issuer.issuer or not any(each in issuer.audiences for each in named):
            wanted = ", ".join(issuer.audiences)
            raise refused(f"The token of {issuer.name} is for another audience; ask for one for {wanted}.")
        now = self._clock.now_us() / 1e6
        expires, begins, issued = (_seconds(claims, name, issuer) for name in ("exp", "nbf", "iat"))
        if expires is None:
            raise refused(f"The token of {issuer.name} never ends, and none such is taken.")
        if now >= expires + LEEWAY_SECONDS:
            raise refused(f"The token of {issuer.name} has expired; ask for a new one.")
        if max(begins or 0, issued or 0) > now + LEEWAY_SECONDS:
            raise refused(f"The token of {issuer.name} is not valid yet; compare the clocks.")
        return Verified(issuer, claims, int(expires) + LEEWAY_SECONDS)


def refused(message: str) -> DomainError:
    """The refusal of a token. It may say why: signatures cannot be guessed, and who sets this up must know."""
    return DomainError(Reason.CREDENTIALS_INVALID, message)


def _unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims as the token says them: good for choosing an issuer, and for nothing else."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_TOKEN_BYTES:
        raise refused("That is no signed token: three parts of base64url with dots between.")
    header, claims = (_object(part) for part in parts[:2])
    if header is None or claims is None:
        raise refused("That is no signed token: its parts are no JSON objects.")
    return header, claims


def _object(part: str) -> dict[str, Any] | None:
    try:
        found = json.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _algorithm(header: Mapping[str, Any], issuer: IssuerSettings) -> str:
    algorithm, kind = header.get("alg"), header.get("typ", "JWT")
    if algorithm not in issuer.algorithms:
        raise refused(f"The token is not signed as {issuer.name} is configured: by {', '.join(issuer.algorithms)}.")
    if not isinstance(kind, str) or kind.lower() not in _TYPES or "crit" in header:
        raise refused("The token is neither an ID token nor an access token.")
    return str(algorithm)


def _decoded(token: str, key: Any, algorithm: str, issuer: IssuerSettings) -> Mapping[str, Any]:
    from joserfc import jwt
    from joserfc.errors import JoseError

    try:
        with warnings.catch_warnings(action="ignore"):  # `EdDSA` is an old name of Ed25519; issuers use it
            return jwt.decode(token, key, algorithms=[algorithm]).claims
    except (JoseError, ValueError, TypeError, RecursionError):
        raise refused(f"The signature of the token is not one of {issuer.name}.") from None


def _seconds(claims: Mapping[str, Any], name: str, issuer: IssuerSettings) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 53:
        raise refused(f"The token of {issuer.name} has a claim {name} that is no time.")
    return float(value)
