"""The tutorial as a script of its own: with a server, and without one until later."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import trackway
from trackway.client import Client
from trackway.testing import LocalServer

TUTORIAL = Path(__file__).with_name("ngram_tutorial.py")
TEXT = Path(__file__).parents[2] / "LICENSE"
ARGUMENTS = [str(TEXT), "4", "0.01"]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def spools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path / "spools"))
    return tmp_path / "spools"


def script(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, *command], env={**os.environ, **variables}, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result


def check_all_is_there(server: LocalServer, monkeypatch: pytest.MonkeyPatch, runs_before: int) -> None:
    monkeypatch.setenv("TRACKWAY_URI", server.uri)
    monkeypatch.setenv("TRACKWAY_TOKEN", server.token)
    with Client(server.uri, token=server.token) as client:
        runs = list(client.tracking.search_runs(["0"]))
        assert len(runs) == runs_before + 1
        run = client.tracking.get_run(runs[0].info.run_id)
        files = [file.path for file in client.artifacts.list(run.info.run_id, "model", recursive=True)]
    assert run.info.status == "FINISHED"
    assert run.info.refused_count == 0
    assert run.data.params == {"data_file": str(TEXT), "n": "4", "learn_rate": "0.01"}
    assert 0 < run.data.metrics["score"] <= 1
    assert run.data.tags["mlflow.source.name"] == str(TUTORIAL)
    assert files == sorted(
        f"model/{name}" for name in ("MLmodel", "conda.yaml", "model.pkl", "python_env.yaml", "requirements.txt")
    )
    check_predictions(f"runs:/{run.info.run_id}/model")


def check_predictions(model_uri: str) -> None:
    contexts = [{"0": "t", "1": "h", "2": "e"}, {"0": " ", "1": "o", "2": "f"}]
    letters = trackway.sklearn.load_model(model_uri).predict(contexts).tolist()
    assert all(len(letter) == 1 for letter in letters)
    assert trackway.pyfunc.load_model(model_uri).predict(contexts).tolist() == letters


def test_with_a_server(server: LocalServer, spools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(server.uri, token=server.token) as client:
        before = len(list(client.tracking.search_runs(["0"])))
    result = script(str(TUTORIAL), *ARGUMENTS, TRACKWAY_URI=server.uri, TRACKWAY_PROFILE=str(server.profile))
    assert result.stderr == ""
    check_all_is_there(server, monkeypatch, before)


def test_without_a_server_then_sync(server: LocalServer, spools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else can answer there
        taken.bind(("127.0.0.1", 0))
        nowhere = f"trackway://127.0.0.1:{taken.getsockname()[1]}"
        result = script(str(TUTORIAL), *ARGUMENTS, TRACKWAY_URI=nowhere)
    (line,) = result.stderr.splitlines()
    assert line.startswith("trackway: run ")
    assert "trackway server" in line
    assert "trackway sync" in line
    with Client(server.uri, token=server.token) as client:
        before = len(list(client.tracking.search_runs(["0"])))
    synced = script("-m", "trackway.cli.main", "sync", "--uri", server.uri, TRACKWAY_PROFILE=str(server.profile))
    assert "1 of 1 spools are on the server" in synced.stdout, synced.stdout + synced.stderr
    check_all_is_there(server, monkeypatch, before)
