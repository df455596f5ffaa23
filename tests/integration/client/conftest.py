"""What tests of the fluent functions share: a server for a module, and spools of each test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import trackway
from trackway._fluent import open_runs
from trackway.testing import LocalServer


@pytest.fixture(scope="module")
def local_server() -> Iterator[LocalServer]:
    """A server for the tests of a module."""
    with LocalServer() as running:
        yield running


@pytest.fixture
def spools(local_server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The fluent functions speak to the module's server; where their spools are. Nothing of a test is left."""
    monkeypatch.setenv("TRACKWAY_URI", local_server.uri)
    monkeypatch.setenv("TRACKWAY_PROFILE", str(local_server.profile))
    monkeypatch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path / "spools"))
    yield tmp_path / "spools"
    trackway.clear_active_model()
    open_runs.end_open_runs(None)
    for name in ("TRACKWAY_EXPERIMENT_NAME", "TRACKWAY_EXPERIMENT_ID"):
        os.environ.pop(name, None)


@pytest.fixture
def client(spools: Path) -> Iterator[trackway.Client]:
    """A client of the module's server."""
    with trackway.Client() as opened:
        yield opened
