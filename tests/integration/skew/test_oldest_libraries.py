"""The client on the oldest protobuf and grpcio that it supports, against the server of today."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from support.load_process import TESTS
from trackway.testing import LocalServer

ROOT = TESTS.parent
PINS = dict(re.findall(r"^(\w+)==([\d.]+)$", (ROOT / "requirements" / "skew.in").read_text(), re.MULTILINE))
# Asked before conftest.py takes the variables of the tester away.
PYTHON = os.environ.get("TRACKWAY_SKEW_PYTHON", "")

pytestmark = pytest.mark.skipif(not PYTHON, reason="needs an environment of its own: make test-skew")


def python(server: LocalServer, spools: Path, *words: str) -> str:
    """What the old client's Python prints; it gets the client of this checkout and nothing else of it."""
    paths = os.pathsep.join([str(ROOT / "client"), str(TESTS)])
    own = {"TRACKWAY_URI": server.uri, "TRACKWAY_TOKEN": server.token, "TRACKWAY_SPOOL_DIR": str(spools)}
    told = subprocess.run(
        [str(ROOT / PYTHON), *words],
        env={**os.environ, **own, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_ingestion_reads_files_and_registry(tmp_path: Path) -> None:
    with LocalServer() as server:
        story = json.loads(python(server, tmp_path, "-m", "support.client_story", "8").splitlines()[-1])
        assert {name: story[name] for name in ("protobuf", "grpcio")} == {
            name: PINS[name] for name in ("protobuf", "grpcio")
        }
        runs = json.loads(python(server, tmp_path, "-m", "trackway.cli.main", "runs", "list", "--json"))
        assert [run["info"]["run_id"] for run in runs] == [story["run"]]


def test_the_pins_are_the_lower_bounds_of_the_client() -> None:
    declared = (ROOT / "pyproject.toml").read_text().partition("dependencies = [")[2].partition("]")[0]
    bounds = dict(re.findall(r'"(protobuf|grpcio)>=([\d.]+)', declared))
    assert {name: PINS[name].startswith(bound) for name, bound in bounds.items()} == {"protobuf": True, "grpcio": True}
