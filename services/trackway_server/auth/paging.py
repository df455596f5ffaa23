"""Page tokens: after what a list goes on, opaque to callers, checked when they come back."""

from __future__ import annotations

import base64
import binascii
import hashlib

from google.protobuf.message import Message

from trackway_server.core.errors import DomainError, Reason

DEFAULT_PAGE = 100
_DIGEST = 8


def encode_token(request: Message, after: str) -> str:
    """The token of what comes after `after` in the list that `request` asks for."""
    return base64.urlsafe_b64encode(_question(request) + after.encode()).decode()


def decode_token(request: Message, token: str) -> str:
    """After what the list goes on; empty for no token.

    Raises PAGE_TOKEN_INVALID where it is not one that encode_token made for the same question.
    """
    if not token:
        return ""
    try:
        content = base64.b64decode(token, altchars=b"-_", validate=True)
        after = content[_DIGEST:].decode()
    except (binascii.Error, ValueError):
        raise _invalid() from None
    if content[:_DIGEST] != _question(request) or not after:
        raise _invalid()
    return after


def _question(request: Message) -> bytes:
    """A digest of the list's name and the request but for its page."""
    bare = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("page_token")
    bare.ClearField("page_size")
    text = request.DESCRIPTOR.full_name.encode() + b"\0" + bare.SerializeToString(deterministic=True)
    return hashlib.blake2b(text, digest_size=_DIGEST).digest()


def _invalid() -> DomainError:
    return DomainError(
        Reason.PAGE_TOKEN_INVALID,
        "page_token is not one that this list answered to the same request; start without a token.",
    )
