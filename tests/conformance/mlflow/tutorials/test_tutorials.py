"""MLflow's own tutorials, run as they are: with Trackway they print and leave what they do with MLflow's own server.

Nothing of them is kept here: TRACKWAY_MLFLOW_DOCS names a checkout of MLflow, of which `pages.json` lists the pages by
their paths, with reasons where one is skipped (`skipped`), needs more (`needs`, `netrc`), is run without some of its
steps (`without`, a pattern), writes outside of its folder (`leaves`), wants other variables (`environment`), is
compared less strictly (`chance`, `parallel`, `unordered`, `unprinted`), or has differences that are `known`, each a
pattern: where we mean to differ, or chance does. TRACKWAY_MLFLOW_PYTHON is the Python that runs them (that of `make
test-mlflow` unless it is given); a page for which it lacks a library is skipped, and one of which no step runs with
either server. TRACKWAY_TUTORIALS_REPORT is a folder for a report.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.mlflow.differential.servers import mlflow_server, our_server, present
from conformance.mlflow.tutorials import stand_ins
from conformance.mlflow.tutorials.left import same, unequal
from conformance.mlflow.tutorials.playing import LIMIT_SECONDS, Played, play
from support.mlflow_environment import LIBRARIES, MLFLOW2

DOCS = os.environ.get("TRACKWAY_MLFLOW_DOCS", "")
PYTHON = Path(os.environ.get("TRACKWAY_MLFLOW_PYTHON", LIBRARIES))
REPORT = os.environ.get("TRACKWAY_TUTORIALS_REPORT", "")
LISTED: dict[str, Any] = json.loads(Path(__file__).with_name("pages.json").read_text())

if not DOCS:
    pytest.skip("TRACKWAY_MLFLOW_DOCS names no checkout of MLflow: make test-mlflow-tutorials", allow_module_level=True)

pytestmark = [
    pytest.mark.skipif(not present() or not PYTHON.exists(), reason="MLflow is missing here: make bench test-mlflow"),
    pytest.mark.timeout(3 * LIMIT_SECONDS),
]


def runs() -> list[object]:
    found: list[object] = []
    for path, about in LISTED["pages"].items():
        for version in about.get("mlflow", [3]):
            found.append(pytest.param(path, version, id=f"{path} mlflow{version}"))
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    stand_ins.made(folder, PYTHON)
    return folder


@pytest.mark.parametrize(("path", "version"), runs())
def test_as_with_mlflows_own_server(path: str, version: int, data: Path, tmp_path: Path) -> None:
    about, page = LISTED["pages"][path], Path(DOCS, path)
    python = PYTHON if version == 3 else MLFLOW2
    if "skipped" in about:
        pytest.skip(about["skipped"])
    if not page.exists():
        pytest.skip(f"{page} is not there")
    for library in about.get("needs", []):
        if subprocess.run([python, "-c", f"import {library}"], capture_output=True).returncode:
            pytest.skip(f"{python} has no {library}")
    with mlflow_server(tmp_path) as server:
        theirs = play(page, server, python, tmp_path / "theirs", data, about)
    with our_server() as server:
        ours = play(page, server, python, tmp_path / "ours", data, about)
    known = [each["difference"] for each in about.get("known", [])]
    found = [line for line in differences(theirs, ours, about) if not any(re.search(each, line) for each in known)]
    if REPORT:
        reported(Path(REPORT), path, version, theirs, ours, found)
    assert not found, "\n".join(found)
    assert theirs.steps, "not a step of it is for Python"
    if all(step["failure"] for step in theirs.steps):
        pytest.skip(f"alike with both, but not a step of it runs: {theirs.steps[0]['failure']}")


def differences(theirs: Played, ours: Played, about: dict[str, Any]) -> Iterator[str]:
    """Of what steps did, of what they printed, of what is left."""
    numbers = "chance" not in about
    for one, other in zip(theirs.steps, ours.steps, strict=True):
        place = one["name"]
        kinds = [(step["failure"].get("type"), step["failure"].get("code")) for step in (one, other)]
        if kinds[0] != kinds[1]:
            yield f"{place}: with MLflow {one['failure'] or 'it succeeds'}, here {other['failure'] or 'it succeeds'}"
        said, answered = (printed(step["printed"], ordered="unordered" not in about) for step in (one, other))
        if "unprinted" not in about:
            yield from unequal(f"{place} prints", said, answered, numbers=numbers)
    yield from unequal("left", theirs.left, ours.left, numbers=numbers)


def printed(text: str, *, ordered: bool) -> list[str]:
    """Its lines, the words of each in the order of the alphabet, without the brackets of whatever was first or last: in
    which order a run has its tags, a model its metrics, a table of runs its columns is promised by nobody.

    Where the lines have no order either, it does not matter which row of a table one is.
    """
    lines = [line for line in same(text).splitlines() if not line.startswith(("🏃 View run", "🧪 View experiment"))]
    if not ordered:
        lines = [re.sub(r"^\d+ +", "", line) for line in lines]
    words = [" ".join(sorted(word.strip("[](){}<>,") for word in line.split())) for line in lines]
    return words if ordered else sorted(words)


def reported(folder: Path, path: str, version: int, theirs: Played, ours: Played, found: list[str]) -> None:
    """A file for a page: how many of its steps run with MLflow's server, and with ours."""
    folder.mkdir(parents=True, exist_ok=True)
    both = {"theirs": theirs, "ours": ours}
    name = f"{path.replace('/', '_')}.{version}"
    said = {
        "page": path,
        "mlflow": version,
        "steps": len(theirs.steps),
        "ran": {who: sum(not step["failure"] for step in played.steps) for who, played in both.items()},
        "seconds": {who: round(sum(step["seconds"] for step in played.steps), 1) for who, played in both.items()},
        "left": {kind: len(value) for kind, value in ours.left.items()},
        "failed with both": [f"{step['name']}: {step['failure']}" for step in theirs.steps if step["failure"]],
        "differences": found,
    }
    (folder / f"{name}.json").write_text(json.dumps(said, indent=1))
    (folder / f"{name}.log").write_text(f"{theirs.errors}\n=======\n{ours.errors}")
