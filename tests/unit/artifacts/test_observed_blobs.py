"""What is counted of blobs: bytes each way, and what could not be written or read."""

from __future__ import annotations

import pytest

from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.observed import ObservedBlobs
from trackway_server.artifacts.store.blob_memory import MemoryBlobStore
from trackway_server.core.errors import DomainError
from trackway_server.core.telemetry import Telemetry

NOBODY = Digest("sha256:" + "0" * 64)


async def test_bytes_and_errors() -> None:
    telemetry = Telemetry()
    value = telemetry.registry.get_sample_value
    blobs = ObservedBlobs(MemoryBlobStore(), telemetry)
    with pytest.raises(DomainError):
        async with blobs.writer() as writer:
            await writer.write(b"abc")
            await writer.commit(NOBODY, 3)
    with pytest.raises(DomainError):
        async for _ in blobs.read(NOBODY, 3):
            pass
    with pytest.raises(RuntimeError, match="the caller's own"):
        async with blobs.writer():
            raise RuntimeError("the caller's own")
    assert value("trackway_artifact_written_bytes_total") == 3
    assert value("trackway_artifact_read_bytes_total") == 0
    errors = "trackway_artifact_blob_errors_total"
    assert value(errors, {"operation": "write", "reason": "DIGEST_MISMATCH"}) == 1
    assert value(errors, {"operation": "read", "reason": "BLOB_CORRUPT"}) == 1
    assert value(errors, {"operation": "write", "reason": "INTERNAL"}) is None
