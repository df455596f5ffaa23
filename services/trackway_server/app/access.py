"""Who may call: who has a token of the auth service, the holder of the admin key, or everybody on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc
from pydantic import SecretStr

from trackway_server.app.options import ServerOptions
from trackway_server.core.auth.authenticator import (
    AdminKeyAuthenticator,
    Authenticator,
    InsecureAuthenticator,
    NoKeys,
    TokenAuthenticator,
)
from trackway_server.core.auth.certificate_tokens import CertificateTokens
from trackway_server.core.auth.keys import KEY_FILE, admin_key
from trackway_server.core.auth.signing_keys import SigningKeys, published_over
from trackway_server.core.auth.tokens import TokenVerifier
from trackway_server.core.clock import Clock


@dataclass(frozen=True, slots=True)
class Access:
    """How callers are known, and where the admin key is."""

    authenticator: Authenticator
    key: SecretStr | None = None
    """The admin key, which opens this server; None: there is none here."""
    key_file: Path | None = None
    """Where it is kept; None: it was given, or there is none."""
    awaited_keys: SigningKeys | None = None
    """Those of the auth service, where no caller can be known without them."""
    certificates: CertificateTokens | None = None
    """Who calls with a client certificate and without a token."""


def open_access(options: ServerOptions, data_dir: Path, auth: grpc.aio.Channel, clock: Clock) -> Access:
    """How callers of a server on `data_dir` are known. `auth` reaches the auth service, whose keys verify tokens, and
    which knows whom a client certificate names where the listener asks for one.

    Without a key in the options, and unless the auth service elsewhere is relied on, the first start makes one.
    """
    if options.no_auth:
        return Access(InsecureAuthenticator())
    signing_keys = SigningKeys(published_over(auth))
    verifier = TokenVerifier(signing_keys, clock)
    certificates = None if options.tls_client_ca is None else CertificateTokens(auth)
    if options.relies_on_auth:
        return Access(TokenAuthenticator(verifier, NoKeys()), awaited_keys=signing_keys, certificates=certificates)
    file = None if options.admin_key and options.target.has_auth else data_dir / KEY_FILE
    key = SecretStr(options.admin_key or "") if file is None else admin_key(file)
    return Access(TokenAuthenticator(verifier, AdminKeyAuthenticator(key)), key, file, certificates=certificates)
