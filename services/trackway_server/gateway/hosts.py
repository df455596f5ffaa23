"""Which `Host` headers are answered: the defence against DNS rebinding.

A page of a hostile site may point its own name at 127.0.0.1, and the browser then sends that name as `Host`. So only
names that are known to be ours are answered. The port is never compared: forwarded ports are common and safe. An
address literal cannot be rebound, so a server bound to all interfaces answers every literal.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_ALWAYS = frozenset({"localhost", "127.0.0.1", "::1"})
_OWN_SITES = frozenset({"same-origin", "none"})
_WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The host names that are answered."""

    names: frozenset[str]
    any_address: bool

    @classmethod
    def of(cls, bound_host: str, extra: Iterable[str] = ()) -> AllowedHosts:
        """Loopback, the address bound to and `extra` names; every address literal where all interfaces are bound."""
        names = _ALWAYS | {bound_host.lower()} | {name.lower() for name in extra}
        return cls(frozenset(names - _WILDCARDS), any_address=bound_host in _WILDCARDS)

    def admit(self, header: str) -> bool:
        """Whether a `Host` header's value names one of them."""
        name = host_name(header)
        if name is None:
            return False
        return name in self.names or (self.any_address and _is_address(name))


@dataclass(frozen=True, slots=True)
class AllowedOrigins:
    """The origins whose pages may change something: the one that the request goes to, and those listed."""

    listed: tuple[str, ...] = ()

    def admit(self, origins: Sequence[str], fetch_sites: Sequence[str], host: str) -> bool:
        """Whether a request to `host` with these `Origin` and `Sec-Fetch-Site` headers comes from one of them.

        What is no browser sends neither; a browser sends `Origin` with all that is not GET or HEAD.
        """
        if not origins:
            return all(site in _OWN_SITES for site in fetch_sites)
        if len(origins) > 1:
            return False
        origin = origins[0].lower()
        return origin in {f"{scheme}://{host.lower()}" for scheme in ("http", "https")} or origin in {
            listed.lower().rstrip("/") for listed in self.listed
        }


def host_name(header: str) -> str | None:
    """The name in `NAME`, `NAME:PORT`, `[V6]` or `[V6]:PORT`, in lower case; None where the value is none of these."""
    if header.startswith("["):
        name, bracket, rest = header[1:].partition("]")
        if not bracket:
            return None
        port = rest.removeprefix(":") if rest else "0"
    else:
        name, colon, port = header.partition(":")
        port = port if colon else "0"
    if not name or not (port.isascii() and port.isdigit()):
        return None
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
