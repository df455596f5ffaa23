"""Where a call comes from: without the port, and an IPv6 network as one."""

from __future__ import annotations

import pytest

from trackway_server.core.rpc.origin import origin_of


@pytest.mark.parametrize(
    ("peer", "origin"),
    [
        ("ipv4:127.0.0.1:51234", "ipv4:127.0.0.1"),
        ("ipv6:%5B::1%5D:51234", "ipv6:::"),
        ("ipv6:[2001:db8:1:2:3:4:5:6]:443", "ipv6:2001:db8:1:2::"),
        ("ipv6:%5B2001:db8:1:2:ffff::%5D:444", "ipv6:2001:db8:1:2::"),
        ("ipv6:%5B::ffff:10.1.2.3%5D:80", "ipv4:10.1.2.3"),
        ("ipv6:%5Bfe80::1%25eth0%5D:80", "ipv6:fe80::"),
        ("unix:", "unix:"),
        ("ipv4:nonsense:1", "ipv4:nonsense"),
        ("", ""),
    ],
)
def test_origins(peer: str, origin: str) -> None:
    assert origin_of(peer) == origin
