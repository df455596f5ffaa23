"""One artifact store a test, over each blob store where a test says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.artifact_serving import Client, serve_artifacts
from support.seaweed import ACCESS_KEY, SECRET_KEY, new_prefix


@pytest.fixture
async def client(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    settings = {}
    if getattr(request, "param", "local") == "s3":
        monkeypatch.setenv("TRACKWAY_S3_ACCESS_KEY_ID", ACCESS_KEY)
        monkeypatch.setenv("TRACKWAY_S3_SECRET_ACCESS_KEY", SECRET_KEY)
        settings["blob_url"] = request.getfixturevalue("seaweed").blob_url(new_prefix())
    async with serve_artifacts(tmp_path, **settings) as served:
        yield served
