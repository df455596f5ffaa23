"""What a run tells about the process that made it: MLflow's tags."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

USER = "mlflow.user"
RUN_NAME = "mlflow.runName"
PARENT_RUN_ID = "mlflow.parentRunId"
NOTE = "mlflow.note.content"
SOURCE_NAME = "mlflow.source.name"
SOURCE_TYPE = "mlflow.source.type"
GIT_COMMIT = "mlflow.source.git.commit"
GIT_BRANCH = "mlflow.source.git.branch"
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


def context_tags() -> dict[str, str]:
    """Tags of every run of this process: user, source, the commit of the source's git repository.

    `MLFLOW_RUN_CONTEXT`, a JSON object, adds to them.
    """
    source, kind = _source()
    tags = {USER: user_name(), SOURCE_NAME: source, SOURCE_TYPE: kind, **_git_tags(source), **_extra()}
    return {name: value for name, value in tags.items() if value}


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


def _git_tags(source: str) -> Mapping[str, str]:
    """Commit and branch, read from the files of the repository: starting `git` costs milliseconds."""
    start = os.path.dirname(os.path.abspath(source)) if source and os.path.exists(source) else os.getcwd()
    try:
        folder = _git_folder(start)
        return _head(folder) if folder else {}
    except (OSError, UnicodeDecodeError):
        return {}


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
        return {GIT_COMMIT: head}
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
