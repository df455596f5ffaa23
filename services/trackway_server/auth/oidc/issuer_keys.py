"""The keys of one issuer: fetched at the first need, again when they grow old and when an unknown one comes up."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from trackway_server.auth.identities import IssuerSettings
from trackway_server.auth.oidc.fetching import FetchError, fetch_json
from trackway_server.core.errors import DomainError, Reason

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    Key = RSAKey | ECKey | OKPKey

LOG = structlog.get_logger(__name__)

Fetch = Callable[[str, IssuerSettings], Awaitable[dict[str, Any]]]

FRESH_SECONDS = 600.0
"""So old the keys may become before they are fetched again: one that was taken back is refused then."""
STALE_SECONDS = 3600.0
"""So long they are trusted while the issuer does not answer."""
RETRY_SECONDS = 5.0
"""Between two questions to an issuer that does not answer."""
MOST_KEYS = 100
_LEAST_RSA_BITS = 2048
_TYPES = {"R": "RSA", "P": "RSA", "E": "EC"}


class IssuerKeys:
    """See the module. `refresh_seconds` lie between two fetches, whatever key ids strangers invent."""

    def __init__(self, issuer: IssuerSettings, refresh_seconds: float, fetch: Fetch = fetch_json) -> None:
        self._issuer = issuer
        self._refresh_seconds = refresh_seconds
        self._fetch = fetch
        self._keys: Sequence[Key] = ()
        self._fetched_at: float | None = None
        self._failed_at: float | None = None
        self._failure = ""
        self._lock = asyncio.Lock()

    async def find(self, kid: str, algorithm: str) -> Key | None:
        """The key for a token that names `kid` (empty: names none); None where the issuer has none.

        Raises SERVICE_UNAVAILABLE where that cannot be known, for now.
        """
        known = self._suitable(kid, algorithm)
        # A key of that name that is for something else is no reason to fetch them again.
        if self._age() < FRESH_SECONDS and (known is not None or any(kid == key.get("kid") for key in self._keys)):
            return known
        seen = self._fetched_at
        async with self._lock:
            if self._fetched_at == seen:  # nobody else has fetched meanwhile
                await self._refresh(known=known is not None)
        return self._suitable(kid, algorithm)

    async def _refresh(self, *, known: bool) -> None:
        now = asyncio.get_running_loop().time()
        usable = known and self._age() < STALE_SECONDS
        if self._failed_at is not None and now - self._failed_at < RETRY_SECONDS:
            if usable:
                return
            raise self._unavailable()
        if not known and self._age() < self._refresh_seconds:
            wait = self._refresh_seconds - self._age()
            raise DomainError(
                Reason.SERVICE_UNAVAILABLE,
                f"The keys of {self._issuer.name}, just fetched, hold none for this token; try again in {wait:.0f} s.",
                service=self._issuer.name,
            )
        try:
            self._keys = _imported(await self._document())
        except FetchError as error:
            self._failed_at, self._failure = asyncio.get_running_loop().time(), str(error)
            LOG.warning("oidc_issuer_unavailable", issuer=self._issuer.name, reason=self._failure)
            if not usable:
                raise self._unavailable() from error
        else:
            self._fetched_at, self._failed_at = asyncio.get_running_loop().time(), None

    async def _document(self) -> dict[str, Any]:
        jwks_uri = self._issuer.jwks_uri
        if jwks_uri is None:
            base = self._issuer.issuer.removesuffix("/")
            found = await self._fetch(f"{base}/.well-known/openid-configuration", self._issuer)
            if found.get("issuer") != self._issuer.issuer:
                raise FetchError("calls itself otherwise in its discovery document: issuer must be the very same text")
            jwks_uri = found.get("jwks_uri")
            if not isinstance(jwks_uri, str):
                raise FetchError("names no jwks_uri in its discovery document")
            if _host(jwks_uri) != _host(self._issuer.issuer):
                raise FetchError("keeps its keys at another host: set jwks_uri in the identities file if that is right")
        return await self._fetch(jwks_uri, self._issuer)

    def _unavailable(self) -> DomainError:
        message = f"The OIDC issuer {self._issuer.name} {self._failure}; try again."
        return DomainError(Reason.SERVICE_UNAVAILABLE, message, service=self._issuer.name)

    def _suitable(self, kid: str, algorithm: str) -> Key | None:
        """The key of the id that may be used for the algorithm; without an id the only one there is."""
        found = [key for key in self._keys if _fits(key, algorithm) and (not kid or key.get("kid") == kid)]
        return found[0] if found and (kid or len(found) == 1) else None

    def _age(self) -> float:
        return asyncio.get_running_loop().time() - self._fetched_at if self._fetched_at is not None else STALE_SECONDS


def _host(url: str) -> tuple[str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None, None


def _imported(document: dict[str, Any]) -> list[Key]:
    """The public keys for signatures in a JWK set (RFC 7517); what is none, too short or secret is passed over."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise FetchError("answers with something that is no set of keys")
    return [key for each in listed[:MOST_KEYS] if isinstance(each, dict) and (key := _key(each)) is not None]


def _key(parameters: dict[str, Any]) -> Key | None:
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    kinds: dict[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    kind = kinds.get(str(parameters.get("kty")))
    if kind is None or parameters.get("use", "sig") != "sig":
        return None
    public: dict[str, Any] = {
        name: value for name, value in parameters.items() if name in _PUBLIC and isinstance(value, str)
    }
    try:
        with warnings.catch_warnings(action="ignore"):
            key: Key = kind.import_key(public)
            short = isinstance(key, RSAKey) and key.public_key.key_size < _LEAST_RSA_BITS
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if short else key


_PUBLIC = frozenset(["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"])


def _fits(key: Key, algorithm: str) -> bool:
    return key.key_type == _TYPES.get(algorithm[0] if algorithm[1] != "d" else "", "OKP") and (
        key.get("alg") in (None, algorithm)
    )
