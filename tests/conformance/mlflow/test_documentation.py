"""The examples of MLflow's documentation, run as they are: they print here what they print with MLflow.

They are those of the API reference of tracking and the registry, read from the installed MLflow. What they print with
MLflow's own store is in `examples.json`; those that fail there, too, are not.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.mlflow_environment import LIBRARIES, ROOT, interpreter, needs_libraries, plugin, quiet, rest, variables
from trackway.testing import LocalServer

pytestmark = [needs_libraries, pytest.mark.xdist_group("mlflow libraries"), pytest.mark.timeout(900)]

RUNNER = ROOT / "tests" / "support" / "mlflow_examples.py"
GOLD: dict[str, Any] = json.loads(Path(__file__).with_name("examples.json").read_text())
DIFFERENT = {
    "tracking.client.delete_tag 0": "MLflow's HTTP client takes no number as a tag: TypeError",
    "_model_registry.fluent.search_model_versions 0": "numbers of a name go on where a model of that name is gone",
}
OVER_THE_PLUGIN = ("start_run", "search_runs", "log_batch", "log_inputs", "log_table", "search_experiments", "log_dict")
"""Some of each kind: its stories have the rest."""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


def printed(python: Path, names: list[str], home: Path, variables_of: dict[str, str]) -> dict[str, str]:
    """What the examples of these names print. None may fail."""
    done = subprocess.run(
        [python, RUNNER, home / "examples", *names],
        env=variables(home, {**quiet(), **variables_of}),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each for each in answers if each["failure"]] == [], done.stderr
    return {each["name"]: each["printed"] for each in answers}


def test_of_the_same_mlflow() -> None:
    """`examples.json` is made anew when MLflow is another: mlflow_examples.py says how."""
    asked = [LIBRARIES, "-c", "import mlflow; print(mlflow.__version__)"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() == GOLD["mlflow"]


def test_over_mlflows_rest_api(server: LocalServer, tmp_path: Path) -> None:
    expected = {name: text for name, text in GOLD["printed"].items() if name not in DIFFERENT}
    assert printed(LIBRARIES, list(expected), tmp_path, rest(server)) == expected


def test_over_the_plugin(server: LocalServer, tmp_path: Path) -> None:
    python = interpreter(tmp_path, LIBRARIES)
    names = [name for name in GOLD["printed"] if name.split()[0].rpartition(".")[2] in OVER_THE_PLUGIN]
    assert printed(python, names, tmp_path, plugin(server)) == {name: GOLD["printed"][name] for name in names}
