"""What a run tells of its source: a real repository, a real training process, a real uplink and server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.repositories import git, repository
from support.training import environment, wait_until
from trackway.client import Client
from trackway.testing import LocalServer
from trackway.types import Run

SCRIPT = """
import os, sys, trackway
with trackway.start_run() as run:
    trackway.log_metric("loss", 1.0)
    with trackway.start_run(nested=True) as inner:
        trackway.log_metric("loss", 2.0)
    child = os.fork()
    if not child:
        run.log_metric("loss", 3.0)
        os._exit(0)
    os.waitpid(child, 0)
print(run.info.run_id, inner.info.run_id)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: LocalServer) -> Iterator[Client]:
    with Client(server.uri, token=server.token) as opened:
        yield opened


def trained(server: LocalServer, folder: Path, spools: Path, *arguments: str, **variables: str) -> tuple[str, str]:
    """Run the script in its repository; the ids of the run and of the one inside it."""
    settings = environment(server, spools, TRACKWAY_CAPTURE_SOURCE="full", **variables)
    command = [sys.executable, "train.py", *arguments]
    done = subprocess.run(command, cwd=folder, env=settings, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    outer, inner = done.stdout.split()
    return outer, inner


def text_of(client: Client, run_id: str, path: str, tmp_path: Path) -> str:
    return Path(client.artifacts.download(run_id, path, tmp_path)).read_text()


def with_source(client: Client, run_id: str, *, of_git: bool = True) -> Run:
    """The run, once all that is recorded of its source has arrived: packages and, of a repository, its state."""

    def arrived() -> bool:
        files = {file.path for file in client.artifacts.list(run_id, "source")}
        tags = client.tracking.get_run(run_id).data.tags
        return "source/requirements.txt" in files and (not of_git or "mlflow.source.git.dirty" in tags)

    wait_until(arrived, "the source of the run")
    return client.tracking.get_run(run_id)


def test_a_changed_repository(server: LocalServer, client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    commit = repository(folder, "https://me:geheim@example.org/a/b.git?token=geheim")
    (folder / "train.py").write_text(SCRIPT + "password = 'geheim'\n")
    outer, inner = trained(server, folder, tmp_path / "spools", "--token=geheim", "--lr", "0.1")
    run = with_source(client, outer)
    tags = run.data.tags
    assert tags["mlflow.source.git.commit"] == commit
    assert tags["mlflow.source.git.branch"] == "main"
    assert tags["mlflow.source.git.repoURL"] == "https://example.org/a/b.git"
    assert tags["mlflow.source.git.dirty"] == "true"
    assert tags["mlflow.source.name"] == "train.py"
    assert tags["trackway.source.command"].endswith("train.py '--token=***' --lr 0.1")
    assert tags["trackway.source.directory"] == str(folder.resolve())
    assert tags["trackway.source.python"] == ".".join(map(str, sys.version_info[:3]))
    assert "geheim" not in str(tags)
    diff = text_of(client, outer, "source/diff.patch", tmp_path)
    assert diff == tags["mlflow.source.git.diff"] and "+with trackway.start_run() as run:" in diff
    assert tags["trackway.source.redacted_lines"] == "1" and "+password = '***'" in diff
    assert "\nnumpy==" in text_of(client, outer, "source/requirements.txt", tmp_path)
    # Once for the process: the writers are it, its forked child and the one that recorded the source.
    wait_until(lambda: len(list(client.tracking.list_writers(outer))) >= 3, "the forked child's writer")
    writers = list(client.tracking.list_writers(outer))
    assert [each.labels.get("role") for each in writers].count("source") == 1
    assert len(writers) == 3
    assert len(list(client.tracking.list_writers(inner))) == 1
    assert not list(client.artifacts.list(inner))


def test_a_clean_repository_and_a_detached_head(server: LocalServer, client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    repository(folder)
    (folder / "train.py").write_text(SCRIPT)
    git(folder, "commit", "-q", "-a", "-m", "second")
    git(folder, "checkout", "-q", "--detach")
    outer, _ = trained(server, folder, tmp_path / "spools")
    tags = with_source(client, outer).data.tags
    assert tags["mlflow.source.git.commit"] == git(folder, "rev-parse", "HEAD")
    assert tags["mlflow.source.git.dirty"] == "false"
    assert not {"mlflow.source.git.branch", "mlflow.source.git.repoURL", "mlflow.source.git.diff"} & set(tags)
    assert [file.path for file in client.artifacts.list(outer, "source")] == ["source/requirements.txt"]


@pytest.mark.parametrize("git_installed", [True, False])
def test_without_a_repository_or_without_git(
    server: LocalServer, client: Client, tmp_path: Path, git_installed: bool
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    if not git_installed:
        repository(folder)
    (folder / "train.py").write_text(SCRIPT)
    outer, _ = trained(server, folder, tmp_path / "spools", **({} if git_installed else {"PATH": str(tmp_path)}))
    tags = with_source(client, outer, of_git=False).data.tags
    assert "mlflow.source.git.dirty" not in tags
    assert ("mlflow.source.git.commit" in tags) is not git_installed


@pytest.mark.parametrize("chosen", ["tags", "off"])
def test_it_can_be_switched_off(server: LocalServer, client: Client, tmp_path: Path, chosen: str) -> None:
    folder = tmp_path / "repository"
    repository(folder)
    (folder / "train.py").write_text(SCRIPT)
    settings = environment(server, tmp_path / "spools", TRACKWAY_CAPTURE_SOURCE=chosen)
    command = [sys.executable, "train.py"]
    done = subprocess.run(command, cwd=folder, env=settings, text=True, capture_output=True, timeout=120, check=True)
    outer = done.stdout.split()[0]
    assert not list(client.artifacts.list(outer))
    tags = client.tracking.get_run(outer).data.tags
    assert ("mlflow.source.git.commit" in tags) is (chosen == "tags")
    assert ("trackway.source.command" in tags) is (chosen == "tags")
    assert tags["mlflow.source.name"] == "train.py"


def test_what_was_recorded_without_a_server_is_synced(server: LocalServer, client: Client, tmp_path: Path) -> None:
    folder, spools = tmp_path / "repository", tmp_path / "spools"
    repository(folder)
    (folder / "train.py").write_text(SCRIPT)
    settings = environment(server, spools, TRACKWAY_CAPTURE_SOURCE="full", TRACKWAY_URI="trackway://127.0.0.1:9")
    command = [sys.executable, "train.py"]
    done = subprocess.run(command, cwd=folder, env=settings, text=True, capture_output=True, timeout=120, check=True)
    outer = done.stdout.split()[0]
    wait_until(lambda: len(list((spools / outer).glob("*/artifacts/*.json"))) == 2, "the source in its spool")
    sync = [
        sys.executable,
        "-c",
        "from trackway.cli.main import main; main()",
        "sync",
        "--uri",
        server.uri,
        str(spools),
    ]
    wait_until(lambda: subprocess.run(sync, env=settings, timeout=120).returncode == 0, "everything is synced", 90)
    assert with_source(client, outer).data.tags["mlflow.source.git.dirty"] == "true"


def test_a_setting_that_is_none(server: LocalServer, tmp_path: Path) -> None:
    settings = environment(server, tmp_path / "spools", TRACKWAY_CAPTURE_SOURCE="some")
    command = [sys.executable, "-c", "import trackway; trackway.start_run()"]
    done = subprocess.run(command, env=settings, text=True, capture_output=True, timeout=120)
    assert "TRACKWAY_CAPTURE_SOURCE is 'some': write full, tags or off" in done.stderr
