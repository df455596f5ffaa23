"""Settings of Tracking."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class TrackingSettings(BaseSettings):
    """Read from the environment where not given: TRACKWAY_DATA_DIR, TRACKWAY_TRACKING_…"""

    model_config = SettingsConfigDict(env_prefix="TRACKWAY_TRACKING_", populate_by_name=True, extra="ignore")

    data_dir: Path = Field(default=Path("trackway-data"), validation_alias="TRACKWAY_DATA_DIR")
    """Where `tracking.db` lies."""
    database_url: SecretStr | None = Field(default=None, validation_alias="TRACKWAY_DATABASE_URL")
    """A PostgreSQL database, used instead of that file: its schema `tracking`, which must be migrated."""
    fold_interval_seconds: float = Field(default=1.0, gt=0)
    """How often new points are folded into the summaries of active runs."""
    retention_seconds: float = Field(default=30 * 86_400.0, ge=0)
    """How long deleted runs are kept before they go for good."""
    compaction_quiet_seconds: float = Field(default=60.0, gt=0)
    """How long a run must be silent before its last points are compacted; those of a busy one are in large parts."""
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

    @property
    def database_path(self) -> Path:
        """The database file."""
        return self.data_dir / "tracking.db"
