"""What a run tells about the process that made it: MLflow's tags, and some of our own."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

USER = "mlflow.user"
RUN_NAME = "mlflow.runName"
PARENT_RUN_ID = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
SOURCE_NAME = "mlflow.source.name"
SOURCE_TYPE = "mlflow.source.type"
GIT_COMMIT = "mlflow.source.git.commit"
GIT_BRANCH = "mlflow.source.git.branch"
GIT_REMOTE = "mlflow.source.git.repoURL"
COMMAND = "trackway.source.command"
DIRECTORY = "trackway.source.directory"
HOST = "trackway.source.host"
PYTHON = "trackway.source.python"
DATA_CONTEXT = "mlflow.data.context"
MODEL_HISTORY = "mlflow.log-model.history"


def user_name() -> str:
    """The name of the operating system's user; empty where it has none."""
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if name := os.environ.get(variable):
            return name
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return ""


def context_tags(capture: str = "full") -> dict[str, str]:
    """Tags of every run of this process: user and source and, unless `capture` is `off`, the commit of the source's git
    repository; with `tags` also what `source_tags` adds, which with `full` is left to `_source/recording.py`.

    `MLFLOW_RUN_CONTEXT`, a JSON object, adds to them.
    """
    source, kind = _source()
    tags = {USER: user_name(), SOURCE_NAME: source, SOURCE_TYPE: kind}
    if capture != "off":
        tags |= _git_tags(source)
    if capture == "tags":
        tags |= source_tags(source_request())
    tags |= _extra()
    return {name: value for name, value in tags.items() if value}


def source_request() -> dict[str, Any]:
    """What can be told of this process's source only by itself; empty where its working directory is gone."""
    version = sys.version_info
    try:
        here = os.getcwd()
        return {
            "directory": _source_folder(_source()[0]),
            "path": [os.path.join(here, path) for path in sys.path],
            "command": sys.orig_argv,
            "working_directory": here,
            "python": f"{version.major}.{version.minor}.{version.micro}",
        }
    except OSError:
        return {}


def source_tags(request: Mapping[str, Any]) -> dict[str, str]:
    """The command line, working directory, host and Python of a `source_request`, and the remote of its repository."""
    if not request:
        return {}
    from trackway._fluent.secrets import command_line

    tags = {COMMAND: command_line(request["command"]), DIRECTORY: request["working_directory"]}
    tags |= {HOST: os.uname().nodename, PYTHON: request["python"]}
    try:
        folder = _git_folder(request["directory"])
        remote = _remote(_common_folder(folder)) if folder else ""
    except (OSError, UnicodeDecodeError):
        remote = ""
    return {**tags, GIT_REMOTE: remote} if remote else tags


def _source() -> tuple[str, str]:
    if "ipykernel" in sys.modules:
        return os.environ.get("JPY_SESSION_NAME", ""), "NOTEBOOK"
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and getattr(main, "__file__", None):
        return str(main.__file__), "LOCAL"  # type: ignore[union-attr]  # not None, or getattr had answered None
    return (sys.argv[0] if sys.argv else ""), "LOCAL"


def _extra() -> dict[str, str]:
    text = os.environ.get("MLFLOW_RUN_CONTEXT")
    if not text:
        return {}
    import json

    try:
        values = json.loads(text)
    except ValueError:
        values = None
    return {str(name): str(value) for name, value in values.items()} if isinstance(values, dict) else {}


def _source_folder(source: str) -> str:
    """The folder of the script, else the working directory. Raises OSError where there is none."""
    return os.path.dirname(os.path.abspath(source)) if source and os.path.exists(source) else os.getcwd()


def _git_tags(source: str) -> dict[str, str]:
    """Commit and branch, read from the files of the repository: starting `git` costs milliseconds."""
    try:
        folder = _git_folder(_source_folder(source))
        return _head(folder) if folder else {}
    except (OSError, UnicodeDecodeError):
        return {}


def _remote(folder: str) -> str:
    """The address of `origin`, or else of the first remote, without credentials; empty where there is none."""
    from trackway._fluent.secrets import without_credentials

    path = os.path.join(folder, "config")
    if not os.path.isfile(path):
        return ""
    found: dict[str, str] = {}
    section = ""
    with open(path, encoding="utf-8") as file:
        for line in file:
            text = line.strip()
            if text.startswith("["):
                section = text
            elif section.startswith('[remote "'):
                name, _, value = text.partition("=")
                if name.strip().lower() == "url":
                    found.setdefault(section, value.strip().strip('"'))
    url = found.get('[remote "origin"]') or next(iter(found.values()), "")
    return without_credentials(url) if url else ""


def _git_folder(folder: str) -> str | None:
    while True:
        candidate = os.path.join(folder, ".git")
        if os.path.isdir(candidate):
            return candidate
        if os.path.isfile(candidate):  # a worktree or a submodule
            pointer = _first_line(candidate).removeprefix("gitdir:").strip()
            return os.path.normpath(os.path.join(folder, pointer))
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def _head(folder: str) -> dict[str, str]:
    head = _first_line(os.path.join(folder, "HEAD"))
    if not head.startswith("ref:"):
        return {GIT_COMMIT: head} if head else {}
    ref = head.removeprefix("ref:").strip()
    tags = {GIT_BRANCH: ref.removeprefix("refs/heads/")}
    commit = _ref(_common_folder(folder), ref)
    return {GIT_COMMIT: commit, **tags} if commit else tags


def _common_folder(folder: str) -> str:
    pointer = os.path.join(folder, "commondir")
    return os.path.normpath(os.path.join(folder, _first_line(pointer))) if os.path.isfile(pointer) else folder


def _ref(folder: str, ref: str) -> str:
    path = os.path.join(folder, *ref.split("/"))
    if os.path.isfile(path):
        return _first_line(path)
    packed = os.path.join(folder, "packed-refs")
    if not os.path.isfile(packed):
        return ""
    with open(packed, encoding="utf-8") as file:
        found = (line.split(" ", 1)[0] for line in file if line.rstrip("\n").endswith(f" {ref}"))
        return next(found, "")


def _first_line(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.readline().strip()
