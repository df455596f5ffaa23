"""Settings of the auth service, from `TRACKWAY_AUTH_…` environment variables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class AuthSettings(BaseSettings):
    """What may be set of the auth service."""

    model_config = SettingsConfigDict(env_prefix="TRACKWAY_AUTH_", extra="ignore", frozen=True, env_ignore_empty=True)

    data_dir: Path
    """Holds `auth.db`, signing keys included: whoever reads the file can sign, so its mode is 0600."""

    database_url: SecretStr | None = None
    """A PostgreSQL database, used instead of that file: its schema `auth`, which must be migrated. Whoever reads its
    tables can sign."""

    admin_key: SecretStr | None = None
    """The bootstrap administrator's key, the same for every replica; None: there is none. The program reads it from
    this variable, or from the file that `TRACKWAY_AUTH_ADMIN_KEY_FILE` names, or makes one in the data directory."""

    token_seconds: int = Field(default=240, ge=1, le=290)
    """How long a token is valid, in seconds; so long a revoked key's last token lives, at most five minutes."""

    rotate_days: float = Field(default=30.0, gt=0)
    """A signing key older than this is followed by a new one, in days."""

    failed_attempts: int = Field(default=20, ge=1)
    """How many wrong keys one peer, or one key id, may present in a burst; one more is allowed every three seconds."""

    identities_file: Path | None = None
    """Which OIDC issuers and client certificates are trusted, and whom they name: TOML, see identities.py. Read at the
    start."""

    oidc_refresh_seconds: float = Field(default=30.0, ge=1, le=3600)
    """Between two fetches of an issuer's keys because of a key that is not known, in seconds."""
