"""Runs a page of MLflow's documentation against one server, and keeps what it said and left."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.mlflow.differential.playing import Server
from conformance.mlflow.tutorials.left import Left, left_on
from conformance.mlflow.tutorials.pages import steps
from support.mlflow_environment import ROOT, quiet, variables

_RUNNER = ROOT / "tests" / "support" / "mlflow_tutorial.py"
_SITE = ROOT / "tests" / "support" / "tutorial_site"
LIMIT_SECONDS = 1200


@dataclass(frozen=True, slots=True)
class Played:
    """What each step answered, by its place; what then was on the server; and the end of what went to stderr."""

    steps: list[dict[str, Any]]
    left: Left
    errors: str


def play(page: Path, server: Server, python: Path, home: Path, data: Path, about: dict[str, Any]) -> Played:
    """Run a page in a folder of its own below `home`: of a script, a copy of its folder, for it has files beside it.

    `about` is what `pages.json` says of it.

    Raises RuntimeError where its process ends before the page does, or what it will write elsewhere is there already.
    """
    elsewhere = [Path(each) for each in about.get("leaves", ())]
    if there := [str(each) for each in elsewhere if each.exists()]:
        raise RuntimeError(f"{page} writes {', '.join(there)}: take away what is there")
    try:
        return _played(page, server, python, home, data, about)
    finally:
        for each in elsewhere:
            shutil.rmtree(each, ignore_errors=True)


def _played(page: Path, server: Server, python: Path, home: Path, data: Path, about: dict[str, Any]) -> Played:
    place = home / "page"
    if page.suffix == ".py":
        shutil.copytree(page.parent, place)
    else:
        place.mkdir(parents=True)
    for name in ("FashionMNIST", "MNIST"):  # of one form
        shutil.copytree(data / "FashionMNIST", place / "data" / name)
    asked = [dataclasses.asdict(step) for step in steps(page, about.get("without", ""))]
    if "netrc" in about:
        _as_netrc(home, server)
    (home / "steps.json").write_text(json.dumps(asked))
    done = subprocess.run(
        [python, _RUNNER, home / "steps.json", home / "answers.json"],
        env={**_environment(server, python, home, data), **about.get("environment", {})},
        cwd=place,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    answers = json.loads((home / "answers.json").read_text()) if (home / "answers.json").exists() else []
    if done.returncode or len(answers) != len(asked):
        raise RuntimeError(f"{page} ended with {done.returncode} at step {len(answers)}: {done.stderr[-3000:]}")
    return Played(answers, left_on(server, parallel="parallel" in about), done.stderr)


def _as_netrc(home: Path, server: Server) -> None:
    """Where pages that know nothing of tokens find one: requests looks there."""
    lines = [f"machine {host} login reader password {_token(server)}" for host in ("localhost", "127.0.0.1")]
    (home / ".netrc").write_text("\n".join(lines) + "\n")
    (home / ".netrc").chmod(0o600)


def _token(server: Server) -> str:
    return server.headers.get("authorization", "").removeprefix("Bearer ")


def _environment(server: Server, python: Path, home: Path, data: Path) -> dict[str, str]:
    address = urlsplit(server.url)
    token = _token(server)
    own = {
        "MLFLOW_TRACKING_URI": server.url,
        "PYTHONPATH": str(_SITE),
        "PYTHONHASHSEED": "0",
        "TRACKWAY_TUTORIAL_PORT": str(address.port),
        "TRACKWAY_TUTORIAL_DATA": str(data),
        "SCIKIT_LEARN_DATA": str(data),
        "PATH": os.pathsep.join([str(python.parent), os.environ.get("PATH", "")]),
        "USER": "reader",
        "LOGNAME": "reader",
    }
    return variables(home, {**quiet(), **own, **({"MLFLOW_TRACKING_TOKEN": token} if token else {})})
