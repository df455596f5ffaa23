"""Who may call: who has a token of the auth service, the holder of the admin key, or everybody on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc
from pydantic import SecretStr

from trackway_server.core.auth.authenticator import (
    AdminKeyAuthenticator,
    Authenticator,
    InsecureAuthenticator,
    TokenAuthenticator,
)
from trackway_server.core.auth.certificate_tokens import CertificateTokens
from trackway_server.core.auth.keys import KEY_FILE, admin_key
from trackway_server.core.auth.signing_keys import SigningKeys, published_over
from trackway_server.core.auth.tokens import TokenVerifier
from trackway_server.core.clock import Clock


@dataclass(frozen=True, slots=True)
class Access:
    """How callers are known, and where the key is; without a key every caller is the administrator."""

    authenticator: Authenticator
    key: SecretStr | None = None
    key_file: Path | None = None
    certificates: CertificateTokens | None = None
    """Who calls with a client certificate and without a token."""


def open_access(
    data_dir: Path, auth: grpc.aio.Channel, clock: Clock, *, no_auth: bool, client_certificates: bool = False
) -> Access:
    """How callers of a server on `data_dir` are known; the first start makes its key. `auth` reaches the auth service,
    whose keys verify tokens, and which knows whom `client_certificates` name where the listener asks for them."""
    if no_auth:
        return Access(InsecureAuthenticator())
    file = data_dir / KEY_FILE
    key = admin_key(file)
    verifier = TokenVerifier(SigningKeys(published_over(auth)), clock)
    certificates = CertificateTokens(auth) if client_certificates else None
    return Access(TokenAuthenticator(verifier, AdminKeyAuthenticator(key)), key, file, certificates)
