"""What every test may rely on: nothing of the person who runs the tests is read or written."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.seaweed import Seaweed, running_seaweed


@pytest.fixture(scope="session", autouse=True)
def own_home() -> Iterator[Path]:
    """Profile, spools, sockets: all in a folder that goes away. An uplink left over ends by itself, soon."""
    folder = Path(tempfile.mkdtemp(prefix="trackway-tests-"))
    kept = dict(os.environ)
    for name in [
        name for name in os.environ if name.startswith(("TRACKWAY_", "MLFLOW_")) and name != "TRACKWAY_FAULTS"
    ]:
        del os.environ[name]
    for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        (folder / name).mkdir(mode=0o700)
        os.environ[name] = str(folder / name)
    os.environ["TRACKWAY_UPLINK_IDLE"] = "1"
    os.environ["TRACKWAY_CAPTURE_SOURCE"] = "tags"  # no process beside every run: the tests of that ask for it
    yield folder
    os.environ.clear()
    os.environ.update(kept)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    """An S3 server for all tests of a worker that ask for one. A test that ends it starts it again."""
    with running_seaweed() as server:
        yield server
