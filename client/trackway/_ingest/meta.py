"""`meta.json`: who writes a spool, and for which server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from trackway._ingest import liveness
from trackway._ingest.spool import REGISTRY, TRACKING


class SpoolDamaged(Exception):
    """The spool cannot be read on: a part is missing or is not this writer's. The message says which."""


@dataclass(frozen=True, slots=True)
class Meta:
    """Who writes a spool, for which server."""

    run_id: str
    writer_id: str
    workspace: str
    uri: str
    owns_run: bool
    labels: dict[str, str]
    pid: int
    pid_started: int
    boot: str
    machine: str
    created_us: int
    service: str = TRACKING
    """`registry` where `run_id` is NAME/VERSION, a version of a registered model."""

    @classmethod
    def read(cls, directory: Path) -> Meta:
        """Read `meta.json`. Raises OSError where there is none, SpoolDamaged where it is not one of version 1."""
        raw = (directory / "meta.json").read_bytes()
        try:
            fields = json.loads(raw)
            version = fields.pop("version")
            if version == 1 and fields.get("service", TRACKING) in (TRACKING, REGISTRY):
                return cls(**fields)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SpoolDamaged(f"{directory}/meta.json is not that of a spool") from None
        raise SpoolDamaged(f"{directory} has spool format {version}; this version of trackway reads format 1")

    def writer_is_alive(self) -> bool:
        """Whether the writing process may still append. Where that cannot be known, yes."""
        return liveness.is_alive(pid=self.pid, started=self.pid_started, boot_id=self.boot, machine_id=self.machine)

    def writer_is_seen(self) -> bool:
        """Whether the writing process is known to live: that of another machine is not."""
        return self.machine == liveness.machine() and self.writer_is_alive()
