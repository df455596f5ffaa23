"""Commands that are written wrongly, find nothing, or whose reader goes away: one clear line and the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trackway.client import Client
from trackway.testing import LocalServer

TRACKWAY = [sys.executable, "-c", "from trackway.cli.main import main; main()"]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module")
def run_id(server: LocalServer) -> str:
    """A run of which nothing is known."""
    with Client(server.uri, token=server.token) as client:
        return client.tracking.create_run(run_name="bare").info.run_id


@pytest.fixture
def variables(server: LocalServer, tmp_path: Path) -> dict[str, str]:
    chosen = {"TRACKWAY_URI": server.uri, "TRACKWAY_PROFILE": str(server.profile), "TRACKWAY_SPOOL_DIR": str(tmp_path)}
    return {**os.environ, **chosen}


@pytest.fixture
def trackway(variables: dict[str, str]) -> Run:
    def run(*arguments: str | bytes) -> tuple[int, str, str]:
        done = subprocess.run([*TRACKWAY, *arguments], env=variables, capture_output=True, timeout=120)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return run


def test_nothing_to_show_is_said(trackway: Run, run_id: str) -> None:
    for arguments, told in (
        (("runs", "describe", run_id), "trackway: the run has no note: give one as TEXT\n"),
        (("experiments", "describe", "0"), "trackway: the experiment has no note: give one as TEXT\n"),
        (("runs", "metrics", run_id), "trackway: the run has no metrics\n"),
    ):
        assert trackway(*arguments) == (0, "", told)
    for arguments in (("runs", "logs", run_id), ("runs", "logs", run_id, "--json", "--rank", "1")):
        code, out, error = trackway(*arguments)
        assert (code, out) == (0, "") and "nothing was recorded" in error
    for arguments, value in (
        (("runs", "describe", run_id, "--json"), {"description": ""}),
        (("experiments", "describe", "Default", "--json"), {"description": ""}),
        (("runs", "metrics", run_id, "--json"), []),
    ):
        code, out, _ = trackway(*arguments)
        assert (code, json.loads(out)) == (0, value)


HUGE = "9" * 25


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("runs", "list", "-n", HUGE), 2),
        (("runs", "logs", "0" * 32, "--tail", HUGE), 2),
        (("runs", "metrics", "0" * 32, "--steps", f":{HUGE}"), 2),
        (("models", "metrics", "m", HUGE), 2),
        (("runs", "list", "-e", ""), 2),
        (("runs", "list", "-e", "999"), 1),
        (("experiments", "describe", ""), 2),
        (("runs", "show", b"\xff\xfe"), 2),
        (("import", "mlflow", ""), 2),
        (("gc", "--data-dir", "/nowhere"), 1),
        (("gc", "--older-than", "x"), 2),
    ],
)
def test_what_is_written_wrongly(trackway: Run, arguments: tuple[str | bytes, ...], code: int) -> None:
    found, out, error = trackway(*arguments)
    assert (found, out) == (code, "")
    assert "Traceback" not in error and error.strip()
    if arguments[0] == "gc":
        assert "trackway gc: " in error and "server" not in error


def test_nobody_reads(variables: dict[str, str], run_id: str) -> None:
    """A pipe that is closed, an output that is closed, and a disk that is full end a command in one line at most."""
    for shown in ("", "--json"):
        command = " ".join([*TRACKWAY[:2], f"'{TRACKWAY[2]}'", "runs", "show", run_id, shown])
        for ending in (f"{command} | true", f"{command} >&-", f"{command} >/dev/full"):
            done = subprocess.run(ending, shell=True, env=variables, capture_output=True, text=True, timeout=120)
            assert len(done.stderr.splitlines()) <= 1, done.stderr
            assert "Traceback" not in done.stderr


def test_a_narrow_terminal_shows_whole_ids(run_id: str, variables: dict[str, str]) -> None:
    command = [sys.executable, "-c", NARROW]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)
    assert run_id in done.stdout and "Not shown: Name" in done.stdout.replace("\n", " "), done.stdout + done.stderr


NARROW = """
from rich.console import Console
from trackway.cli import output
output.console = lambda: Console(width=40, highlight=False)
from trackway.cli.commands import app
app(["runs", "list"])
"""
