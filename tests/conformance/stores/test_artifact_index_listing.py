"""Listings over every adapter: folders, order, keyset pages, and one model that all adapters equal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.artifact_indexes import ADAPTERS, OTHER, OWNER, artifact, open_index, put_all
from trackway_server.artifacts.domain.artifacts import Entry, FolderEntry
from trackway_server.artifacts.domain.listing import Listing, Page, list_page
from trackway_server.artifacts.domain.paths import ArtifactPath, parse_folder, prefix_of
from trackway_server.artifacts.domain.ports import ArtifactIndex
from trackway_server.core.errors import DomainError, Reason


@pytest.fixture(params=ADAPTERS)
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ArtifactIndex]:
    async with open_index(request.param, tmp_path) as opened:
        yield opened


def shown(entry: Entry) -> str:
    return entry.path.text + ("/" if isinstance(entry, FolderEntry) else "")


async def listed(index: ArtifactIndex, folder: str = "", *, recursive: bool = False, page_size: int = 0) -> list[str]:
    """All pages of a listing."""
    listing, token, found = Listing(OWNER, parse_folder(folder), recursive), "", []
    while True:
        page = await list_page(index, listing, page_size, token)
        assert len(page.entries) <= (page_size or 1000)
        found += [shown(entry) for entry in page.entries]
        if not (token := page.next_page_token):
            return found
        assert page.entries


async def test_one_level_with_derived_folders(index: ArtifactIndex) -> None:
    await put_all(index, "b/c/d", "b/c/e", "b/x", "a", "b-a", "b.txt", "z/z/z")
    assert await listed(index) == ["a", "b-a", "b.txt", "b/", "z/"]
    assert await listed(index, "b") == ["b/c/", "b/x"]
    assert await listed(index, "b/c") == ["b/c/d", "b/c/e"]
    assert await listed(index, "z") == ["z/z/"]


async def test_all_files_below(index: ArtifactIndex) -> None:
    await put_all(index, "b/c/d", "b/x", "a", "b-a", "z/z/z")
    assert await listed(index, recursive=True) == ["a", "b-a", "b/c/d", "b/x", "z/z/z"]
    assert await listed(index, "b", recursive=True) == ["b/c/d", "b/x"]


@pytest.mark.parametrize("recursive", [False, True])
async def test_a_file_or_nothing_has_no_entries(index: ArtifactIndex, recursive: bool) -> None:
    assert await listed(index, recursive=recursive) == []
    await put_all(index, "a", "b/c")
    for folder in ("a", "b/c", "c", "b/c/d"):
        assert await listed(index, folder, recursive=recursive) == []


@pytest.mark.parametrize("page_size", [1, 2, 3, 7])
async def test_pages_join_to_the_whole(index: ArtifactIndex, page_size: int) -> None:
    await put_all(index, *(f"f/{first}/{second}" for first in "abc-." for second in "xy0" if first != "."), "f/.h", "g")
    for folder in ("", "f", "f/a"):
        for recursive in (False, True):
            whole = await listed(index, folder, recursive=recursive)
            assert await listed(index, folder, recursive=recursive, page_size=page_size) == whole


async def test_a_page_goes_on_though_files_come_and_go(index: ArtifactIndex) -> None:
    await put_all(index, "a", "b/x", "c", "d")
    listing = Listing(OWNER, None, False)
    page = await list_page(index, listing, 2, "")
    await index.delete(OWNER, ArtifactPath("b"))
    await put_all(index, "aa", "b1")
    page = await list_page(index, listing, 2, page.next_page_token)
    assert [shown(entry) for entry in page.entries] == ["b1", "c"]


async def test_a_folder_of_many_files_is_one_step(index: ArtifactIndex) -> None:
    await put_all(index, *(f"a/{number}" for number in range(300)), "b", *(f"c/{number}/x" for number in range(50)))
    assert await listed(index, page_size=2) == ["a/", "b", "c/"]
    assert len(await listed(index, "c", page_size=7)) == 50


async def test_a_page_fits_one_message(index: ArtifactIndex) -> None:
    long = "/".join(["x" * 250] * 4)[:-5]
    names = [f"{number:04}/{long}" for number in range(20)]
    await put_all(index, *names)
    listing = Listing(OWNER, None, True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("trackway_server.artifacts.domain.listing.MAX_MESSAGE_BYTES", 5_000)
        page = await list_page(index, listing, 1000, "")
        assert 0 < len(page.entries) < 20
        assert await listed(index, recursive=True) == names


async def tokens(index: ArtifactIndex) -> Page:
    await put_all(index, "b/c", "b/d", "b/e/f")
    return await list_page(index, Listing(OWNER, parse_folder("b"), False), 1, "")


@pytest.mark.parametrize(
    "listing",
    [
        Listing(OWNER, parse_folder("b"), True),
        Listing(OWNER, None, False),
        Listing(OWNER, parse_folder("b/e"), False),
        Listing(OTHER, parse_folder("b"), False),
    ],
)
async def test_a_token_of_another_listing_is_refused(index: ArtifactIndex, listing: Listing) -> None:
    page = await tokens(index)
    with pytest.raises(DomainError) as refusal:
        await list_page(index, listing, 1, page.next_page_token)
    assert refusal.value.reason is Reason.PAGE_TOKEN_INVALID


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.one_of(st.text(min_size=1, max_size=40), st.text("abcdefgh-_=", min_size=1, max_size=40)))
async def test_a_made_up_token_is_refused(index: ArtifactIndex, token: str) -> None:
    with pytest.raises(DomainError) as refusal:
        await list_page(index, Listing(OWNER, None, False), 1, token)
    assert refusal.value.reason is Reason.PAGE_TOKEN_INVALID


@pytest.mark.parametrize("start", ["", "a", "../x\x01", "c/d\x01", "b/\x00", "b/x\x01\x01", "b/c\x02", "\ud7ff"])
async def test_a_forged_start_is_refused(index: ArtifactIndex, start: str) -> None:
    from trackway_server.artifacts.domain import listing as module

    listing = Listing(OWNER, parse_folder("b"), False)
    with pytest.raises(DomainError) as refusal:
        await list_page(index, listing, 1, module._token(listing, start))
    assert refusal.value.reason is Reason.PAGE_TOKEN_INVALID


NAMES = st.text("ab-.0/\u00e9\U0001f389", min_size=1, max_size=8)


def model(paths: set[str], folder: str, recursive: bool) -> list[str]:
    """The listing, by its definition."""
    below = [path for path in paths if path.startswith(prefix_of(parse_folder(folder)))]
    if recursive:
        return sorted(below)
    inner = {path.removeprefix(prefix_of(parse_folder(folder))) for path in below}
    names = {name if not slash else name + "/" for name, slash, _ in (text.partition("/") for text in inner)}
    return sorted(prefix_of(parse_folder(folder)) + name for name in names)


async def put_if_possible(index: ArtifactIndex, name: str) -> bool:
    try:
        await index.put(artifact(name))
    except DomainError:
        return False
    return True


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, max_size=12), page_size=st.integers(1, 5), recursive=st.booleans())
async def test_every_adapter_equals_the_model(
    index: ArtifactIndex, names: list[str], page_size: int, recursive: bool
) -> None:
    before = await index.files_below(OWNER, None, start="", limit=1000)
    await asyncio.gather(*(index.delete(OWNER, entry.path) for entry in before))
    put = await asyncio.gather(*(put_if_possible(index, name) for name in names))
    kept = {name for name, is_put in zip(names, put, strict=True) if is_put}
    for folder in ["", *{path.rpartition("/")[0] for path in kept} - {""}]:
        assert await listed(index, folder, recursive=recursive, page_size=page_size) == model(kept, folder, recursive)
