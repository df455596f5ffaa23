"""The command line without a server: help, versions, exit codes, and what is loaded for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = ["server", "gc", "demo", "sync", "experiments", "runs", "models", "auth", "import", "version", "doctor"]


def trackway(*arguments: str, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the console script's function in a fresh process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")}
    script = "from trackway.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**kept, "COLUMNS": "120", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_help_names_every_command() -> None:
    out = trackway("--help").stdout
    for command in COMMANDS:
        assert f" {command} " in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    assert "--help" in trackway(command, "--help").stdout


def test_help_loads_neither_grpc_nor_numpy_nor_the_server() -> None:
    script = (
        "import sys\n"
        "sys.argv = ['trackway', '--help']\n"
        "from trackway.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'grpc', 'google.protobuf', 'numpy', 'sqlalchemy', 'trackway_server', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)


def test_version() -> None:
    assert trackway("version").stdout.strip()[0].isdigit()
    assert set(json.loads(trackway("version", "--json").stdout)) >= {"trackway", "python", "grpcio", "protobuf"}


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["runs", "nonsense"], ["runs", "list", "--limit", "0"], ["runs", "show"]]
)
def test_what_is_written_wrongly_is_exit_code_2(arguments: list[str]) -> None:
    done = trackway(*arguments, code=2)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://127.0.0.1:7700", "trackway://"),
        ("nonsense", "trackway://"),
        ("trackway://127.0.0.1:1", "127.0.0.1:1"),
    ],
)
def test_a_wrong_or_absent_server_is_one_clear_line(uri: str, said: str, tmp_path: Path) -> None:
    profile = str(tmp_path / "profile.toml")
    done = trackway("experiments", "list", "--uri", uri, code=1, TRACKWAY_PROFILE=profile)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("trackway: ")
    assert said in done.stderr


def test_a_server_that_is_refused_is_exit_code_2() -> None:
    done = trackway("server", "--target", "nonsense", code=2)
    assert done.stderr.startswith("trackway server: --target nonsense")


def test_sync_of_nothing(tmp_path: Path) -> None:
    done = trackway("sync", TRACKWAY_SPOOL_DIR=str(tmp_path / "spools"), TRACKWAY_PROFILE=str(tmp_path / "p.toml"))
    assert done.stdout == "There is nothing to send.\n"
    done = trackway("sync", str(tmp_path), "--json", TRACKWAY_PROFILE=str(tmp_path / "p.toml"))
    assert json.loads(done.stdout) == {"ok": True, "spools": []}


def test_sync_of_a_path_that_is_not_there() -> None:
    assert "does not exist" in trackway("sync", "/no/such/place", code=2).stderr
