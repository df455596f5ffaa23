"""The admin key of an embedded server: made at the first start, kept in the data directory, shown to nobody else."""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from pydantic import SecretStr

from trackway_server.core.lifecycle import StartupError

KEY_FILE = "admin.key"
PREFIX = "tw_"
_KEY = re.compile(r"tw_[A-Za-z0-9_-]{43}")


def new_key() -> SecretStr:
    """A random key: `tw_` and 256 bits in 43 URL-safe characters."""
    return SecretStr(PREFIX + secrets.token_urlsafe(32))


def admin_key(path: Path) -> SecretStr:
    """The key in the file, made there (mode 0600) where there is none; `KEY_FILE` in the data directory.

    Two servers that start at once get the same key. Raises StartupError where others may read the file, or it holds
    no key.
    """
    try:
        if not path.exists():
            _create(path, new_key())
        return _read(path)
    except OSError as error:
        raise StartupError(f"cannot use the key file {path}: {error.strerror}") from error


def _create(path: Path, key: SecretStr) -> None:
    """Write aside, then link: the name appears with the whole key in it, or another process's was first."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key.get_secret_value() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            return
    finally:
        aside.unlink()


def _read(path: Path) -> SecretStr:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise StartupError(f"the key file {path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")
        text = file.read(1024).strip()
    if not _KEY.fullmatch(text):
        raise StartupError(f"the key file {path} holds no key; delete it to have a new one made")
    return SecretStr(text)
