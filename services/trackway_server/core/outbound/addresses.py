"""Which addresses of the network are public, whatever form they are written in."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address, IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_FORMER_SITE_LOCAL = IPv6Network("fec0::/10")


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in the text, with or without a zone; None where it is a name."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_public(text: str) -> bool:
    """Whether the address is one of the public network: no private, loopback, link-local, multicast or reserved one.

    An IPv6 address that carries an IPv4 address for a translator or a tunnel (mapped, NAT64, 6to4, compatible) is what
    it carries. A name is none.
    """
    address = parse_address(text)
    if isinstance(address, IPv6Address):
        if address in _FORMER_SITE_LOCAL or address.scope_id is not None:
            return False
        address = _carried(address) or address
    return address is not None and address.is_global and not address.is_multicast and not address.is_reserved


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or address in _COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
