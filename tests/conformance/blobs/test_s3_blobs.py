"""S3: what lies in the bucket, and what happens when its server stops, dies, comes back, or refuses us."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import pytest
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

from support.blob_content import assert_corrupt, content, digest_of, load, store
from support.s3_stores import SMALLEST_PART, s3_blobs, s3_settings
from support.seaweed import BUCKET, Seaweed, keys_below, new_prefix, s3_client, uploads_below
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.store import blob_s3, s3_calls, s3_upload
from trackway_server.artifacts.store.blob_s3 import S3BlobStore, open_s3_blobs
from trackway_server.artifacts.store.s3_location import parse_blob_url
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.lifecycle import StartupError

MIB = 1 << 20
BIG = 3 * SMALLEST_PART + 17


@pytest.fixture
def prefix() -> str:
    return new_prefix()


@pytest.fixture
async def blobs(seaweed: Seaweed, prefix: str) -> AsyncIterator[S3BlobStore]:
    async with s3_blobs(seaweed, prefix) as opened:
        yield opened


@pytest.fixture
async def s3(seaweed: Seaweed) -> AsyncIterator[Any]:
    async with s3_client(seaweed.endpoint) as client:
        yield client


def place(prefix: str, digest: Digest) -> str:
    return f"{prefix}/sha256/{digest.hex[:2]}/{digest.hex[2:]}"


async def unfinished(s3: Any, prefix: str) -> list[str]:
    return await keys_below(s3, f"{prefix}/incoming/") + await uploads_below(s3, f"{prefix}/")


@pytest.mark.parametrize("size", [0, 5, SMALLEST_PART, SMALLEST_PART + 1, BIG])
async def test_the_layout(blobs: S3BlobStore, s3: Any, prefix: str, size: int) -> None:
    digest = await store(blobs, content(size))
    assert await keys_below(s3, prefix) == [place(prefix, digest)]
    assert await unfinished(s3, prefix) == []


async def test_the_encryption_asked_for_is_asked_of_s3(
    blobs: S3BlobStore, prefix: str, seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As parameters; that a server encrypts with them is its own affair."""
    url = seaweed.blob_url(prefix) + "&sse=aws:kms&kms_key=ours"
    async with open_s3_blobs(parse_blob_url(url), s3_settings()) as encrypting:
        asked: list[dict[str, object]] = []
        for name in ("put_object", "create_multipart_upload", "copy_object"):
            plain = getattr(encrypting._client, name)

            async def noted(plain: Any = plain, **parameters: Any) -> object:
                asked.append({key: parameters.pop(key) for key in ("ServerSideEncryption", "SSEKMSKeyId")})
                return await plain(**parameters)

            monkeypatch.setattr(encrypting._client, name, noted)
        await store(encrypting, b"hello")
        await store(encrypting, content(BIG))
    assert asked == [{"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "ours"}] * 3
    assert await load(blobs, digest_of(content(BIG)), BIG) == content(BIG)


async def test_buckets_are_addressed_as_asked() -> None:
    for given, host in (("path", "127.0.0.1:1/bucket/"), ("virtual", "bucket.s3.example.org/")):
        endpoint = "http://127.0.0.1:1" if given == "path" else "https://s3.example.org"
        location = parse_blob_url(f"s3://bucket?endpoint={endpoint}&addressing={given}")
        arguments = blob_s3._client_arguments(location, s3_settings())
        async with get_session().create_client("s3", **arguments) as client:
            url = await client.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "k"})
        assert host in url
        assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url


async def test_two_replicas_share_their_bytes(seaweed: Seaweed, blobs: S3BlobStore, prefix: str) -> None:
    digest = await store(blobs, content(BIG))
    async with s3_blobs(seaweed, prefix) as other:
        assert await load(other, digest, BIG) == content(BIG)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "flipped": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "shorter": lambda data: data[:-1],
    "longer": lambda data: data + b"x",
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("size", [100, BIG])
@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_is_found_and_healed_by_storing_again(
    blobs: S3BlobStore, s3: Any, prefix: str, damage: str, size: int
) -> None:
    data = content(size)
    digest = await store(blobs, data)
    await s3.put_object(Bucket=BUCKET, Key=place(prefix, digest), Body=DAMAGES[damage](data))
    await assert_corrupt(blobs, digest, size)
    await store(blobs, data)
    assert await load(blobs, digest, size) == data


async def test_a_great_blob_is_copied_in_parts(
    blobs: S3BlobStore, s3: Any, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_upload, "COPY_BYTES", SMALLEST_PART)
    digest = await store(blobs, content(BIG))
    assert await load(blobs, digest, BIG) == content(BIG)
    assert await keys_below(s3, prefix) == [place(prefix, digest)]
    assert await unfinished(s3, prefix) == []


@pytest.mark.parametrize("size", [1, 33 * MIB, 80_000 * MIB, 5 << 40])
def test_copying_takes_no_more_parts_than_s3_does(size: int) -> None:
    assert s3_upload.copy_step(size) * s3_upload.MAX_PARTS >= size
    assert s3_upload.copy_step(size) <= 5 << 30


async def test_more_parts_than_s3_takes_are_refused(
    blobs: S3BlobStore, s3: Any, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_upload, "MAX_PARTS", 2)
    with pytest.raises(DomainError) as refusal:
        await store(blobs, content(BIG))
    assert refusal.value.reason is Reason.LIMIT_EXCEEDED
    assert await unfinished(s3, prefix) == []


async def test_memory_does_not_grow_with_the_blob(seaweed: Seaweed) -> None:
    part = content(MIB)
    whole = digest_of(part * 64)
    async with s3_blobs(seaweed) as blobs:
        tracemalloc.start()
        async with blobs.writer() as writer:
            for _ in range(64):
                await writer.write(part)
            await writer.commit(whole, 64 * MIB)
        async with aclosing(blobs.read(whole, 64 * MIB)) as pieces:
            async for _ in pieces:
                pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 40 * MIB


KILLED = """
import asyncio, os, signal, sys
from trackway_server.artifacts.config import S3Settings
from trackway_server.artifacts.store.blob_s3 import open_s3_blobs
from trackway_server.artifacts.store.s3_location import parse_blob_url
async def main():
    settings = S3Settings(part_bytes=5 << 20, access_key_id="test", secret_access_key="test-secret")
    async with open_s3_blobs(parse_blob_url(sys.argv[1]), settings) as blobs, blobs.writer() as writer:
        for _ in range(17):
            await writer.write(bytes(1 << 20))
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_what_a_killed_server_left_is_invisible_and_swept(seaweed: Seaweed, s3: Any, prefix: str) -> None:
    url = seaweed.blob_url(prefix)
    killed = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", KILLED, url], check=False)
    assert killed.returncode == -9
    assert len(await uploads_below(s3, f"{prefix}/incoming/")) == 1
    assert await keys_below(s3, prefix) == []
    await s3.put_object(Bucket=BUCKET, Key=f"{prefix}/incoming/left", Body=b"copied, not removed")
    async with s3_blobs(seaweed, prefix) as blobs:
        assert len(await unfinished(s3, prefix)) == 2, "another replica may be writing them"
        await blobs.sweep(timedelta(seconds=-5))
        assert await unfinished(s3, prefix) == []


async def test_an_upload_that_is_cancelled_leaves_nothing(blobs: S3BlobStore, s3: Any, prefix: str) -> None:
    async def upload() -> None:
        async with blobs.writer() as writer:
            await writer.write(content(BIG))
            await asyncio.Event().wait()

    task = asyncio.create_task(upload())
    async with asyncio.timeout(20):
        while not await uploads_below(s3, prefix):
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(20):
        while await unfinished(s3, prefix):
            await asyncio.sleep(0.02)
    assert await keys_below(s3, prefix) == []


async def test_an_upload_goes_on_when_the_server_is_back(seaweed: Seaweed, s3: Any, prefix: str) -> None:
    data = content(BIG)
    async with s3_blobs(seaweed, prefix, patience_s=60) as blobs, blobs.writer() as writer:
        await writer.write(data[: 2 * SMALLEST_PART])
        seaweed.kill()
        sending = asyncio.create_task(writer.write(data[2 * SMALLEST_PART :]))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(seaweed.start)
        await sending
        await writer.commit(digest_of(data), BIG)
        assert await load(blobs, digest_of(data), BIG) == data


async def test_a_download_goes_on_when_the_server_is_back(seaweed: Seaweed, prefix: str) -> None:
    data = content(24 * MIB)
    async with s3_blobs(seaweed, prefix, patience_s=60) as blobs:
        digest = await store(blobs, data)
        async with aclosing(blobs.read(digest, len(data))) as pieces:
            received = [await anext(pieces)]
            seaweed.kill()
            await asyncio.to_thread(seaweed.start)
            received += [piece async for piece in pieces]
        assert b"".join(received) == data


def assert_unavailable(refusal: pytest.ExceptionInfo[DomainError], seaweed: Seaweed) -> None:
    assert refusal.value.reason is Reason.SERVICE_UNAVAILABLE
    assert refusal.value.metadata == {"service": "blob store"}
    assert "blob store" in refusal.value.message
    assert seaweed.endpoint not in refusal.value.message


async def test_a_server_that_stays_silent_is_told_and_nothing_is_half_done(
    seaweed: Seaweed, s3: Any, prefix: str, blobs: S3BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, other = content(BIG), content(BIG, seed=1)
    digest = await store(blobs, data)
    async with aclosing(blobs.read(digest, BIG)) as pieces:
        await anext(pieces)
        with seaweed.stopped(), monkeypatch.context() as impatient:
            impatient.setattr(blobs._calls, "_patience_s", 0.3)
            impatient.setattr(s3_calls, "REQUEST_S", 0.5)
            for doing in (
                lambda: store(blobs, other),
                lambda: store(blobs, b"small"),
                lambda: load(blobs, digest, BIG),
                lambda: blobs.delete(digest),
            ):
                with pytest.raises(DomainError) as refusal:
                    await asyncio.wait_for(doing(), 20)
                assert_unavailable(refusal, seaweed)
    assert await load(blobs, digest, BIG) == data
    assert place(prefix, digest_of(other)) not in await keys_below(s3, prefix)


async def test_a_server_that_dies_in_an_upload_leaves_nothing_visible(seaweed: Seaweed, s3: Any, prefix: str) -> None:
    data = content(BIG)
    async with s3_blobs(seaweed, prefix, patience_s=0.3) as blobs:
        with pytest.raises(DomainError) as refusal:
            async with blobs.writer() as writer:
                await writer.write(data[:-1])
                seaweed.kill()
                await writer.write(data[-1:])
                await writer.commit(digest_of(data), BIG)
        assert_unavailable(refusal, seaweed)
    await asyncio.to_thread(seaweed.start)
    async with s3_blobs(seaweed, prefix, patience_s=60) as blobs:
        await assert_corrupt(blobs, digest_of(data), BIG)
        assert await keys_below(s3, prefix) == []
        await store(blobs, data)
        assert await load(blobs, digest_of(data), BIG) == data


async def test_an_upload_is_done_though_the_answer_that_says_so_is_lost(
    blobs: S3BlobStore, s3: Any, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete, asked = blobs._client.complete_multipart_upload, []

    async def answer_lost(**parameters: object) -> object:
        asked.append(parameters)
        answer = await complete(**parameters)
        if len(asked) == 1:
            raise TimeoutError
        return answer

    monkeypatch.setattr(blobs._client, "complete_multipart_upload", answer_lost)
    digest = await store(blobs, content(BIG))
    assert len(asked) == 2
    assert await load(blobs, digest, BIG) == content(BIG)
    assert await unfinished(s3, prefix) == []


async def opening(url: str, **settings: object) -> str:
    """What the start is refused with."""
    with pytest.raises(StartupError) as refusal:
        async with open_s3_blobs(parse_blob_url(url), s3_settings(**settings)):
            pass
    assert "\n" not in str(refusal.value)
    assert "test-secret" not in str(refusal.value)
    return str(refusal.value)


async def test_a_start_that_cannot_be_is_one_clear_line(seaweed: Seaweed) -> None:
    assert "there is no such bucket; create it" in await opening(seaweed.blob_url(bucket="no-such-bucket"))
    assert "refuses the credentials (SignatureDoesNotMatch)" in await opening(
        seaweed.blob_url(), secret_access_key="wrong"
    )
    assert "refuses the credentials (InvalidAccessKeyId)" in await opening(seaweed.blob_url(), access_key_id="wrong")
    assert "cannot be reached" in await opening("s3://bucket?endpoint=http://127.0.0.1:1")


async def test_a_start_without_credentials(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    said = await opening(seaweed.blob_url(), access_key_id=None, secret_access_key=None)
    assert "no credentials found; set TRACKWAY_S3_ACCESS_KEY_ID" in said


async def test_credentials_of_the_aws_chain(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    async with s3_blobs(seaweed, access_key_id=None, secret_access_key=None) as blobs:
        digest = await store(blobs, b"hello")
        assert await load(blobs, digest, 5) == b"hello"


async def test_what_is_refused_for_good_is_not_repeated(
    blobs: S3BlobStore, seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def refuse(**parameters: object) -> None:
        asked.append(parameters)
        answer = {"Error": {"Code": "AccessDenied", "Message": "hush"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        raise ClientError(answer, "PutObject")

    monkeypatch.setattr(blobs._client, "put_object", refuse)
    with pytest.raises(DomainError) as refusal:
        await store(blobs, b"hello")
    assert_unavailable(refusal, seaweed)
    assert "hush" not in refusal.value.message
    assert len(asked) == 1


@pytest.mark.parametrize(("code", "status"), [("InsufficientStorage", 507), ("QuotaExceeded", 403)])
async def test_a_full_store_is_told(
    blobs: S3BlobStore, monkeypatch: pytest.MonkeyPatch, code: str, status: int
) -> None:
    async def refuse(**parameters: object) -> None:
        answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(answer, "PutObject")

    monkeypatch.setattr(blobs._client, "put_object", refuse)
    with pytest.raises(DomainError) as refusal:
        await store(blobs, b"hello")
    assert refusal.value.reason is Reason.STORAGE_FULL
