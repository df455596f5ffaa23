"""Uploads and downloads through a real server: order, digests, offsets, cancellation."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import grpc
import pytest

from support.artifact_serving import (
    MIB,
    OTHER,
    RUN,
    Client,
    data_of,
    digest_text,
    download,
    header,
    refusal_of,
    serve_artifacts,
    trailer,
)
from support.blob_content import content
from support.blob_params import over_both_blob_stores
from support.seaweed import unfinished_below
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb

EMPTY = pb.UploadArtifactRequest()


async def leftovers(client: Client) -> list[str]:
    if client.blob_url:
        return await unfinished_below(client.blob_url)
    return os.listdir(client.data_dir / "blobs" / "incoming")


@over_both_blob_stores
@pytest.mark.parametrize("size", [0, 1, MIB, 9 * MIB + 5])
async def test_a_file_there_and_back(client: Client, size: int) -> None:
    data = content(size)
    artifact = await client.upload("a/b.bin", data)
    assert (artifact.owner, artifact.path, artifact.size_bytes) == (RUN, "a/b.bin", size)
    assert artifact.digest == digest_text(data)
    assert artifact.create_time_us > 0
    answers = [answer async for answer in client.stub.DownloadArtifact(download("a/b.bin"))]
    assert answers[0].artifact == artifact
    assert b"".join(answer.data for answer in answers[1:]) == data
    assert all(0 < len(answer.data) <= MIB for answer in answers[1:])
    for offset in {size // 2, size}:
        assert await client.download("a/b.bin", offset=offset) == data[offset:]


@over_both_blob_stores
async def test_an_offset_beyond_the_end(client: Client) -> None:
    await client.upload("a", b"12345")
    assert (await refusal_of(client.download("a", offset=6))).fields == ["offset"]
    assert (await refusal_of(client.download("a", offset=-1))).fields == ["offset"]


DATA, MORE = data_of(b"hello")[0], trailer(b"hello")


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [DATA],
        [MORE],
        [EMPTY],
        [header("a")],
        [header("a"), DATA],
        [header("a"), header("a"), DATA, MORE],
        [header("a"), DATA, header("a"), MORE],
        [header("a"), EMPTY, DATA, MORE],
        [header("a"), DATA, MORE, DATA],
        [header("a"), DATA, MORE, MORE],
        [header("a"), DATA, MORE, header("b"), DATA, MORE],
        [header("a"), MORE, DATA],
    ],
)
async def test_messages_out_of_order(client: Client, messages: list[pb.UploadArtifactRequest]) -> None:
    refusal = await refusal_of(client.send(messages))
    assert refusal.reason == "MALFORMED_REQUEST"
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert await client.list(recursive=True) == []
    assert await leftovers(client) == []


@over_both_blob_stores
@pytest.mark.parametrize("size", [5, 9 * MIB])
@pytest.mark.parametrize("end", [trailer(b"other"), pb.UploadArtifactRequest(trailer={"digest": digest_text(b"")})])
async def test_another_digest_leaves_what_was_there(client: Client, size: int, end: pb.UploadArtifactRequest) -> None:
    await client.upload("a", b"before")
    refusal = await refusal_of(client.send([header("a"), *data_of(content(size)), end]))
    assert refusal.reason == "DIGEST_MISMATCH"
    assert refusal.metadata == {"expected": end.trailer.digest, "actual": digest_text(content(size))}
    assert await client.download("a") == b"before"
    assert await leftovers(client) == []


@over_both_blob_stores
async def test_another_size_is_refused(client: Client) -> None:
    end = pb.UploadArtifactRequest(trailer={"digest": digest_text(b"hello"), "size_bytes": 4})
    assert (await refusal_of(client.send([header("a"), DATA, end]))).reason == "DIGEST_MISMATCH"


async def test_messages_are_limited(client: Client) -> None:
    refusal = await refusal_of(client.send([header("a"), pb.UploadArtifactRequest(data=bytes(MIB + 1))]))
    assert refusal.fields == ["data"]


@over_both_blob_stores
async def test_a_later_upload_replaces(client: Client) -> None:
    await client.upload("a", b"old")
    await client.upload("a", b"newer")
    assert await client.download("a") == b"newer"
    assert await client.list() == ["a"]


@over_both_blob_stores
async def test_a_download_goes_on_with_what_it_began_though_the_file_is_replaced(client: Client) -> None:
    data = content(40 * MIB)
    await client.upload("a", data)
    answers = aiter(client.stub.DownloadArtifact(download("a")))
    received = [await anext(answers), await anext(answers)]
    await client.upload("a", b"newer")
    await client.delete("a")
    received += [answer async for answer in answers]
    assert b"".join(answer.data for answer in received) == data


@over_both_blob_stores
async def test_a_conflict_is_told_also_after_the_data(client: Client) -> None:
    await client.upload("a", b"x")
    for path in ("a/b", "a/b/c"):
        refusal = await refusal_of(client.upload(path, content(3 * MIB)))
        assert (refusal.reason, refusal.metadata) == ("ARTIFACT_PATH_CONFLICT", {"path": path})
    assert await client.download("a") == b"x"


@over_both_blob_stores
async def test_conflicting_uploads_at_once(client: Client) -> None:
    paths = ["f", "f/a", "f/a/b"]
    results = await asyncio.gather(*(client.upload(path) for path in paths), return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert len(await client.list(recursive=True)) == 1


@over_both_blob_stores
async def test_an_upload_that_is_cancelled_leaves_nothing(client: Client) -> None:
    call = client.stub.UploadArtifact()
    await call.write(header("a"))
    for message in data_of(content(9 * MIB)):
        await call.write(message)
    call.cancel()
    await client.upload("b", b"x")
    async with asyncio.timeout(10):
        while await leftovers(client):
            await asyncio.sleep(0.01)
    assert await client.list() == ["b"]


async def test_an_upload_that_falls_silent_is_ended(tmp_path: Path) -> None:
    async with serve_artifacts(tmp_path, upload_idle_s=0.2) as client:
        call = client.stub.UploadArtifact()
        await call.write(header("a"))
        await call.write(DATA)
        assert (await refusal_of(call)).reason == "DEADLINE_EXCEEDED"
        assert await client.upload("a", b"x")


async def test_more_uploads_than_slots_take_turns(tmp_path: Path) -> None:
    async with serve_artifacts(tmp_path, max_uploads=2) as client:
        await asyncio.gather(*(client.upload(f"f{number}", content(MIB, seed=number)) for number in range(12)))
        assert len(await client.list()) == 12


async def test_a_download_that_is_cancelled_closes_its_file(client: Client) -> None:
    await client.upload("a", content(40 * MIB))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        call = client.stub.DownloadArtifact(download("a"))
        await call.read()
        call.cancel()
    async with asyncio.timeout(10):
        while len(os.listdir("/proc/self/fd")) > before:
            await asyncio.sleep(0.01)


async def test_owner_or_manifest_and_not_both(client: Client) -> None:
    await client.upload("a")
    digest = (await client.create_manifest()).digest
    for fields in ({"owner": ""}, {"manifest_digest": digest}):
        assert (await refusal_of(client.download("a", **fields))).fields == ["owner"]


@pytest.mark.parametrize("owner", ["", "runs", "runs/" + "A" * 32, "models/x", RUN + "/a", "../" + RUN, RUN + "\n"])
async def test_an_owner_that_is_none(client: Client, owner: str) -> None:
    assert (await refusal_of(client.upload("a", owner=owner))).fields == ["header.owner"]
    assert (await refusal_of(client.list(owner=owner))).fields == ["owner"]


async def test_another_workspace_is_not_found(client: Client) -> None:
    await client.upload("a")
    digest = (await client.create_manifest()).digest
    calls = [
        client.send([header("a", workspace="other"), DATA, MORE]),
        client.list(workspace="other"),
        client.download("a", workspace="other"),
        client.download("a", owner="", manifest_digest=digest, workspace="other"),
        client.stub.DeleteArtifacts(pb.DeleteArtifactsRequest(owner=RUN, path="a", workspace="other")),
        client.stub.CreateManifest(pb.CreateManifestRequest(owner=RUN, workspace="other")),
        client.stub.GetManifest(pb.GetManifestRequest(digest=digest, workspace="other")),
    ]
    for call in calls:
        assert (await refusal_of(call)).reason == "WORKSPACE_NOT_FOUND"


@over_both_blob_stores
async def test_a_blobs_digest_grants_nothing(client: Client) -> None:
    """Whoever knows the digest of a file of another run can neither read it nor learn that it is there."""
    artifact = await client.upload("secret", b"secret", owner=OTHER)
    assert (await refusal_of(client.download_of_manifest(artifact.digest, "secret"))).reason == "MANIFEST_NOT_FOUND"
    assert (await refusal_of(client.get_manifest(artifact.digest))).reason == "MANIFEST_NOT_FOUND"
    assert (await refusal_of(client.send([header("a"), trailer(b"secret")]))).reason == "DIGEST_MISMATCH"


async def test_damage_on_the_disk_is_told(client: Client) -> None:
    artifact = await client.upload("a", content(5 * MIB))
    (blob,) = [path for path in (client.data_dir / "blobs" / "sha256").rglob("*") if path.is_file()]
    with blob.open("r+b") as file:
        file.seek(4 * MIB)
        file.write(b"damage")
    refusal = await refusal_of(client.download("a"))
    assert refusal.code is grpc.StatusCode.DATA_LOSS
    assert (refusal.reason, refusal.metadata) == ("BLOB_CORRUPT", {"digest": artifact.digest})


async def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    async with serve_artifacts(tmp_path) as client:
        await client.upload("a/b", b"kept")
        digest = (await client.create_manifest("a")).digest
    async with serve_artifacts(tmp_path) as client:
        assert await client.download("a/b") == b"kept"
        assert await client.download_of_manifest(digest, "b") == b"kept"
