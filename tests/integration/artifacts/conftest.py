"""One artifact store a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.artifact_serving import Client, serve_artifacts


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with serve_artifacts(tmp_path) as served:
        yield served
