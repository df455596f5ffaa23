"""What the head of a request asks for, in the words of Connect's protocol."""

from __future__ import annotations

import re

from starlette.datastructures import Headers

from trackway_server.core.errors import DomainError, Reason
from trackway_server.gateway.connect.codec import Codec

UNARY_TYPES = {"application/json": Codec.JSON, "application/proto": Codec.PROTO}
STREAM_TYPES = {"application/connect+json": Codec.JSON, "application/connect+proto": Codec.PROTO}

_TIMEOUT = re.compile(r"[0-9]{1,10}")
_CHARSETS = frozenset({"", "utf-8", "utf8"})


def media_type(headers: Headers) -> str:
    """The one media type of the body, in lower case; empty where there is none, or another charset than UTF-8."""
    given = headers.getlist("content-type")
    if len(given) != 1:
        return ""
    found, *parameters = given[0].lower().split(";")
    named = dict(parameter.strip().partition("=")[::2] for parameter in parameters)
    return found.strip() if named.get("charset", "").strip('"') in _CHARSETS else ""


def check_version(headers: Headers) -> None:
    """Raise DomainError(MALFORMED_REQUEST) where the request is of another version of Connect's protocol."""
    version = headers.get("connect-protocol-version", "1")
    if version != "1":
        raise _malformed("Connect-Protocol-Version", "Connect-Protocol-Version must be 1.")


def timeout_of(headers: Headers) -> float | None:
    """`Connect-Timeout-Ms` in seconds; None where there is none. Raises DomainError(MALFORMED_REQUEST)."""
    given = headers.get("connect-timeout-ms")
    if given is None:
        return None
    if not _TIMEOUT.fullmatch(given):
        raise _malformed("Connect-Timeout-Ms", "Connect-Timeout-Ms must be milliseconds in at most ten digits.")
    return int(given) / 1000


def _malformed(header: str, message: str) -> DomainError:
    return DomainError(Reason.MALFORMED_REQUEST, message, method=header)
