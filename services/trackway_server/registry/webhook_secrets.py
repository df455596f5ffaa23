"""Secrets of webhooks, encrypted (Fernet: AES-128-CBC with HMAC-SHA256) as long as they are kept."""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from trackway_server.core.errors import DomainError, Reason

KEY_FILE = "webhook.key"
_MOST_BYTES = 16 << 10


class SecretBox:
    """Seals and opens secrets with the keys of a file, which is read when it is first needed.

    `make` makes the file (mode 0600) with a new key where there is none; without a file no secret is taken.
    """

    def __init__(self, key_file: Path | None, *, make: bool = False) -> None:
        self._key_file = key_file
        self._make = make
        self._keys: MultiFernet | None = None

    async def seal(self, secret: str) -> bytes:
        """The secret as it is kept; of an empty one, nothing. Raises WEBHOOK_SECRETS_UNAVAILABLE."""
        return (await self._loaded()).encrypt(secret.encode()) if secret else b""

    async def open(self, sealed: bytes) -> str:
        """The secret that was sealed. Raises WEBHOOK_SECRETS_UNAVAILABLE."""
        if not sealed:
            return ""
        try:
            return (await self._loaded()).decrypt(sealed).decode()
        except InvalidToken:
            raise _unavailable("The secret was kept with another key; give it anew, or restore the key.") from None

    async def _loaded(self) -> MultiFernet:
        if self._key_file is None:
            raise _unavailable("This server keeps no secrets; set TRACKWAY_REGISTRY_WEBHOOK_KEY_FILE.")
        if self._keys is None:
            try:
                self._keys = await asyncio.to_thread(_load, self._key_file, self._make)
            except OSError as error:
                raise _unavailable(f"The key file for secrets cannot be used: {error.strerror}.") from error
            except ValueError:
                raise _unavailable("The key file for secrets holds no key; see the README.") from None
        return self._keys


def _load(file: Path, make: bool) -> MultiFernet:
    if make and not file.exists():
        _create(file)
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        lines = stream.read(_MOST_BYTES).split()
    return MultiFernet([Fernet(line) for line in lines])


def _create(file: Path) -> None:
    """Write aside, then link: the name appears with the whole key in it, or another process's was first."""
    aside = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(Fernet.generate_key() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(aside, file)
        except FileExistsError:
            return
    finally:
        aside.unlink()


def _unavailable(message: str) -> DomainError:
    return DomainError(Reason.WEBHOOK_SECRETS_UNAVAILABLE, message)
