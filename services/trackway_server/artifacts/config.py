"""Settings of the artifact store, from `TRACKWAY_ARTIFACTS_…` and, of its blobs in S3, `TRACKWAY_S3_…` variables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ArtifactsSettings(BaseSettings):
    """What may be set of the artifact store."""

    model_config = SettingsConfigDict(env_prefix="TRACKWAY_ARTIFACTS_", extra="ignore", frozen=True)

    data_dir: Path
    """Holds `artifacts.db` and, without a blob URL, the directory `blobs`."""

    blob_url: str = ""
    """Where blobs are kept: `s3://…`, see store/s3_location.py. Empty: in the data directory."""

    database_url: SecretStr | None = None
    """A PostgreSQL database, used instead of that file: its schema `artifacts`, which must be migrated."""

    max_uploads: int = Field(default=64, ge=1)
    """Uploads beyond this wait their turn. Each holds up to 6 MiB of memory and one open file; on S3, three parts."""

    upstream_timeout_s: float = Field(default=10.0, gt=0)
    """How long to wait for Tracking and the registry, where they are asked what a caller may do, in seconds."""

    upload_idle_s: float = Field(default=60.0, gt=0)
    """How long an upload may send nothing before it is refused, in seconds."""


class S3Settings(BaseSettings):
    """What may be set of blobs in S3. Keys not given here come from the AWS chain (variables, profile, role)."""

    model_config = SettingsConfigDict(
        env_prefix="TRACKWAY_S3_", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    access_key_id: SecretStr | None = None

    secret_access_key: SecretStr | None = None

    session_token: SecretStr | None = None

    presign_endpoint: str = ""
    """Where clients reach the bucket: `https://HOST`, or `same` for where the server does (see the blob URL). They may
    then be given addresses of single blobs, for a while, and fetch and send files without the server between; where
    this is empty they are not."""

    presign_lifetime_s: int = Field(default=900, ge=30, le=3600)
    """For how long those addresses hold at most, in seconds: also for somebody whose role is taken away meanwhile. An
    upload of MLflow's clients must have begun its last part by then."""

    presign_max_bytes: int = Field(default=1 << 40, ge=1)
    """The greatest file that is taken from such addresses."""

    part_bytes: int = Field(default=8 << 20, ge=5 << 20, le=512 << 20)
    """The size of an upload's parts. S3 takes at least 5 MiB, and 10,000 parts a file."""

    patience_s: float = Field(default=45.0, gt=0, le=600)
    """How long a transfer waits for an S3 server that is away, in seconds, before it is refused."""
