"""One S3 server for the tests of a worker that need it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.seaweed import Seaweed, running_seaweed


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    with running_seaweed() as server:
        yield server
