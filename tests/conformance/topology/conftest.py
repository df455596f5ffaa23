"""Every test here runs over every arrangement; the heavy ones are `make test-topology`'s."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.topologies import TOPOLOGIES, Place, Topology, running
from trackway.client import Client

_PARAMETERS = [
    pytest.param(
        topology,
        id=topology.name,
        marks=[pytest.mark.xdist_group(topology.name), *([pytest.mark.topology] if topology.split else [])],
    )
    for topology in TOPOLOGIES
]


@pytest.fixture(scope="module", params=_PARAMETERS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    topology: Topology = request.param
    with running(topology) as started:
        yield started


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    with Client(place.uri, token=place.token) as connected:
        yield connected
