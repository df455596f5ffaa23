"""Bytes to store, and how to store and read them through the port."""

from __future__ import annotations

import hashlib
import random
from contextlib import aclosing

import pytest

from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.ports import BlobStore
from trackway_server.core.errors import DomainError, Reason


def content(size: int, seed: int = 0) -> bytes:
    """`size` bytes that look random; of another seed, others."""
    return random.Random(seed).randbytes(size)


def digest_of(data: bytes) -> Digest:
    return Digest.of_hex(hashlib.sha256(data).hexdigest())


async def store(blobs: BlobStore, data: bytes, *, message_bytes: int = 1 << 20) -> Digest:
    """Store it in messages of that size."""
    digest = digest_of(data)
    async with blobs.writer() as writer:
        for start in range(0, len(data), message_bytes):
            await writer.write(data[start : start + message_bytes])
        await writer.commit(digest, len(data))
    return digest


async def pieces_of(blobs: BlobStore, digest: Digest, size: int, offset: int = 0) -> list[bytes]:
    async with aclosing(blobs.read(digest, size, offset)) as pieces:
        return [piece async for piece in pieces]


async def load(blobs: BlobStore, digest: Digest, size: int, offset: int = 0) -> bytes:
    return b"".join(await pieces_of(blobs, digest, size, offset))


async def assert_corrupt(blobs: BlobStore, digest: Digest, size: int) -> None:
    """Reading it is refused, and what came before the refusal is not all of it."""
    received = 0
    with pytest.raises(DomainError) as refusal:
        async with aclosing(blobs.read(digest, size)) as pieces:
            async for piece in pieces:
                received += len(piece)
    assert refusal.value.reason is Reason.BLOB_CORRUPT
    assert refusal.value.metadata == {"digest": digest.text}
    assert received < size or size == 0
