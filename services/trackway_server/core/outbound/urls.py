"""Addresses that users name, as far as they can be judged by their text."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from trackway_server.core.outbound.addresses import is_public, parse_address


class UrlError(ValueError):
    """The address is none that is asked. One sentence that says why."""


def plain_parts(url: str) -> SplitResult:
    """The parts of an address that names its host plainly. Raises UrlError."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise UrlError("the address is none: write https://HOST/PATH") from None
    if not host or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise UrlError("the address is none: write https://HOST/PATH")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise UrlError("the address holds a user, a password or a fragment: write https://HOST/PATH")
    return parts


def is_loopback(host: str) -> bool:
    """Whether the host is an address of this machine; a name is none, since others say what it means."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Outbound:
    """What may be connected to on behalf of users, and how long one request may take, in seconds."""

    allow_http: bool = False
    allow_private: bool = False
    seconds: float = 10.0
    ca_file: Path | None = None
    """Certificates (PEM) that are trusted, in place of the system's."""

    def check(self, url: str) -> None:
        """Raise UrlError where nothing may be sent to the address, as far as its text tells; what a name means is
        looked at when it is connected to."""
        parts = plain_parts(url)
        if parts.scheme != "https" and not (self.allow_http and parts.scheme == "http"):
            raise UrlError("the address is not https://" + (" or http://" if self.allow_http else ""))
        host = (parts.hostname or "").rstrip(".")
        local = host == "localhost" or host.endswith(".localhost")
        if not self.allow_private and (local or (parse_address(host) is not None and not is_public(host))):
            raise UrlError("the address is not one of the public network")
