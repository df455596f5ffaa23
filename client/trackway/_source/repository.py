"""The changes of a git repository that are not committed, as `git` tells them. Nothing here raises for a repository."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass

MAX_DIFF_BYTES = 4 << 20
"""How much of a diff is kept; the rest is cut at the end of a line, and said to be."""
GIT_SECONDS = 60.0
_CUT = "# cut here by trackway: the diff has more than {:,} bytes\n"


@dataclass(frozen=True, slots=True)
class Changes:
    """What is changed against the last commit. `diff` is empty where nothing is; `cut` says that it is not all."""

    diff: bytes
    cut: bool = False


def uncommitted(folder: str, limit: int = MAX_DIFF_BYTES) -> Changes | None:
    """The changes of tracked files, staged or not, of the repository around `folder`.

    None where that cannot be told: there is no git, no repository or no commit, or git took longer than a minute.
    Names and contents of files that are not tracked are not looked at: they may be data, or secrets.
    """
    # Without the user's pagers, drivers and monitors: what is run is git alone, and it writes nothing, no index either.
    options = ["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]
    wanted = ["diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/"]
    variables = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        variables.pop(name, None)  # of whoever started this process
    try:
        git = subprocess.Popen(  # noqa: S603 - git, with words of ours
            ["git", *options, *wanted],  # noqa: S607 - the user's own git
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None
    timer = threading.Timer(GIT_SECONDS, git.kill)
    timer.start()
    try:
        return _read(git, limit)
    finally:
        timer.cancel()


def _read(git: subprocess.Popen[bytes], limit: int) -> Changes | None:
    with git:
        assert git.stdout is not None
        diff = git.stdout.read(limit + 1)
        cut = len(diff) > limit
        if cut:
            git.kill()
    if cut:
        whole_lines = diff[: diff.rfind(b"\n", 0, limit) + 1]
        return Changes(whole_lines + _CUT.format(limit).encode(), cut=True)
    return Changes(diff) if git.returncode == 0 else None
