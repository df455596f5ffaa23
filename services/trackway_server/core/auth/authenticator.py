"""Who calls, by the `authorization` metadata of a call."""

from __future__ import annotations

import hmac
from typing import Protocol

from pydantic import SecretStr

from trackway_server.core.auth.principal import LOCAL_ADMIN, Principal
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
            message = "This server needs a key; set TRACKWAY_TOKEN, or use the profile the server wrote at its start."
            raise DomainError(Reason.CREDENTIALS_MISSING, message)
        scheme, _, token = authorization.partition(" ")
        expected = self._key.get_secret_value().encode()
        if scheme.lower() == SCHEME and hmac.compare_digest(token.strip().encode(errors="replace"), expected):
            return LOCAL_ADMIN
        message = "This server does not know that key; check TRACKWAY_TOKEN and the profile."
        raise DomainError(Reason.CREDENTIALS_INVALID, message)


class InsecureAuthenticator:
    """Takes everyone for the admin: `--insecure-no-auth`, on loopback only."""

    async def authenticate(self, authorization: str | None) -> Principal:
        """See Authenticator."""
        return LOCAL_ADMIN
