"""The ArtifactIndex port, line by line, over every adapter: files, conflicts, deletion, manifests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.artifact_indexes import ADAPTERS, ELSEWHERE, OTHER, OWNER, artifact, open_index, put_all
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.manifests import MAX_FILES, Manifest, manifest_digest
from trackway_server.artifacts.domain.paths import ArtifactPath, parse_folder
from trackway_server.artifacts.domain.ports import ArtifactIndex
from trackway_server.core.errors import DomainError, Reason

NO_DIGEST = Digest.of_hex("0" * 64)


@pytest.fixture(params=ADAPTERS)
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ArtifactIndex]:
    async with open_index(request.param, tmp_path) as opened:
        yield opened


async def paths(index: ArtifactIndex, owner: object = OWNER) -> list[str]:
    return [entry.path.text for entry in await index.files_below(owner, None, start="", limit=100)]


async def test_a_file_comes_back_as_it_was_put(index: ArtifactIndex) -> None:
    one = artifact("a/\u00e9 b.txt", "content", time=1_700_000_000_000_000)
    await index.put(one)
    assert await index.get(OWNER, one.path) == one


async def test_a_file_of_two_to_the_fifty_bytes(index: ArtifactIndex) -> None:
    one = artifact("a")
    large = type(one)(one.owner, one.path, one.digest, 1 << 50, one.create_time_us)
    await index.put(large)
    assert (await index.get(OWNER, one.path)).size_bytes == 1 << 50


async def test_a_later_file_takes_the_place(index: ArtifactIndex) -> None:
    await index.put(artifact("a", "old", time=1))
    await index.put(artifact("a", "newer", time=2))
    assert await index.get(OWNER, ArtifactPath("a")) == artifact("a", "newer", time=2)
    assert await paths(index) == ["a"]


@pytest.mark.parametrize("path", ["b", "a/b", "A", "ax"])
async def test_no_file_is_not_found(index: ArtifactIndex, path: str) -> None:
    await put_all(index, "a")
    with pytest.raises(DomainError) as refusal:
        await index.get(OWNER, ArtifactPath(path))
    assert refusal.value.reason is Reason.ARTIFACT_NOT_FOUND
    assert refusal.value.metadata == {"owner": OWNER.name, "path": path}


async def test_owners_and_workspaces_do_not_see_each_other(index: ArtifactIndex) -> None:
    await put_all(index, "a", "x/y")
    for stranger in (OTHER, ELSEWHERE):
        with pytest.raises(DomainError):
            await index.get(stranger, ArtifactPath("a"))
        with pytest.raises(DomainError):
            await index.delete(stranger, ArtifactPath("a"))
        with pytest.raises(DomainError):
            await index.create_manifest(stranger, None, 1)
        assert await paths(index, stranger) == []
        assert await index.children(stranger, None, start="", limit=10) == []
        await index.put(artifact("x", owner=stranger))
    assert await paths(index) == ["a", "x/y"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("a", "a/b"), ("a/b", "a"), ("a/b", "a/b/c/d"), ("a/b/c/d", "a/b"), ("a", "a/b/c/d"), ("a/b/c/d", "a")],
)
async def test_nothing_is_a_file_and_a_folder(index: ArtifactIndex, first: str, second: str) -> None:
    await put_all(index, first)
    with pytest.raises(DomainError) as refusal:
        await put_all(index, second)
    assert refusal.value.reason is Reason.ARTIFACT_PATH_CONFLICT
    assert refusal.value.metadata == {"path": second}
    assert await paths(index) == [first]
    await index.delete(OWNER, ArtifactPath(first))
    await put_all(index, second)


async def test_neighbours_are_no_conflict(index: ArtifactIndex) -> None:
    names = ["a", "a-b", "a.b", "a0", "ab", "b/a", "b/ab/c", "b-/a"]
    await put_all(index, *names)
    assert await paths(index) == sorted(names)


async def test_of_conflicting_files_put_at_once_one_is_recorded(index: ArtifactIndex) -> None:
    for number in range(10):
        group = [index.put(artifact(path)) for path in (f"f{number}", f"f{number}/a", f"f{number}/a/b")]
        results = await asyncio.gather(*group, return_exceptions=True)
        refusals = [result for result in results if result is not None]
        assert all(isinstance(one, DomainError) for one in refusals)
        assert len(refusals) == 2
    assert len(await paths(index)) == 10


async def test_deleting_a_file(index: ArtifactIndex) -> None:
    await put_all(index, "a", "a-b", "ab")
    assert await index.delete(OWNER, ArtifactPath("a")) == 1
    assert await paths(index) == ["a-b", "ab"]


async def test_deleting_a_folder_spares_its_neighbours(index: ArtifactIndex) -> None:
    await put_all(index, "a-b", "a/b", "a/c/d", "a.b", "a0", "ab/c", "b/a/b")
    await put_all(index, "a/b", owner=OTHER)
    assert await index.delete(OWNER, ArtifactPath("a")) == 2
    assert await paths(index) == ["a-b", "a.b", "a0", "ab/c", "b/a/b"]
    assert await paths(index, OTHER) == ["a/b"]


@pytest.mark.parametrize("wild", ["%", "_", "a%", "a_", "*"])
async def test_wildcards_of_sql_are_letters(index: ArtifactIndex, wild: str) -> None:
    await put_all(index, "a1", "ab/c")
    with pytest.raises(DomainError) as refusal:
        await index.delete(OWNER, ArtifactPath(wild))
    assert refusal.value.reason in {Reason.ARTIFACT_NOT_FOUND, Reason.ARTIFACT_PATH_INVALID}
    assert await paths(index) == ["a1", "ab/c"]


async def test_a_manifest_holds_the_folder_as_it_was(index: ArtifactIndex) -> None:
    await put_all(index, "m-x", "m/b", "m/a/c", "m/a-", "n")
    made = await index.create_manifest(OWNER, parse_folder("m"), 1)
    assert [entry.path.text for entry in made.entries] == ["a-", "a/c", "b"]
    assert made.digest == manifest_digest(made.entries)
    await index.put(artifact("m/b", "changed"))
    await index.delete(OWNER, ArtifactPath("m/a"))
    assert await index.manifest("default", made.digest) == made
    assert await index.manifest_file("default", made.digest, ArtifactPath("b")) == made.entries[2]


async def test_manifests_of_a_file_and_of_all(index: ArtifactIndex) -> None:
    await put_all(index, "m/b", "m/c", "n")
    one = await index.create_manifest(OWNER, parse_folder("m/b"), 1)
    assert [entry.path.text for entry in one.entries] == ["b"]
    everything = await index.create_manifest(OWNER, None, 1)
    assert [entry.path.text for entry in everything.entries] == ["m/b", "m/c", "n"]


async def test_the_same_content_makes_the_same_manifest(index: ArtifactIndex) -> None:
    await put_all(index, "a", "b/c")
    await put_all(index, "b/c", "a", owner=OTHER)
    first = await index.create_manifest(OWNER, None, 1)
    assert await index.create_manifest(OTHER, None, 2) == first
    assert await index.create_manifest(OWNER, None, 3) == first


async def test_the_same_manifest_made_at_once(index: ArtifactIndex) -> None:
    await put_all(index, "a", "b/c")
    made = await asyncio.gather(*(index.create_manifest(OWNER, None, 1) for _ in range(10)))
    assert len(set(made)) == 1


async def test_nothing_makes_no_manifest(index: ArtifactIndex) -> None:
    for folder in (None, parse_folder("a")):
        with pytest.raises(DomainError) as refusal:
            await index.create_manifest(OWNER, folder, 1)
        assert refusal.value.reason is Reason.ARTIFACT_NOT_FOUND


async def test_a_digest_grants_nothing_in_another_workspace(index: ArtifactIndex) -> None:
    await put_all(index, "a")
    made = await index.create_manifest(OWNER, None, 1)
    for workspace, digest in (("elsewhere", made.digest), ("default", NO_DIGEST), ("default", made.entries[0].digest)):
        for question in (
            index.manifest(workspace, digest),
            index.manifest_file(workspace, digest, ArtifactPath("a")),
        ):
            with pytest.raises(DomainError) as refusal:
                await question
            assert refusal.value.reason is Reason.MANIFEST_NOT_FOUND
            assert refusal.value.metadata == {"digest": digest.text}


async def test_a_file_that_a_manifest_has_not(index: ArtifactIndex) -> None:
    await put_all(index, "a/b")
    made: Manifest = await index.create_manifest(OWNER, None, 1)
    with pytest.raises(DomainError) as refusal:
        await index.manifest_file("default", made.digest, ArtifactPath("a"))
    assert refusal.value.reason is Reason.ARTIFACT_NOT_FOUND


async def test_more_files_than_a_manifest_holds(tmp_path: Path) -> None:
    async with open_index("memory", tmp_path) as index:
        for number in range(MAX_FILES + 1):
            index._files[OWNER][f"{number}"] = artifact(f"{number}")
        with pytest.raises(DomainError) as refusal:
            await index.create_manifest(OWNER, None, 1)
        assert refusal.value.reason is Reason.LIMIT_EXCEEDED
