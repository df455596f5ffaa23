"""Who calls, by the `authorization` metadata of a call."""

from __future__ import annotations

import hmac
from typing import Protocol

from pydantic import SecretStr

from trackway_server.core.auth.principal import LOCAL_ADMIN, Principal
from trackway_server.core.auth.tokens import TokenVerifier, invalid_credentials, is_token
from trackway_server.core.errors import DomainError, Reason

SCHEME = "bearer"


class Authenticator(Protocol):
    """Finds the principal of a call."""

    async def authenticate(self, authorization: str | None) -> Principal:
        """The principal, given the value of `authorization`, None where absent.

        Raises DomainError(CREDENTIALS_MISSING) or DomainError(CREDENTIALS_INVALID).
        """
        ...


class AdminKeyAuthenticator:
    """Knows one key, the admin's."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key

    async def authenticate(self, authorization: str | None) -> Principal:
        """See Authenticator. Takes the same time whatever part of the key is right."""
        if not authorization:
            raise missing_credentials()
        scheme, _, token = authorization.partition(" ")
        expected = self._key.get_secret_value().encode()
        if scheme.lower() == SCHEME and hmac.compare_digest(token.strip().encode(errors="replace"), expected):
            return LOCAL_ADMIN
        raise invalid_credentials()


class NoKeys:
    """Knows no key: a service whose callers have tokens of the auth service."""

    async def authenticate(self, authorization: str | None) -> Principal:
        """See Authenticator."""
        if not authorization:
            message = "This service needs a token; set TRACKWAY_TOKEN to your key, and clients exchange it."
            raise DomainError(Reason.CREDENTIALS_MISSING, message)
        message = "This service takes the auth service's tokens only; exchange your key (ExchangeKey), as clients do."
        raise DomainError(Reason.CREDENTIALS_INVALID, message)


class TokenAuthenticator:
    """Knows the tokens that the auth service issues; anything else is for `others`."""

    def __init__(self, verifier: TokenVerifier, others: Authenticator) -> None:
        self._verifier = verifier
        self._others = others

    async def authenticate(self, authorization: str | None) -> Principal:
        """See Authenticator."""
        scheme, _, credential = (authorization or "").partition(" ")
        if scheme.lower() == SCHEME and is_token(credential):
            return await self._verifier.principal(credential.strip())
        return await self._others.authenticate(authorization)


class InsecureAuthenticator:
    """Takes everyone for the admin: `--insecure-no-auth`, on loopback only."""

    async def authenticate(self, authorization: str | None) -> Principal:
        """See Authenticator."""
        return LOCAL_ADMIN


def missing_credentials() -> DomainError:
    """The refusal of a call that says nothing of who calls."""
    message = "This server needs a key; set TRACKWAY_TOKEN, or use the profile the server wrote at its start."
    return DomainError(Reason.CREDENTIALS_MISSING, message)
