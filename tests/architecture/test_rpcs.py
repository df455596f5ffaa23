"""Every RPC of every service has a permission, an implementation and a test that names it."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from google.protobuf.descriptor import ServiceDescriptor

import trackway.api
from trackway_server.core.auth.principal import Permission

TESTS = Path(__file__).parents[1]


def services() -> list[ServiceDescriptor]:
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(trackway.api.__path__, "trackway.api.")
        if module.name.endswith("_service_pb2")
    ]
    return [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]


def area(service: ServiceDescriptor) -> str:
    """`tracking`, of trackway.api.tracking.v1.TrackingService."""
    return service.full_name.split(".")[2]


@pytest.mark.parametrize("service", services(), ids=area)
def test_every_rpc_has_a_permission_and_nothing_else_has(service: ServiceDescriptor) -> None:
    policy = importlib.import_module(f"trackway_server.{area(service)}.policy").POLICY
    assert set(policy) == {method.name for method in service.methods}
    assert all(isinstance(permission, Permission) for permission in policy.values())


@pytest.mark.parametrize("service", services(), ids=area)
def test_every_rpc_is_named_by_a_test(service: ServiceDescriptor) -> None:
    text = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py") if path != Path(__file__))
    words = set(re.findall(r"\w+", text))
    assert [method.name for method in service.methods if method.name not in words] == []


def test_there_are_services() -> None:
    assert {area(service) for service in services()} >= {"tracking", "artifacts", "registry"}
