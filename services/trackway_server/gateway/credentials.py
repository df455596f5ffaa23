"""The key of a request: a browser sends it as the password of Basic, a program as Bearer."""

from __future__ import annotations

import base64
import binascii
import hmac

from pydantic import SecretStr

# What may travel in gRPC metadata; a key is far shorter.
_MAX_KEY_LENGTH = 8192


def onward_authorization(header: str | None) -> str | None:
    """The `authorization` metadata for the services: `Bearer KEY`, or None where the request carries no usable key."""
    if header is None:
        return None
    scheme, _, value = header.strip().partition(" ")
    match scheme.lower():
        case "bearer":
            key = value.strip()
        case "basic":
            key = _basic_password(value.strip())
        case _:
            return None
    return f"Bearer {key}" if _is_token(key) else None


def opens_metrics(authorization: str | None, token: SecretStr | None) -> bool:
    """Whether `authorization` (see above) carries the token that opens /metrics and nothing else."""
    expected = token.get_secret_value() if token is not None else ""
    return bool(expected) and hmac.compare_digest((authorization or "").encode(), f"Bearer {expected}".encode())


def _basic_password(encoded: str) -> str:
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return decoded.partition(":")[2]


def _is_token(key: str) -> bool:
    return 0 < len(key) <= _MAX_KEY_LENGTH and all("!" <= character <= "~" for character in key)
