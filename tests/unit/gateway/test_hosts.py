from __future__ import annotations

import pytest

from trackway_server.gateway.hosts import AllowedHosts, host_name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost:7700", "localhost"),
        ("localhost.:1", "localhost"),
        ("127.0.0.1:7700", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[::1]:7700", "::1"),
        ("[::1", None),
        ("[::1]x", None),
        ("::1", None),
        ("", None),
        (":7700", None),
        ("localhost:x", None),
        ("localhost:", None),
        ("localhost:٣", None),
    ],
)
def test_the_name_of_a_host_header(header: str, name: str | None) -> None:
    assert host_name(header) == name


@pytest.mark.parametrize("header", ["localhost", "localhost:99", "127.0.0.1:7700", "[::1]:7700", "tracker.example:80"])
def test_loopback_and_the_bound_host_are_answered_on_any_port(header: str) -> None:
    assert AllowedHosts.of("tracker.example").admit(header)


@pytest.mark.parametrize(
    "header",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "10.0.0.5",
        "0.0.0.0",
        "localhost\tevil.example",
        "",
    ],
)
def test_every_other_name_is_refused(header: str) -> None:
    assert not AllowedHosts.of("127.0.0.1").admit(header)


def test_a_server_on_all_interfaces_answers_addresses_but_no_unknown_name() -> None:
    hosts = AllowedHosts.of("0.0.0.0", extra=["Tracker.Example"])
    assert hosts.admit("10.1.2.3:7700")
    assert hosts.admit("[fe80::1]:7700")
    assert hosts.admit("tracker.example")
    assert not hosts.admit("rebound.example")
