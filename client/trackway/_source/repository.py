"""The changes of a git repository that are not committed, as `git` tells them. Nothing here raises for a repository."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

MAX_DIFF_BYTES = 4 << 20
"""How much of a diff is kept; the rest is cut at the end of a line, and said to be."""
GIT_SECONDS = 60.0
# What is run is git alone, and the filters that the user has (Git LFS): no pager, driver, monitor, filter or transport
# that a repository names, for a repository that came as an archive may be somebody else's. The index is not written.
_OPTIONS = ["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]
_DIFF = [
    *("diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/"),
    *("--submodule=short", "--ignore-submodules=dirty"),
]
_FILTERS = ["config", "-z", "--show-scope", "--name-only", "--get-regexp", r"^filter\..*\.(clean|process|required)$"]
_OF_USER = {"system", "global", "command"}
_NONE_FOUND = 1
_CUT = "# cut here by trackway: the diff has more than {:,} bytes\n"


@dataclass(frozen=True, slots=True)
class Changes:
    """What is changed against the last commit. `diff` is empty where nothing is; `cut` says that it is not all."""

    diff: bytes
    cut: bool = False


def uncommitted(folder: str, limit: int = MAX_DIFF_BYTES) -> Changes | None:
    """The changes of tracked files, staged or not, of the repository around `folder`.

    None where that cannot be told: there is no git, no repository or no commit, or git took longer than a minute.
    Names and contents of files that are not tracked are not looked at: they may be data, or secrets; nor what is
    changed inside of submodules.
    """
    root = _root(folder)
    if root is None:
        return None
    variables = _variables(root)
    try:
        filters = _own_filters(root, variables)
        if filters is None:
            return None
        git = subprocess.Popen(  # noqa: S603 - git, with words of ours
            ["git", *_OPTIONS, *filters, *_DIFF],  # noqa: S607 - the user's own git
            cwd=root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    timer = threading.Timer(GIT_SECONDS, git.kill)
    timer.start()
    try:
        return _read(git, limit)
    finally:
        timer.cancel()


def _root(folder: str) -> str | None:
    """The folder with the repository's `.git`; None where there is none."""
    here = Path(folder).resolve()
    return next((os.fspath(each) for each in (here, *here.parents) if (each / ".git").exists()), None)


def _variables(root: str) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if name not in ("GIT_DIR", "GIT_INDEX_FILE")}
    return variables | {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        # The files beside `.git`, wherever its configuration says that they are: in a diff they leave this machine.
        "GIT_WORK_TREE": root,
        "GIT_CEILING_DIRECTORIES": os.fspath(Path(root).parent),
        # Objects that a partial clone lacks are not fetched: by no transport at all.
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_NO_LAZY_FETCH": "1",
    }


def _own_filters(root: str, variables: dict[str, str]) -> list[str] | None:
    """Options that leave out the filters of the repository's own configuration; None where they cannot be told."""
    told = subprocess.run(  # noqa: S603 - git, with words of ours
        ["git", *_OPTIONS, *_FILTERS],  # noqa: S607 - the user's own git
        cwd=root,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=GIT_SECONDS,
        check=False,
    )
    if told.returncode not in (0, _NONE_FOUND):
        return None
    words = told.stdout.decode("utf-8", "surrogateescape").split("\0")
    names = {
        name.rpartition(".")[0] for scope, name in zip(words[::2], words[1::2], strict=False) if scope not in _OF_USER
    }
    if any("=" in name for name in names):
        return None  # `-c` cannot name it
    empty = [f"{name}.{what}" for name in sorted(names) for what in ("clean=", "process=", "required=false")]
    return [word for option in empty for word in ("-c", option)]


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
