"""Files that clients fetch and send straight from and to the S3 server of the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from support.artifact_serving import OTHER, RUN, Client, digest_text, refusal_of, serve_artifacts
from support.s3_stores import SMALLEST_PART, s3_blobs
from support.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed, new_prefix, unfinished_below
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.ports import PresignedTransfers
from trackway_server.artifacts.module import MIGRATIONS
from trackway_server.artifacts.store.garbage_sql import SqlGarbage
from trackway_server.core.clock import SystemClock
from trackway_server.core.db.opening import opened_database
from trackway_server.core.lifecycle import StartupError

FIRST, LAST = bytes(range(256)) * (SMALLEST_PART // 256), b"the end"


@pytest.fixture
async def client(seaweed: Seaweed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    for name, value in (("ACCESS_KEY_ID", ACCESS_KEY), ("SECRET_ACCESS_KEY", SECRET_KEY), ("PRESIGN_ENDPOINT", "same")):
        monkeypatch.setenv(f"TRACKWAY_S3_{name}", value)
    async with serve_artifacts(tmp_path, blob_url=seaweed.blob_url(new_prefix())) as served:
        yield served


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60, trust_env=False) as made:
        yield made


async def begun(client: Client, path: str = "a/b.bin", owner: str = RUN, parts: int = 2) -> pb.PresignUploadResponse:
    request = pb.PresignUploadRequest(owner=owner, path=path, part_count=parts)
    return await client.stub.PresignUpload(request)


async def sent(browser: httpx.AsyncClient, urls: list[str]) -> list[str]:
    answers = [await browser.put(url, content=data) for url, data in zip(urls, (FIRST, LAST), strict=True)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    return [answer.headers["etag"] for answer in answers]


def completion(upload_id: str, etags: list[str], path: str = "a/b.bin", owner: str = RUN) -> object:
    return pb.CompletePresignedUploadRequest(owner=owner, path=path, upload_id=upload_id, etags=etags)


async def test_a_file_is_sent_in_parts_and_fetched(client: Client, browser: httpx.AsyncClient) -> None:
    upload = await begun(client)
    more = pb.PresignUploadRequest(owner=RUN, path="a/b.bin", upload_id=upload.upload_id, first_part=2)
    urls = [upload.urls[0], *(await client.stub.PresignUpload(more)).urls]
    etags = await sent(browser, urls)
    assert await client.list() == []
    stored = (await client.stub.CompletePresignedUpload(completion(upload.upload_id, etags))).artifact
    whole = FIRST + LAST
    assert (stored.path, stored.digest, stored.size_bytes) == ("a/b.bin", digest_text(whole), len(whole))
    assert await client.download("a/b.bin") == whole
    assert await unfinished_below(client.blob_url) == []

    found = await client.stub.PresignDownload(pb.PresignDownloadRequest(owner=RUN, path="a/b.bin", lifetime_s=60))
    assert found.artifact.size_bytes == len(whole)
    assert (await browser.get(found.url)).content == whole
    part = await browser.get(found.url, headers={"range": "bytes=-7"})
    assert (part.status_code, part.content) == (206, LAST)
    assert part.headers["content-disposition"].startswith("attachment")
    for other in (await browser.put(found.url, content=b"x"), await browser.delete(found.url)):
        assert other.status_code == 403
    other_file = found.url.replace(stored.digest[-10:], "0" * 10)
    assert (await browser.get(other_file)).status_code == 403
    late = await browser.put(urls[0], content=FIRST)
    assert late.status_code >= 400
    assert await client.download("a/b.bin") == whole


async def test_addresses_take_the_size_that_was_declared(client: Client, browser: httpx.AsyncClient) -> None:
    whole = len(FIRST) + len(LAST)
    request = pb.PresignUploadRequest(
        owner=RUN, path="a/b.bin", part_count=2, size_bytes=whole, part_bytes=len(FIRST), lifetime_s=3600
    )
    upload = await client.stub.PresignUpload(request)
    assert upload.lifetime_s == 900
    for url, wrong in ((upload.urls[0], FIRST + b"x"), (upload.urls[0], FIRST[:-1]), (upload.urls[1], LAST + b"x")):
        assert (await browser.put(url, content=wrong)).status_code == 403
    etags = await sent(browser, list(upload.urls))
    for change in ({"size_bytes": 0, "part_bytes": 0}, {"part_count": 3}, {"size_bytes": whole + len(FIRST)}):
        other = pb.PresignUploadRequest(owner=RUN, path="a/b.bin", upload_id=upload.upload_id, first_part=1)
        other.size_bytes, other.part_bytes, other.part_count = whole, len(FIRST), 2
        for name, value in change.items():
            setattr(other, name, value)
        assert (await refusal_of(client.stub.PresignUpload(other))).reason == "INVALID_FIELD"
    stored = (await client.stub.CompletePresignedUpload(completion(upload.upload_id, etags))).artifact
    assert stored.size_bytes == whole

    upload = await client.stub.PresignUpload(request)
    etags = await sent(browser, list(upload.urls))
    forged = upload.upload_id.replace(f"-{whole}.", f"-{len(FIRST)}.")
    assert (
        await refusal_of(client.stub.CompletePresignedUpload(completion(forged, etags)))
    ).reason == "UPLOAD_NOT_FOUND"
    short = completion(upload.upload_id, etags[:1])
    assert (await refusal_of(client.stub.CompletePresignedUpload(short))).reason == "INVALID_FIELD"
    assert await unfinished_below(client.blob_url) == []


async def test_no_file_is_greater_than_the_server_takes(
    seaweed: Seaweed, browser: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        *(("ACCESS_KEY_ID", ACCESS_KEY), ("SECRET_ACCESS_KEY", SECRET_KEY), ("PRESIGN_ENDPOINT", "same")),
        *(("PRESIGN_MAX_BYTES", "100"), ("PRESIGN_LIFETIME_S", "60")),
    ):
        monkeypatch.setenv(f"TRACKWAY_S3_{name}", value)
    async with serve_artifacts(tmp_path, blob_url=seaweed.blob_url(new_prefix())) as client:
        declared = pb.PresignUploadRequest(owner=RUN, path="x", size_bytes=101)
        refused = await refusal_of(client.stub.PresignUpload(declared))
        assert (refused.reason, dict(refused.metadata)["maximum"]) == ("LIMIT_EXCEEDED", "100")
        upload = await begun(client, "x", parts=1)
        assert upload.lifetime_s == 60
        answer = await browser.put(upload.urls[0], content=bytes(101))
        ending = completion(upload.upload_id, [answer.headers["etag"]], "x")
        assert (await refusal_of(client.stub.CompletePresignedUpload(ending))).reason == "LIMIT_EXCEEDED"
        assert await client.list() == []
        assert await unfinished_below(client.blob_url) == []


async def test_an_upload_is_of_one_file(client: Client, browser: httpx.AsyncClient) -> None:
    upload = await begun(client)
    etags = await sent(browser, list(upload.urls))
    for wrong in (
        completion(upload.upload_id, etags, path="a/c.bin"),
        completion(upload.upload_id, etags, owner=OTHER),
        completion("0" * 32 + upload.upload_id[32:], etags),
        completion("nothing", etags),
    ):
        refused = await refusal_of(client.stub.CompletePresignedUpload(wrong))
        assert refused.reason == "UPLOAD_NOT_FOUND"
    for parts in ([etags[1], etags[0]], ['"' + "0" * 32 + '"', etags[1]]):
        refused = await refusal_of(client.stub.CompletePresignedUpload(completion(upload.upload_id, parts)))
        assert refused.reason == "INVALID_FIELD"
    assert await client.list() == [] == await client.list(owner=OTHER)
    await client.stub.CompletePresignedUpload(completion(upload.upload_id, etags))
    assert await client.list() == ["a/"]


async def test_bytes_that_are_just_being_collected_are_not_taken_for_kept(
    client: Client, browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    await client.upload("old.bin", FIRST + LAST)
    await client.delete("old.bin")
    upload = await begun(client)
    complete = completion(upload.upload_id, await sent(browser, list(upload.urls)))
    digest, now_us = Digest(digest_text(FIRST + LAST)), SystemClock().now_us()
    async with opened_database(tmp_path / "artifacts.db", MIGRATIONS, None) as database:
        garbage = SqlGarbage(database)
        await garbage.see_unused(now_us, now_us)
        assert await garbage.begin_removal(digest, now_us, now_us)
        refused = await refusal_of(client.stub.CompletePresignedUpload(complete))
        assert refused.reason == "SERVICE_UNAVAILABLE"
        await garbage.end_removal(digest)
    await client.stub.CompletePresignedUpload(complete)
    assert await client.download("a/b.bin") == FIRST + LAST


async def test_an_upload_that_is_aborted_leaves_nothing(client: Client, browser: httpx.AsyncClient) -> None:
    upload = await begun(client)
    etags = await sent(browser, list(upload.urls))
    abortion = pb.AbortPresignedUploadRequest(owner=RUN, path="a/b.bin", upload_id=upload.upload_id)
    for _ in range(2):
        await client.stub.AbortPresignedUpload(abortion)
    assert await unfinished_below(client.blob_url) == []
    refused = await refusal_of(client.stub.CompletePresignedUpload(completion(upload.upload_id, etags)))
    assert refused.reason == "UPLOAD_NOT_FOUND"


async def test_uploads_left_behind_are_removed(seaweed: Seaweed, browser: httpx.AsyncClient) -> None:
    prefix = new_prefix()
    async with s3_blobs(seaweed, prefix, presign_endpoint="same") as store:
        transfers = store.presigned
        assert transfers is not None
        upload = await transfers.begin("f" * 64)
        assert (await browser.put(await transfers.part_url(upload, 1, 60), content=LAST)).status_code == 200
        await store.sweep()
        assert len(await unfinished_below(seaweed.blob_url(prefix))) == 1
        await store.sweep(older_than=timedelta(seconds=-60))
        assert await unfinished_below(seaweed.blob_url(prefix)) == []


async def test_addresses_that_have_ended(seaweed: Seaweed, browser: httpx.AsyncClient) -> None:
    async with s3_blobs(seaweed, presign_endpoint="same") as store:
        transfers: PresignedTransfers | None = store.presigned
        assert transfers is not None
        upload = await transfers.begin("f" * 64)
        url = httpx.URL(await transfers.part_url(upload, 1, 60))
        ended = url.copy_set_param("X-Amz-Date", "20200101T000000Z")
        for wrong in (ended, url.copy_set_param("X-Amz-Expires", "600000"), url.copy_set_param("partNumber", "2")):
            assert (await browser.put(wrong, content=LAST)).status_code in {400, 403}
        await transfers.abort(upload)


async def test_what_is_refused(client: Client, tmp_path: Path) -> None:
    for request in (
        pb.PresignUploadRequest(owner=RUN, path="../x"),
        pb.PresignUploadRequest(owner=RUN, path="x", first_part=9_999, part_count=3),
        pb.PresignUploadRequest(owner=RUN, path="x", lifetime_s=3601),
    ):
        assert (await refusal_of(client.stub.PresignUpload(request))).reason in {
            "INVALID_FIELD",
            "ARTIFACT_PATH_INVALID",
        }
    absent = pb.PresignDownloadRequest(owner=RUN, path="nothing")
    assert (await refusal_of(client.stub.PresignDownload(absent))).reason == "ARTIFACT_NOT_FOUND"
    assert await unfinished_below(client.blob_url) == []
    async with serve_artifacts(tmp_path / "local") as local:
        upload = pb.PresignUploadRequest(owner=RUN, path="x")
        for asked in (
            local.stub.PresignUpload(upload),
            local.stub.PresignDownload(absent),
            local.stub.CompletePresignedUpload(completion("x", ["y"])),
            local.stub.AbortPresignedUpload(pb.AbortPresignedUploadRequest(owner=RUN, path="x", upload_id="y")),
        ):
            assert (await refusal_of(asked)).reason == "PRESIGNING_UNAVAILABLE"


async def test_an_endpoint_that_is_none(seaweed: Seaweed) -> None:
    with pytest.raises(StartupError, match="TRACKWAY_S3_PRESIGN_ENDPOINT"):
        async with s3_blobs(seaweed, presign_endpoint="ftp://x"):
            raise AssertionError
