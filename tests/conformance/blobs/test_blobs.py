"""The BlobStore port, line by line, over every adapter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.blob_content import assert_corrupt, content, digest_of, load, pieces_of, store
from support.s3_stores import s3_blobs
from trackway_server.artifacts.domain.ports import BlobStore
from trackway_server.artifacts.store.blob_local import open_local_blobs
from trackway_server.artifacts.store.blob_memory import MemoryBlobStore
from trackway_server.core.errors import DomainError, Reason

MIB = 1 << 20


@pytest.fixture(params=["memory", "local", "s3"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BlobStore]:
    match request.param:
        case "memory":
            yield MemoryBlobStore()
        case "local":
            async with open_local_blobs(tmp_path / "blobs") as store_:
                yield store_
        case _:
            async with s3_blobs(request.getfixturevalue("seaweed")) as store_:
                yield store_


SIZES = [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 9 * MIB + 17]


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_committed_comes_back(blobs: BlobStore, size: int) -> None:
    data = content(size)
    digest = await store(blobs, data)
    pieces = await pieces_of(blobs, digest, size)
    assert b"".join(pieces) == data
    assert all(0 < len(piece) <= MIB for piece in pieces)


@pytest.mark.parametrize("size", [0, 1, 5 * MIB + 3])
async def test_reading_goes_on_from_an_offset(blobs: BlobStore, size: int) -> None:
    data = content(size)
    digest = await store(blobs, data)
    for offset in {0, size // 2, min(size, 3 * MIB), max(size - 1, 0), size}:
        assert await load(blobs, digest, size, offset) == data[offset:]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.integers(0, 100_000), max_size=8))
async def test_the_bytes_may_come_in_any_messages(blobs: BlobStore, lengths: list[int]) -> None:
    data = content(sum(lengths), seed=len(lengths))
    digest, start = digest_of(data), 0
    async with blobs.writer() as writer:
        for length in lengths:
            await writer.write(data[start : start + length])
            start += length
        await writer.commit(digest, len(data))
    assert await load(blobs, digest, len(data)) == data


async def test_what_is_not_committed_leaves_no_trace(blobs: BlobStore) -> None:
    data = content(5 * MIB)
    async with blobs.writer() as writer:
        await writer.write(data)
    await assert_corrupt(blobs, digest_of(data), len(data))


@pytest.mark.parametrize("size", [10, 5 * MIB])
async def test_other_bytes_than_announced_are_refused(blobs: BlobStore, size: int) -> None:
    data, other = content(size), digest_of(b"other")
    with pytest.raises(DomainError) as refusal:
        async with blobs.writer() as writer:
            await writer.write(data)
            await writer.commit(other, size)
    assert refusal.value.reason is Reason.DIGEST_MISMATCH
    assert refusal.value.metadata == {"expected": other.text, "actual": digest_of(data).text}
    for digest in (other, digest_of(data)):
        await assert_corrupt(blobs, digest, size)


async def test_another_number_than_announced_is_refused(blobs: BlobStore) -> None:
    data = content(10)
    with pytest.raises(DomainError) as refusal:
        async with blobs.writer() as writer:
            await writer.write(data)
            await writer.commit(digest_of(data), 11)
    assert refusal.value.reason is Reason.DIGEST_MISMATCH
    await assert_corrupt(blobs, digest_of(data), 10)


async def test_a_size_that_is_not_the_blobs_finds_nothing(blobs: BlobStore) -> None:
    digest = await store(blobs, content(10))
    await assert_corrupt(blobs, digest, 9)
    await assert_corrupt(blobs, digest, 11)


async def test_the_same_bytes_at_the_same_time(blobs: BlobStore) -> None:
    data = content(2 * MIB)
    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(store(blobs, data))
    assert await load(blobs, digest_of(data), len(data)) == data


async def test_many_blobs_at_the_same_time(blobs: BlobStore) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store(blobs, content(300_000 + number, seed=number))) for number in range(16)]
    for number, task in enumerate(tasks):
        assert await load(blobs, task.result(), 300_000 + number) == content(300_000 + number, seed=number)


async def test_a_reader_may_stop_anywhere(blobs: BlobStore) -> None:
    data = content(9 * MIB)
    digest = await store(blobs, data)
    for wanted in (0, 1, 3):
        async with aclosing(blobs.read(digest, len(data))) as pieces:
            received = [await anext(pieces) for _ in range(wanted)]
        assert b"".join(received) == data[: wanted * MIB]


async def test_deleting(blobs: BlobStore) -> None:
    kept, data = await store(blobs, content(10, seed=1)), content(10)
    digest = await store(blobs, data)
    assert await blobs.delete(digest)
    assert not await blobs.delete(digest)
    await assert_corrupt(blobs, digest, 10)
    assert await load(blobs, kept, 10) == content(10, seed=1)
    await store(blobs, data)
    assert await load(blobs, digest, 10) == data
