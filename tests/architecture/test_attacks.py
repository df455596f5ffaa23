"""Every authentication and resource attack of the catalogue has a test that names it: `Attack N` in its docstring."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
AUTHENTICATION = "integration/hostile/test_authentication_attacks.py"
RESOURCES = "integration/hostile/test_resources.py"
SPOOFING = "integration/tracking/test_ingest_spoofing.py"

ATTACKS: Mapping[int, tuple[str, Sequence[str]]] = {
    11: (
        "no authentication by default, on every interface",
        (
            f"{AUTHENTICATION}::test_no_auth_by_default_and_open_to_the_world",
            f"{AUTHENTICATION}::test_no_auth_beyond_this_machine_does_not_start",
        ),
    ),
    12: ("default credentials", (f"{AUTHENTICATION}::test_default_credentials",)),
    13: (
        "an endpoint that the auth layer forgot",
        (
            f"{AUTHENTICATION}::test_an_rpc_that_the_auth_layer_forgot",
            f"{AUTHENTICATION}::test_a_path_that_the_auth_layer_forgot",
        ),
    ),
    14: ("reads across tenants by id or digest", (f"{AUTHENTICATION}::test_ids_and_digests_of_another_tenant",)),
    15: ("tokens in URLs", (f"{AUTHENTICATION}::test_keys_in_addresses",)),
    16: (
        "credentials in clear text",
        (
            f"{AUTHENTICATION}::test_credentials_at_rest",
            f"{AUTHENTICATION}::test_credentials_in_the_profile",
        ),
    ),
    26: (
        "resource exhaustion",
        (
            f"{RESOURCES}::test_rapid_reset",
            f"{RESOURCES}::test_floods_of_tiny_frames",
            f"{RESOURCES}::test_connections_that_say_nothing_are_closed",
            f"{RESOURCES}::test_a_stream_that_never_says_what_it_wants_is_ended",
            f"{RESOURCES}::test_readers_that_never_read",
            f"{RESOURCES}::test_metrics_have_no_label_that_strangers_choose",
        ),
    ),
    30: ("a spoofed writer", (SPOOFING,)),
}
"""By number: what it is, and the tests that fail where it is not refused; a file stands for all of its tests."""

WANTED = {11, 12, 13, 14, 15, 16, 26, 30}


def test_the_list_is_whole() -> None:
    assert set(ATTACKS) == WANTED
    assert all(tests for _, tests in ATTACKS.values())


@pytest.mark.parametrize("number", ATTACKS)
def test_every_attack_has_a_test_that_names_it(number: int) -> None:
    for test in ATTACKS[number][1]:
        file, _, name = test.partition("::")
        module = ast.parse((TESTS / file).read_text())
        functions = {
            each.name: each for each in module.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        tests = [each for each in functions if each.startswith("test_")]
        assert name in functions if name else tests
        said = (ast.get_docstring(module) or "") + (ast.get_docstring(functions[name]) or "" if name else "")
        assert re.search(rf"\bAttack {number}\b", said), f"{test} does not say that it is about Attack {number}"
