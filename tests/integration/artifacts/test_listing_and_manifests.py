"""Listing, deleting and manifests through a real server."""

from __future__ import annotations

import pytest

from support.artifact_serving import RUN as OWNER
from support.artifact_serving import Client, digest_text, refusal_of
from support.blob_params import over_both_blob_stores
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb


async def test_listing(client: Client) -> None:
    for path in ("b/c", "b/d/e", "a", "b-c"):
        await client.upload(path, path.encode())
    assert await client.list() == ["a", "b-c", "b/"]
    assert await client.list("b") == ["b/c", "b/d/"]
    assert await client.list(recursive=True) == ["a", "b-c", "b/c", "b/d/e"]
    response = await client.stub.ListArtifacts(pb.ListArtifactsRequest(owner=OWNER))
    assert response.entries[0].digest == digest_text(b"a")
    assert response.entries[0].size_bytes == 1
    assert response.entries[2].is_folder
    assert (response.entries[2].digest, response.entries[2].size_bytes) == ("", 0)


async def test_pages(client: Client) -> None:
    for path in ("a", "b/c", "d"):
        await client.upload(path)
    request = pb.ListArtifactsRequest(owner=OWNER, page_size=2)
    first = await client.stub.ListArtifacts(request)
    request.page_token = first.next_page_token
    second = await client.stub.ListArtifacts(request)
    assert [entry.path for entry in [*first.entries, *second.entries]] == ["a", "b", "d"]
    assert second.next_page_token == ""
    request.recursive = True
    assert (await refusal_of(client.stub.ListArtifacts(request))).reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("page_size", [-1, 10_001, 2**31 - 1])
async def test_page_sizes_are_limited(client: Client, page_size: int) -> None:
    assert (await refusal_of(client.list(page_size=page_size))).fields == ["page_size"]


async def test_deleting(client: Client) -> None:
    for path in ("a/b", "a/c/d", "a-"):
        await client.upload(path)
    assert await client.delete("a") == 2
    assert await client.list(recursive=True) == ["a-"]
    for path in ("a", "a/b", "x"):
        refusal = await refusal_of(client.delete(path))
        assert (refusal.reason, refusal.metadata) == ("ARTIFACT_NOT_FOUND", {"owner": OWNER, "path": path})
    assert (await refusal_of(client.download("a/b"))).reason == "ARTIFACT_NOT_FOUND"


async def test_deleting_everything_needs_a_path(client: Client) -> None:
    await client.upload("a")
    assert (await refusal_of(client.delete(""))).fields == ["path"]
    assert await client.list() == ["a"]


@over_both_blob_stores
async def test_a_manifest_keeps_its_bytes(client: Client) -> None:
    await client.upload("model/MLmodel", b"flavors: {}")
    await client.upload("model/data/model.skops", b"weights")
    made = await client.create_manifest("model")
    assert [entry.path for entry in made.entries] == ["MLmodel", "data/model.skops"]
    assert made.size_bytes == 18
    await client.upload("model/MLmodel", b"changed")
    await client.delete("model/data")
    assert await client.get_manifest(made.digest) == made
    assert await client.download_of_manifest(made.digest, "MLmodel") == b"flavors: {}"
    assert await client.download_of_manifest(made.digest, "data/model.skops") == b"weights"
    assert (await client.create_manifest("model")).digest != made.digest


@over_both_blob_stores
async def test_what_is_in_no_manifest(client: Client) -> None:
    assert (await refusal_of(client.create_manifest())).reason == "ARTIFACT_NOT_FOUND"
    await client.upload("a/b")
    assert (await refusal_of(client.create_manifest("b"))).reason == "ARTIFACT_NOT_FOUND"
    digest = (await client.create_manifest("a")).digest
    assert (await refusal_of(client.download_of_manifest(digest, "a/b"))).reason == "ARTIFACT_NOT_FOUND"


@pytest.mark.parametrize("digest", ["", "x", "sha256:../../artifacts.db", "sha256:" + "A" * 64, "0" * 64])
async def test_a_digest_that_is_none(client: Client, digest: str) -> None:
    assert (await refusal_of(client.get_manifest(digest))).fields == ["digest"]
