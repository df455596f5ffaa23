"""Settings of the artifact store, from `TRACKWAY_ARTIFACTS_…` environment variables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ArtifactsSettings(BaseSettings):
    """What may be set of the artifact store."""

    model_config = SettingsConfigDict(env_prefix="TRACKWAY_ARTIFACTS_", extra="ignore", frozen=True)

    data_dir: Path
    """Holds `artifacts.db` and the directory `blobs`."""

    database_url: SecretStr | None = None
    """A PostgreSQL database, used instead of that file: its schema `artifacts`, which must be migrated."""

    max_uploads: int = Field(default=64, ge=1)
    """Uploads beyond this wait their turn. Each holds up to 6 MiB of memory and one open file."""

    upload_idle_s: float = Field(default=60.0, gt=0)
    """How long an upload may send nothing before it is refused, in seconds."""
