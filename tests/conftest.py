"""What every test may rely on: nothing of the person who runs the tests is read or written."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.migrated import MigratedOnce
from support.seaweed import Seaweed, running_seaweed


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A module whose tests share a server runs on one worker: each worker would start a server of its own."""
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("xdist_group") is None and _shares(item):
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}.{item.path.stem}"))


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: looking through it for garbage again and again took a fifth of
    the processor time of the tests."""
    gc.collect()
    gc.freeze()


def _shares(item: pytest.Function) -> bool:
    made = item._fixtureinfo.name2fixturedefs.values()
    return any(definitions[-1].scope == "module" for definitions in made)


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


@pytest.fixture(scope="session", autouse=True)
def migrated_once(own_home: Path) -> Iterator[None]:
    """No test waits for the migrations of an empty SQLite file, save the first."""
    (folder := own_home / "migrated").mkdir()
    with MigratedOnce(folder).everywhere():
        yield


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    """An S3 server for all tests of a worker that ask for one. A test that ends it starts it again."""
    with running_seaweed() as server:
        yield server
