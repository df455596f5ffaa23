from __future__ import annotations

import base64

import pytest

from trackway_server.gateway.credentials import onward_authorization


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "onward"),
    [
        ("Bearer tw_abc", "Bearer tw_abc"),
        ("bearer  tw_abc ", "Bearer tw_abc"),
        (basic("anyone:tw_abc"), "Bearer tw_abc"),
        (basic(":tw_abc"), "Bearer tw_abc"),
        (basic("user:with:colon"), "Bearer with:colon"),
        (None, None),
        ("", None),
        ("tw_abc", None),
        ("Bearer", None),
        ("Bearer two words", None),
        ("Bearer ü", None),
        (f"Bearer {'x' * 10_000}", None),
        (basic("no-colon"), None),
        (basic("user:"), None),
        (basic("user:line\nbreak"), None),
        ("Basic not base64!", None),
        ("Basic " + base64.b64encode(b"user:\xff").decode(), None),
        ("Digest username=x", None),
    ],
)
def test_the_key_goes_onward_as_a_bearer_token(header: str | None, onward: str | None) -> None:
    assert onward_authorization(header) == onward
