"""Every authentication, browser and resource attack of the catalogue has a test that names it: `Attack N`."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
AUTHENTICATION = "integration/hostile/test_authentication_attacks.py"
RESOURCES = "integration/hostile/test_resources.py"
BROWSERS = "integration/gateway/test_browser_attacks.py"
TRANSFERS = "integration/gateway/test_artifact_attacks.py"
FILES = "unit/gateway/test_mlflow_files.py"
SPOOFING = "integration/tracking/test_ingest_spoofing.py"

WEBHOOKS = "integration/registry/test_webhook_rpcs.py"
ADDRESSES = "unit/core/test_outbound.py"

ATTACKS: Mapping[int, tuple[str, Sequence[str]]] = {
    9: (
        "webhooks that call what lies inside",
        (
            f"{ADDRESSES}::test_what_is_not_public",
            f"{WEBHOOKS}::test_what_is_refused_at_once",
            f"{WEBHOOKS}::test_a_name_that_leads_inside_is_never_connected_to",
        ),
    ),
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
    17: (
        "DNS rebinding",
        (
            f"{BROWSERS}::test_a_name_that_was_rebound",
            f"{BROWSERS}::test_loopback_by_any_port_is_no_rebinding",
        ),
    ),
    18: (
        "cross-site request forgery",
        (
            f"{BROWSERS}::test_a_page_of_another_site",
            f"{BROWSERS}::test_simple_requests",
            f"{BROWSERS}::test_a_cookie_opens_nothing",
        ),
    ),
    19: ("stored scripts", (f"{FILES}::test_types_that_no_browser_runs",)),
    20: ("clickjacking, open CORS", (f"{BROWSERS}::test_no_preflight_is_answered_and_nothing_may_be_framed",)),
    26: (
        "resource exhaustion",
        (
            f"{BROWSERS}::test_bodies_that_are_too_large",
            f"{BROWSERS}::test_strangers_may_not_send_much",
            f"{BROWSERS}::test_a_body_that_does_not_come_to_its_end",
            f"{BROWSERS}::test_json_that_is_none",
            f"{TRANSFERS}::test_who_sends_slowly_holds_no_place",
            f"{TRANSFERS}::test_who_reads_slowly_is_given_up",
            f"{RESOURCES}::test_rapid_reset",
            f"{RESOURCES}::test_floods_of_tiny_frames",
            f"{RESOURCES}::test_connections_that_say_nothing_are_closed",
            f"{RESOURCES}::test_a_stream_that_never_says_what_it_wants_is_ended",
            f"{RESOURCES}::test_readers_that_never_read",
            f"{RESOURCES}::test_metrics_have_no_label_that_strangers_choose",
        ),
    ),
    29: ("forged and replayed webhooks", (f"{WEBHOOKS}::test_every_change_is_told_once_in_order_and_signed",)),
    30: ("a spoofed writer", (SPOOFING,)),
}
"""By number: what it is, and the tests that fail where it is not refused; a file stands for all of its tests."""

WANTED = {9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 26, 29, 30}


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
