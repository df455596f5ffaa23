"""Which addresses are asked for keys: https, or this machine where that is allowed."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit


class UrlError(ValueError):
    """The address is none that is asked. One sentence that says why."""


def check_url(url: str, *, allow_http_loopback: bool) -> SplitResult:
    """The parts of an address. Raises UrlError where it is not https, or names no host plainly."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise UrlError("the address is none: write https://HOST/PATH") from None
    if not host or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise UrlError("the address is none: write https://HOST/PATH")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise UrlError("the address holds a user, a password or a fragment: write https://HOST/PATH")
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


def is_loopback(host: str) -> bool:
    """Whether the host is an address of this machine; a name is none, since others say what it means."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
