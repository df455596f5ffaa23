"""Page tokens: where a list goes on, opaque to callers, checked when they come back.

A token is the URL-safe base64 of a JSON array: the name of the list, a digest of what it was asked for, then the place
to go on from. Whoever changes the question with the token in hand is told so, instead of getting a mixture.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Sequence

from google.protobuf.message import Message

from trackway_server.core.errors import DomainError, Reason

Place = tuple[int | float | str, ...]

_INT64 = range(-(2**63), 2**63)


def encode_token(request: Message, place: Sequence[int | float | str]) -> str:
    """The token of the page after `place` of what `request` asks for."""
    text = json.dumps([*_question(request), *place], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(request: Message, token: str, *types: type[int] | type[float] | type[str]) -> Place | None:
    """The place that `token` names, of values of `types`; None for no token.

    Raises PAGE_TOKEN_INVALID where it is not one that encode_token made for the same question.
    """
    if not token:
        return None
    try:
        content = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid() from None
    question = _question(request)
    if not isinstance(content, list) or content[:2] != question or len(content) != 2 + len(types):
        raise _invalid()
    place = tuple(content[2:])
    if not all(_fits(value, wanted) for value, wanted in zip(place, types, strict=True)):
        raise _invalid()
    return place


def _fits(value: object, wanted: type[int] | type[float] | type[str]) -> bool:
    if wanted is int:
        return type(value) is int and value in _INT64
    if wanted is float:
        return type(value) is float and math.isfinite(value)
    return isinstance(value, str)


def _question(request: Message) -> list[str]:
    """The list's name and a digest of the request but for its page."""
    bare = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("page_token")
    bare.ClearField("page_size")
    digest = hashlib.blake2b(bare.SerializeToString(deterministic=True), digest_size=8).hexdigest()
    return [request.DESCRIPTOR.name, digest]


def _invalid() -> DomainError:
    return DomainError(
        Reason.PAGE_TOKEN_INVALID,
        "page_token is not one that this list answered to the same request; start without a token.",
    )
