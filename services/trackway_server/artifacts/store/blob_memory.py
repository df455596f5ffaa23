"""Blobs in memory: the reference for the port, and the store of tests that need no disk."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from trackway_server.artifacts.domain.digests import Digest, corrupt
from trackway_server.artifacts.domain.ports import BlobWriter
from trackway_server.artifacts.store.blob_check import PIECE_BYTES, check_received


class MemoryBlobStore:
    """The BlobStore port on a dictionary."""

    def __init__(self) -> None:
        self.blobs: dict[Digest, bytes] = {}

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[BlobWriter]:
        """See BlobStore."""
        yield _MemoryWriter(self.blobs)

    async def read(self, digest: Digest, size_bytes: int, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """See BlobStore."""
        data = self.blobs.get(digest)
        if data is None or len(data) != size_bytes or _digest_of(data) != digest:
            raise corrupt(digest.text)
        for start in range(offset, size_bytes, PIECE_BYTES):
            yield data[start : start + PIECE_BYTES]

    async def delete(self, digest: Digest) -> bool:
        """See BlobStore."""
        return self.blobs.pop(digest, None) is not None


class _MemoryWriter:
    def __init__(self, blobs: dict[Digest, bytes]) -> None:
        self._blobs = blobs
        self._data = bytearray()

    async def write(self, data: bytes) -> None:
        self._data += data

    async def commit(self, digest: Digest, size_bytes: int) -> None:
        data = bytes(self._data)
        check_received(digest, size_bytes, _digest_of(data), len(data))
        self._blobs[digest] = data


def _digest_of(data: bytes) -> Digest:
    return Digest.of_hex(hashlib.sha256(data).hexdigest())
