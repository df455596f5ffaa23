"""Noting a key in the user's profile; the profile's manual is `trackway.config`."""

from __future__ import annotations

import json
import os
import re
import secrets
import tomllib
from pathlib import Path

from trackway.config import profile_path
from trackway.errors import FailedPrecondition

_TABLE = re.compile(r"^\s*\[")
_CREDENTIAL = re.compile(r"\s*(token|oidc_token_file)\s*=")


def note_key(target: str, key: str) -> str:
    """Set the key of the server at `target` (`HOST:PORT`); other lines are kept. The profile's path.

    Raises FailedPrecondition where the profile has a form in which that cannot be done.
    """
    return _note(target, "token", key)


def note_token_file(target: str, path: str) -> str:
    """The same for the path of a file with a token of an OIDC issuer, in place of a key."""
    return _note(target, "oidc_token_file", path)


def _note(target: str, name: str, value: str) -> str:
    path = Path(profile_path())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    changed = _with_line(text, f'[servers."{target}"]', f"{name} = {json.dumps(value)}")
    try:
        noted = tomllib.loads(changed)["servers"][target][name]
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        noted = None
    if noted != value:
        raise FailedPrecondition(f"the profile {path} has a form that is not understood: note {name} there yourself")
    _replace(path.resolve(), changed)
    return str(path)


def _with_line(text: str, header: str, line: str) -> str:
    """The text with the line below the header, in place of a key or a token's file that was there."""
    lines = text.splitlines()
    start = next((index for index, each in enumerate(lines) if each.split("#")[0].strip() == header), None)
    if start is None:
        return "\n".join([*lines, *([""] if lines else []), header, line, ""])
    end = next((index for index in range(start + 1, len(lines)) if _TABLE.match(lines[index])), len(lines))
    others = [each for each in lines[start + 1 : end] if not _CREDENTIAL.match(each)]
    return "\n".join([*lines[: start + 1], line, *others, *lines[end:], ""])


def _replace(path: Path, text: str) -> None:
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    scratch.replace(path)
