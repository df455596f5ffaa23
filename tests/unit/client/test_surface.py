"""The synchronous client has the surface of the asynchronous one, and both know only RPCs that there are."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from support.scripted_server import SERVICES
from trackway._rpc.retry import IDEMPOTENT, STREAMS
from trackway._rpc.webhooks import AsyncWebhooks
from trackway._sync.webhooks import Webhooks
from trackway.aio import AsyncArtifacts, AsyncAuth, AsyncClient, AsyncLoggedModels, AsyncRegistry, AsyncTracking
from trackway.client import Artifacts, Auth, Client, LoggedModels, Registry, Tracking

PAIRS = [
    (AsyncTracking, Tracking),
    (AsyncLoggedModels, LoggedModels),
    (AsyncArtifacts, Artifacts),
    (AsyncRegistry, Registry),
    (AsyncWebhooks, Webhooks),
    (AsyncAuth, Auth),
    (AsyncClient, Client),
]
METHODS = [
    pytest.param(original, mirror, name, id=f"{mirror.__name__}.{name}")
    for original, mirror in PAIRS
    for name in sorted({*vars(original), *vars(mirror)})
    if not name.startswith("_") and callable(getattr(original, name, None) or getattr(mirror, name))
]


def synchronous(annotation: str) -> str:
    return re.sub(r"\bAsync(Iterator|Client)\b", r"\1", annotation)


@pytest.mark.parametrize(("original", "mirror", "name"), METHODS)
def test_a_method_has_the_same_signature(original: Any, mirror: Any, name: str) -> None:
    asynchronous, plain = getattr(original, name), getattr(mirror, name)
    expected, actual = inspect.signature(asynchronous), inspect.signature(plain)
    assert list(actual.parameters.values()) == list(expected.parameters.values())
    assert actual.return_annotation == synchronous(expected.return_annotation)
    assert not inspect.iscoroutinefunction(plain)


@pytest.mark.parametrize(("original", "mirror", "name"), METHODS)
def test_a_method_has_the_same_words(original: Any, mirror: Any, name: str) -> None:
    assert getattr(original, name).__doc__
    assert getattr(mirror, name).__doc__ == getattr(original, name).__doc__


@pytest.mark.parametrize(("original", "mirror"), PAIRS)
def test_nothing_is_missing_or_superfluous(original: Any, mirror: Any) -> None:
    def public(kind: Any) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(mirror) == public(original)
    assert {*mirror.__annotations__} == {*original.__annotations__}


def test_the_clients_are_made_alike() -> None:
    assert inspect.signature(Client) == inspect.signature(AsyncClient)


def test_every_call_that_may_be_repeated_is_an_rpc() -> None:
    known = {service.full_name: {method.name for method in service.methods} for service in SERVICES}
    assert set(IDEMPOTENT) == set(known)
    for service, methods in IDEMPOTENT.items():
        assert set(methods) <= known[service]


def test_every_streaming_rpc_is_known_as_one() -> None:
    for service in SERVICES:
        streaming = {method.name for method in service.methods if method.client_streaming or method.server_streaming}
        assert set(STREAMS[service.full_name]) == streaming


def test_no_method_answers_a_message() -> None:
    for original, _ in PAIRS:
        for name, method in vars(original).items():
            if not name.startswith("_") and callable(method):
                assert "pb" not in str(inspect.signature(method))
