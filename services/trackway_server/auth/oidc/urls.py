"""Which addresses are asked for keys: https, or this machine where that is allowed."""

from __future__ import annotations

from urllib.parse import SplitResult

from trackway_server.core.outbound.urls import UrlError, is_loopback, plain_parts

__all__ = ["UrlError", "check_issuer", "check_url", "is_loopback"]


def check_url(url: str, *, allow_http_loopback: bool) -> SplitResult:
    """The parts of an address. Raises UrlError where it is not https, or names no host plainly."""
    parts = plain_parts(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or (parts.scheme == "http" and allow_http_loopback and is_loopback(host)):
        return parts
    raise UrlError(
        "the address is not https:// (http:// is for this machine alone, by its number, with allow_http_loopback=true)"
    )


def check_issuer(url: str, *, allow_http_loopback: bool) -> SplitResult:
    """The same for the name of an issuer, which has no query either."""
    parts = check_url(url, allow_http_loopback=allow_http_loopback)
    if parts.query:
        raise UrlError("the name of an issuer holds no query: write https://HOST/PATH")
    return parts
