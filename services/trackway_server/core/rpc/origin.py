"""Where a call comes from, as far as strangers cannot choose it."""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote

_IPV6_NETWORK = 64
"""One subscriber has at least that many addresses: they count as one."""


def origin_of(peer: str) -> str:
    """The peer of a call (`Call.peer`) without its port, which changes with every connection; an IPv6 address as its
    network of 64 bits."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return peer
    host = unquote(rest.rpartition(":")[0]).strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"{kind}:{host}"
    if isinstance(address, ipaddress.IPv4Address):
        return f"ipv4:{address}"
    if address.ipv4_mapped is not None:
        return f"ipv4:{address.ipv4_mapped}"
    network = ipaddress.ip_network((int(address), _IPV6_NETWORK), strict=False)
    return f"ipv6:{network.network_address}"
