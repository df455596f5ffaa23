"""Every test here runs over every arrangement; the heavy ones are `make test-topology`'s."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.topologies import TOPOLOGIES, Place, Topology, running
from trackway.client import Client


def over(*topologies: Topology) -> list[object]:
    """Parameters of a fixture that starts each of them."""
    heavy = [pytest.mark.topology, pytest.mark.timeout(900)]  # a dozen processes are started
    return [
        pytest.param(
            each,
            id=each.name,
            marks=[pytest.mark.xdist_group(each.name), *(heavy if each.split or each.shared else [])],
        )
        for each in topologies
    ]


@pytest.fixture(scope="module", params=over(*TOPOLOGIES))
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    topology: Topology = request.param
    with running(topology) as started:
        yield started


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    with Client(place.uri, token=place.token) as connected:
        yield connected
