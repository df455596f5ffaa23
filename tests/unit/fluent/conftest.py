"""No server, no uplink: what the fluent functions record is read back from the spool."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackway._fluent import open_runs, report


@pytest.fixture(autouse=True)
def spools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The root of the spools; runs left open are ended."""
    for name in [name for name in os.environ if name.startswith(("TRACKWAY_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    root = tmp_path / "spools"
    monkeypatch.setenv("TRACKWAY_SPOOL_DIR", str(root))
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")
    monkeypatch.setattr(report, "_told", set())
    yield root
    open_runs.end_open_runs(None)
    open_runs.threads.__dict__.clear()
    for name in ("TRACKWAY_EXPERIMENT_NAME", "TRACKWAY_EXPERIMENT_ID", "TRACKWAY_URI"):
        os.environ.pop(name, None)
