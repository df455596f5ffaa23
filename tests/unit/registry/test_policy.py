"""Every RPC has a permission, and every name of the domain its number in the contract."""

from __future__ import annotations

from trackway.api.registry.v1 import resources_pb2
from trackway_server.core.auth.principal import Role
from trackway_server.registry.domain.events import EventKind
from trackway_server.registry.module import DESCRIPTOR
from trackway_server.registry.policy import POLICY

READS = {"GetModel", "SearchModels", "GetVersion", "SearchVersions", "Resolve", "ListEvents", "Watch"}
READS |= {"GetManifestAccess", "ListModelRoles"}
ADMINISTERS = {"GrantModelRole", "RevokeModelRole"}
ADMINISTERS |= {"CreateWebhook", "GetWebhook", "ListWebhooks", "UpdateWebhook", "DeleteWebhook", "TestWebhook"}
READS |= {"ListVersionWriters", "ListVersionSeries", "ReadVersionSeries"}


def test_every_rpc_is_listed() -> None:
    assert set(POLICY) == {method.name for method in DESCRIPTOR.methods}


def test_viewers_read_and_editors_write() -> None:
    assert {name for name, permission in POLICY.items() if permission.role is Role.VIEWER} == READS
    assert {name for name, permission in POLICY.items() if permission.role is Role.ADMIN} == ADMINISTERS
    assert {POLICY[name].role for name in POLICY.keys() - READS - ADMINISTERS} == {Role.EDITOR}


def test_transitions_have_a_permission_of_their_own() -> None:
    assert [name for name, permission in POLICY.items() if permission.name == "models.transition"] == [
        "TransitionStage"
    ]


def test_event_kinds_are_those_of_the_contract() -> None:
    contract = {name.removeprefix("EVENT_KIND_"): number for name, number in resources_pb2.EventKind.items() if number}
    assert {kind.name: kind.value for kind in EventKind} == contract
