"""Who may call: the holder of the admin key in the data directory, or everybody on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from trackway_server.core.auth.authenticator import AdminKeyAuthenticator, Authenticator, InsecureAuthenticator
from trackway_server.core.auth.keys import KEY_FILE, admin_key


@dataclass(frozen=True, slots=True)
class Access:
    """How callers are known, and where the key is; without a key every caller is the administrator."""

    authenticator: Authenticator
    key: SecretStr | None = None
    key_file: Path | None = None


def open_access(data_dir: Path, *, no_auth: bool) -> Access:
    """How callers of a server on `data_dir` are known; the first start makes its key."""
    if no_auth:
        return Access(InsecureAuthenticator())
    file = data_dir / KEY_FILE
    key = admin_key(file)
    return Access(AdminKeyAuthenticator(key), key, file)
