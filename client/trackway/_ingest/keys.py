"""The form of the keys of params, metrics and tags (FORMAT_KEY of common/v1/limits.proto), checked before recording."""

from __future__ import annotations

MAX_KEY_LENGTH = 250


def check_key(what: str, key: object) -> None:
    """Raise TypeError or ValueError, with one sentence, where `key` cannot be the name of a `what`."""
    if not isinstance(key, str):
        raise TypeError(f"the name of a {what} must be a str, not {type(key).__name__}")
    if not key or len(key) > MAX_KEY_LENGTH:
        raise ValueError(f"the name of a {what} must have 1 to {MAX_KEY_LENGTH} characters; this one has {len(key)}")
    if not all(character.isalnum() or character in "_-. :/" for character in key):
        raise ValueError(
            f"{key!r} cannot be the name of a {what}: use letters, digits, '_', '-', '.', ' ', ':' and '/' only"
        )
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError(f"{key!r} cannot be the name of a {what}: no part between slashes may be empty, '.' or '..'")
