"""Claims and patterns: what meets a rule, and who somebody then is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_server.auth.domain.mapping import Mapped, Rule, claim, mapped_claims, matches
from trackway_server.auth.domain.model import Role
from trackway_server.core.errors import DomainError, Reason

LETTERS = st.text("ab/", max_size=8)


@given(st.lists(LETTERS, min_size=1, max_size=4).map("*".join), LETTERS)
@settings(max_examples=200)
def test_a_star_stands_for_any_text(pattern: str, text: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None
    assert matches(pattern, text) == expected


def test_patterns_take_no_time() -> None:
    assert not matches("a*" * 5_000 + "b", "a" * 16_000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sub", "s"),
        ("a.b", "whole"),
        ("a.c", "inner"),
        ("kubernetes.io.serviceaccount.name", "trainer"),
        ("a", {"b": "hidden", "c": "inner"}),
        ("missing", None),
        ("sub.x", None),
        ("", None),
        ("email", None),
    ],
)
def test_claims_are_found_by_name_and_within_others(name: str, value: Any) -> None:
    claims = {
        "sub": "s",
        "a.b": "whole",
        "a": {"b": "hidden", "c": "inner"},
        "kubernetes.io": {"serviceaccount": {"name": "trainer"}},
        "email": "ann@acme.org",
        "email_verified": False,
    }
    assert claim(claims, name) == value


def test_all_claims_of_a_rule_must_match_and_all_rules_count() -> None:
    rules = [
        Rule({"sub": ["a", "b*"], "group": ["x"]}, {"one": Role.VIEWER, "two": Role.ADMIN}),
        Rule({"sub": ["*"]}, {"one": Role.EDITOR}),
        Rule({"admin": ["true"]}, {"one": Role.ADMIN}, "root"),
    ]
    found = mapped_claims("ci", "sub", rules, {"sub": "bob", "group": ["y", "x"], "admin": False})
    assert found == Mapped("ci:bob", False, {"one": Role.EDITOR, "two": Role.ADMIN})
    found = mapped_claims("ci", "sub", rules, {"sub": "ann", "group": "x", "admin": True})
    assert found == Mapped("root", True, {"one": Role.ADMIN})


@pytest.mark.parametrize("subject", [None, "", 5, ["a"], "a b", "a\n", "é", "x" * 201])
def test_who_has_no_plain_name_is_nobody(subject: Any) -> None:
    with pytest.raises(DomainError) as refused:
        mapped_claims("ci", "who", [Rule({"sub": ["*"]})], {"sub": "s", "who": subject})
    assert refused.value.reason is Reason.IDENTITY_UNMAPPED
