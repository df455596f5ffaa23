"""Notes the server's key in the user's profile, so that clients on this machine find it.

The profile is the client's (`trackway/config.py` is its manual): a TOML file of mode 0600 with a table
`[servers."HOST:PORT"]` for each server. Other entries, comments and order are kept.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_TABLE = re.compile(r"^\s*\[")


class ProfileError(Exception):
    """The profile cannot be changed. One sentence; the server runs without."""


def profile_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the user's profile is."""
    if given := environ.get("TRACKWAY_PROFILE"):
        return Path(given)
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "trackway" / "profile.toml"


def remember_key(path: Path, address: str, key: str) -> None:
    """Set the key of the server at `address` (`HOST:PORT`). Raises ProfileError."""
    _change(path, address, key)


def forget_key(path: Path, address: str) -> None:
    """Remove the entry of the server at `address`, if there is one. Raises ProfileError."""
    _change(path, address, None)


def _change(path: Path, address: str, key: str | None) -> None:
    try:
        target = path.resolve()
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _exclusive(target.parent):
            text = target.read_text(encoding="utf-8") if target.exists() else ""
            changed = _edited(path, text, address, key)
            if changed != text:
                _replace(target, changed)
    except OSError as error:
        raise ProfileError(f"the profile {path} cannot be written: {error.strerror or error}") from error


def _edited(path: Path, text: str, address: str, key: str | None) -> str:
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"the profile {path} is not valid TOML and was left alone: {error}") from error
    changed = _with_token(text, address, key)
    if not _differ_only_in(before, changed, address, key):
        raise ProfileError(f"the profile {path} notes servers in a form that is not understood and was left alone")
    return changed


def _with_token(text: str, address: str, key: str | None) -> str:
    header = f'[servers."{address}"]'
    lines = text.splitlines()
    start = next((index for index, line in enumerate(lines) if line.split("#")[0].strip() == header), None)
    if start is None:
        if key is None:
            return text
        lead = [*lines, ""] if lines and lines[-1].strip() else lines
        return "\n".join([*lead, header, f'token = "{key}"', ""])
    end = next((index for index in range(start + 1, len(lines)) if _TABLE.match(lines[index])), len(lines))
    if key is None:
        return _joined([*lines[:start], *lines[end:]])
    others = [line for line in lines[start + 1 : end] if not re.match(r"\s*token\s*=", line)]
    return _joined([*lines[: start + 1], f'token = "{key}"', *others, *lines[end:]])


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n" if lines else ""


def _differ_only_in(before: dict[str, object], changed: str, address: str, key: str | None) -> bool:
    try:
        after = tomllib.loads(changed)
    except tomllib.TOMLDecodeError:
        return False
    entry = _servers(after).get(address, {})
    token = entry.get("token") if isinstance(entry, dict) else None
    return token == key and _without(before, address) == _without(after, address)


def _without(content: dict[str, object], address: str) -> dict[str, object]:
    kept = {name: entry for name, entry in _servers(content).items() if name != address}
    rest = {name: value for name, value in content.items() if name != "servers"}
    return {**rest, "servers": kept}


def _servers(content: Mapping[str, object]) -> Mapping[str, object]:
    servers = content.get("servers", {})
    return servers if isinstance(servers, dict) else {}


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    # The folder itself is locked: several servers may start at once, and a lock file would be left behind.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(target: Path, text: str) -> None:
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
