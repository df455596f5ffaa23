"""Settings of the registry, from `TRACKWAY_REGISTRY_…` environment variables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class RegistrySettings(BaseSettings):
    """What may be set of the registry."""

    model_config = SettingsConfigDict(env_prefix="TRACKWAY_REGISTRY_", extra="ignore", frozen=True)

    data_dir: Path
    """Holds `registry.db`."""

    database_url: SecretStr | None = None
    """A PostgreSQL database, used instead of that file: its schema `registry`, which must be migrated."""

    service_key: SecretStr | None = None
    """The API key of the registry's own service account, presented beside the caller's token when it asks Tracking
    and the ArtifactStore; None: it presents the caller's alone."""

    upstream_timeout_s: float = Field(default=15.0, gt=0)
    """How long Tracking and the ArtifactStore may take to answer, each, in seconds."""

    fold_interval_seconds: float = Field(default=1.0, gt=0)
    """How often new points are folded into the summaries of versions that are written."""

    compaction_quiet_seconds: float = Field(default=60.0, gt=0)
    """How long a version must be silent before its last points are compacted."""

    compaction_busy_share: float = Field(default=0.2, gt=0, le=1)
    """Which part of the time compaction works while points come in."""

    held_bytes_per_stream: int = Field(default=8 * 1024 * 1024, ge=1024 * 1024)
    """What one Ingest stream may hold in memory of records not yet stored."""

    held_bytes_per_principal: int = Field(default=256 * 1024 * 1024, ge=1024 * 1024)
    """The same of all Ingest streams of one principal together; beyond it none of them is read from."""

    max_append_bytes: int = Field(default=8 * 1024 * 1024, ge=4 * 1024 * 1024, le=15 * 1024 * 1024)
    """Greatest append that is taken, told to clients when they open a stream."""

    unused_writer_seconds: float = Field(default=86_400.0, ge=60)
    """How long a writer that was opened and has sent nothing is remembered."""

    max_series_per_writer: int = Field(default=1_000_000, ge=1, le=2**24)
    """How many series one writer may define."""

    max_watchers: int = Field(default=1_000, ge=1)
    """Watches beyond this are refused with LIMIT_EXCEEDED."""

    watch_poll_s: float = Field(default=1.0, gt=0)
    """How often to look for events that other replicas have committed, in seconds; own ones are streamed at once."""

    watch_bookmark_s: float = Field(default=10.0, gt=0, le=10.0)
    """How often a watch says that it lives, in seconds."""

    webhook_allow_http: bool = False
    """Whether webhooks may be sent over http://, which anybody on the way can read and change."""

    webhook_allow_private_hosts: bool = False
    """Whether webhooks may be sent to private and loopback addresses: then whoever administers a workspace can have
    this server call what lies inside its network."""

    webhook_ca_file: Path | None = None
    """Certificates (PEM) that receivers of webhooks are trusted by, in place of the system's."""

    webhook_key_file: Path | None = None
    """Keys that the secrets of webhooks are kept with, one a line, made by `openssl rand -base64 32 | tr +/ -_`: the
    first encrypts, all decrypt; with PostgreSQL the same for all replicas. None: `webhook.key` in the data directory,
    made where there is none; with PostgreSQL: webhooks have no secrets."""

    webhook_timeout_s: float = Field(default=10.0, gt=0, le=60)
    """How long one delivery may take, in seconds."""

    webhook_deliveries_at_once: int = Field(default=32, ge=1, le=1000)
    """How many webhooks this server delivers to at once; of one workspace half as many, and of those that failed when
    they were tried last."""

    webhook_first_pause_s: float = Field(default=1.0, gt=0)
    """How long to wait before an event is tried a second time, in seconds; then twice as long each time."""

    webhook_longest_pause_s: float = Field(default=3600.0, gt=0)
    """The longest such pause, in seconds."""
