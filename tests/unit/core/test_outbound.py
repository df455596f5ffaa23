"""Which addresses users may have the server call."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_server.core.outbound.addresses import is_public
from trackway_server.core.outbound.posting import retry_after_seconds
from trackway_server.core.outbound.urls import Outbound, UrlError

INNER = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
]
OTHER = ["::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"]
OTHER += ["2001::1", "64:ff9b:1::a00:1", "name.example", "", "1.2.3", "0x7f000001"]


def carried(address: str) -> list[str]:
    """The IPv4 address in every form that IPv6 has for it."""
    number = int(ipaddress.IPv4Address(address))
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    return [f"::ffff:{address}", f"64:ff9b::{high}:{low}", f"2002:{high}:{low}::1", f"::{high}:{low}"]


@pytest.mark.parametrize("address", [*INNER, *OTHER, *(form for each in INNER for form in carried(each))])
def test_what_is_not_public(address: str) -> None:
    """Attack 9: every way to write an address inside."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", *carried("8.8.8.8")])
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@settings(max_examples=50)
@given(st.ip_addresses(v=4))
def test_a_carried_address_is_what_it_carries(address: ipaddress.IPv4Address) -> None:
    assert {is_public(form) for form in carried(str(address))[:3]} == {is_public(str(address))}


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/x",
        "ftp://receiver.example",
        "file:///etc/passwd",
        "//receiver.example",
        "receiver.example",
        "",
        "https://",
        "https://user@receiver.example/",
        "https://user:word@receiver.example/",
        "https://receiver.example/#part",
        "https://receiver.example\\@127.0.0.1/",
        "https://receiver.example/ x",
        "https://receiver.example/\r\nX: y",
        "https://réceiver.example/",
        "https://receiver.example:99999/",
        "https://[::1/",
        "https://localhost/x",
        "https://a.localhost./x",
        "https://127.0.0.1/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://169.254.169.254/latest",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(UrlError):
        Outbound().check(url)


def test_urls_that_are_taken() -> None:
    Outbound().check("https://receiver.example:8443/x?y=z")
    Outbound(allow_http=True).check("http://receiver.example/")
    Outbound(allow_http=True, allow_private=True).check("http://127.0.0.1:9/")


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after_seconds("120", 0) == 120
    assert retry_after_seconds("Thu, 01 Jan 1970 00:01:00 GMT", 10) == 50
    assert retry_after_seconds("Thu, 01 Jan 1970 00:01:00 GMT", 100) == 0
    for text in ("", "soon", "-1", "1.5", "٣"):
        assert retry_after_seconds(text, 0) is None
