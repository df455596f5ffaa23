"""Settings of the auth service, from `TRACKWAY_AUTH_…` environment variables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class AuthSettings(BaseSettings):
    """What may be set of the auth service."""

    model_config = SettingsConfigDict(env_prefix="TRACKWAY_AUTH_", extra="ignore", frozen=True)

    data_dir: Path
    """Holds `auth.db`, signing keys included: whoever reads the file can sign, so its mode is 0600."""

    database_url: SecretStr | None = None
    """A PostgreSQL database, used instead of that file: its schema `auth`, which must be migrated. Whoever reads its
    tables can sign."""

    admin_key: SecretStr | None = None
    """The bootstrap administrator's key; None: there is none."""

    token_seconds: int = Field(default=240, ge=1, le=290)
    """How long a token is valid, in seconds; so long a revoked key's last token lives, at most five minutes."""

    rotate_days: float = Field(default=30.0, gt=0)
    """A signing key older than this is followed by a new one, in days."""

    failed_attempts: int = Field(default=20, ge=1)
    """How many wrong keys one peer, or one key id, may present in a burst; one more is allowed every three seconds."""
