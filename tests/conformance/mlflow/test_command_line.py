"""The command line of MLflow, 3 and 2: what it prints and leaves with our server is what it does with MLflow's own.

Its other commands are MLflow's server's own (`server`, `gc`, `db`, `migrate-filestore`), of GenAI, or need a network.
"""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from conformance.mlflow.differential.playing import Server
from conformance.mlflow.differential.servers import mlflow_server, our_server, present
from support.mlflow_environment import MISSING, ROOT, clients, quiet, variables
from support.mlflow_examples import same

COMMANDS = ROOT / "tests" / "support" / "mlflow_commands.py"
WORDS_OF_OURS = {
    "experiments create -n fruit": "RESOURCE_ALREADY_EXISTS",
    "artifacts download -r {run} -a none -d nothing": "404 Client Error",
    "experiments rename -x {experiment} --new-name Default": "",
}
"""Refusals that both print, in other words, and what of these is in both."""
_TIME = re.compile(r"\d{4}[-/]\d\d[-/]\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00)?")


def told(python: Path, server: Server, folder: Path) -> Any:
    """What `python` says of the commands at a server, without what no two runs have alike."""
    work, home = folder / "work", folder / "home"
    work.mkdir(parents=True)
    home.mkdir()
    key = server.headers.get("authorization", "").removeprefix("Bearer ")
    address = {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_TRACKING_TOKEN": key}
    environment = variables(home, {**quiet(), **{name: value for name, value in address.items() if value}})
    environment["PATH"] = f"{python.parent}:{environment['PATH']}"  # a project calls `python`
    done = subprocess.run(
        [python, COMMANDS, work], env=environment, cwd=home, capture_output=True, text=True, timeout=800
    )
    assert done.returncode == 0, done.stderr
    text = (work / "answers.json").read_text()
    return json.loads(text.replace(str(folder), "FOLDER").replace(server.url, "URL"))


def plain(printed: str) -> str:
    """Without times and the widths of tables, which follow names."""
    text = _TIME.sub("TIME", printed)
    return re.sub(r"-{4,}", "----", re.sub(r"[ \n]+", " ", same(text)))


def table(text: str) -> list[dict[str, str]]:
    """The rows of a CSV file, whichever order its columns have."""
    return [{name: plain(value) for name, value in row.items()} for row in csv.DictReader(io.StringIO(text))]


@pytest.mark.timeout(900)
@pytest.mark.skipif(not present(), reason=MISSING)
@pytest.mark.parametrize("python", clients("mlflow commands"))
def test_every_command(python: Path, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with our_server() as ours, mlflow_server(tmp_path / "server") as theirs, ThreadPoolExecutor(2) as pool:
        one, other = pool.map(told, (python, python), (theirs, ours), (tmp_path / "theirs", tmp_path / "ours"))
    assert len(one["answers"]) == len(other["answers"]) > 45
    pairs = list(zip(one["answers"], other["answers"], strict=True))
    other_words = [f"{one}\n{other}" for one, other in pairs if not alike(one, other)]
    assert not other_words, "\n\n".join(other_words)
    assert other["left"].keys() == one["left"].keys()
    for name, text in one["left"].items():
        assert table(other["left"][name]) == table(text) if name.endswith(".csv") else other["left"][name] == text


def alike(expected: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Whether a command ended alike, in the same words."""
    command, printed = answer["command"], (expected["printed"], answer["printed"])
    if answer["status"] != expected["status"]:
        return False
    if command.startswith("experiments csv"):
        return table(printed[0]) == table(printed[1])
    if plain(printed[0]) == plain(printed[1]):
        return True
    return answer["status"] != 0 and all(WORDS_OF_OURS.get(command, "\0") in text for text in printed)
