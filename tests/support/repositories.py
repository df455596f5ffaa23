"""Git repositories for tests: real ones, made by git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

VARIABLES = {
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *arguments: str) -> str:
    """What git says. Raises CalledProcessError."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **VARIABLES},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def repository(folder: Path, remote: str = "") -> str:
    """Make a repository with one commit of `train.py` on the branch `main`; the commit's id."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    if remote:
        git(folder, "remote", "add", "origin", remote)
    (folder / "train.py").write_text("learn_rate = 0.1\n")
    git(folder, "add", "train.py")
    git(folder, "commit", "-q", "-m", "first")
    return git(folder, "rev-parse", "HEAD")
