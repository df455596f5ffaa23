"""Noting a key in the user's profile; the profile's manual is `trackway.config`."""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from pathlib import Path

from trackway.config import profile_path
from trackway.errors import FailedPrecondition

_TABLE = re.compile(r"^\s*\[")


def note_key(target: str, key: str) -> str:
    """Set the key of the server at `target` (`HOST:PORT`); other lines are kept. The profile's path.

    Raises FailedPrecondition where the profile has a form in which that cannot be done.
    """
    path = Path(profile_path())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    changed = _with_key(text, f'[servers."{target}"]', key)
    try:
        noted = tomllib.loads(changed)["servers"][target]["token"]
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        noted = None
    if noted != key:
        raise FailedPrecondition(f"the profile {path} has a form that is not understood: note the key there yourself")
    _replace(path.resolve(), changed)
    return str(path)


def _with_key(text: str, header: str, key: str) -> str:
    lines = text.splitlines()
    start = next((index for index, line in enumerate(lines) if line.split("#")[0].strip() == header), None)
    if start is None:
        return "\n".join([*lines, *([""] if lines else []), header, f'token = "{key}"', ""])
    end = next((index for index in range(start + 1, len(lines)) if _TABLE.match(lines[index])), len(lines))
    others = [line for line in lines[start + 1 : end] if not re.match(r"\s*token\s*=", line)]
    return "\n".join([*lines[: start + 1], f'token = "{key}"', *others, *lines[end:], ""])


def _replace(path: Path, text: str) -> None:
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    scratch.replace(path)
