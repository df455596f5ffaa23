"""Renaming, and versions made of other things than files of a run, over every adapter of the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from support.registry_worlds import RUN_ID, SOURCE, STORES, World, number, open_store, open_world
from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.events import Event, EventFilter, EventKind
from trackway_server.registry.domain.model import ModelKey, Transition, VersionDraft, VersionKey
from trackway_server.registry.domain.resolve import Selector
from trackway_server.registry.domain.stages import Stage


@pytest.fixture(params=STORES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with open_store(request.param, tmp_path) as store, open_world(store) as world:
        yield world


async def refused(work: Awaitable[Any]) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        await work
    return refusal.value


async def move(world: World, key: VersionKey, stage: Stage) -> None:
    await world.registry.move_version(Transition(key, stage, False, ""), world.change("go"))


async def test_a_renamed_model_keeps_all_that_belongs_to_it(world: World) -> None:
    old, change = await world.model(team="vision"), world.change("why")
    for request_id in ("r", ""):
        await world.version(old, request_id, of=request_id or "none")
    await world.registry.set_alias(number(old, 1), "champion", None, change)
    await world.registry.grant_role(old, "ann", 2)
    await move(world, number(old, 2), Stage.PRODUCTION)
    before = await world.registry.get_model(old)
    since = len((await world.registry.list_events(EventFilter("default"), 1_000, "")).items)
    renamed = await world.registry.rename_model(old, "letters", before.etag, world.change("better"))
    new = ModelKey("default", "letters")
    assert (renamed.key, renamed.tags, renamed.aliases) == (new, {"team": "vision"}, {"champion": 1})
    assert [each.key for each in renamed.latest_versions] == [number(new, 1), number(new, 2)]
    names = {"from_name": "digits", "to_name": "letters"}
    told = (await world.registry.list_events(EventFilter("default"), 1_000, "")).items[since:]
    told_of = [(event.model.name, event.kind, dict(event.details)) for event in told]
    assert told_of == [(name, EventKind.MODEL_RENAMED, names) for name in ("digits", "letters")]
    resolved = await world.registry.resolve(new, Selector(alias="champion"))
    assert (resolved.version.key, resolved.version.tags) == (number(new, 1), {"of": "r"})
    assert [each.principal for each in (await world.registry.list_roles(new, 10, "")).items] == ["ann"]
    assert (await refused(world.registry.get_model(old))).reason is Reason.MODEL_NOT_FOUND
    assert (await refused(world.registry.rename_model(new, "x", before.etag, change))).reason is Reason.ETAG_MISMATCH
    assert (await world.version(new, "r")).key == number(new, 1)
    assert (await world.version(new)).key == number(new, 3)
    assert (await world.registry.rename_model(new, "letters", "", change)).etag == (
        await world.registry.get_model(new)
    ).etag


async def test_a_name_and_a_number_never_mean_two_versions(world: World) -> None:
    async def rename(name: str, new_name: str) -> None:
        await world.registry.rename_model(ModelKey("default", name), new_name, "", world.change())

    for name in ("a", "taken", "emptied"):
        await world.version(await world.model(name))
    await world.model("bare")
    for name in ("emptied", "bare"):
        await world.registry.delete_model(ModelKey("default", name), "", world.change())
    for name in ("taken", "emptied"):
        refusal = await refused(rename("a", name))
        assert (refusal.reason, refusal.metadata) == (Reason.MODEL_ALREADY_EXISTS, {"name": name})
    await rename("a", "bare")  # which never had a version
    await rename("bare", "a")  # and back
    assert (await world.version(ModelKey("default", "a"))).key.number == 2
    await rename("a", "b")
    assert (await refused(rename("taken", "a"))).reason is Reason.MODEL_ALREADY_EXISTS
    assert (await world.version(await world.model("a"))).key.number == 3
    assert (await refused(rename("b", "a"))).reason is Reason.MODEL_ALREADY_EXISTS


async def kinds_of(world: World, chosen: EventFilter) -> list[tuple[str, str]]:
    page = await world.registry.list_events(chosen, 1_000, "")
    return [(event.model.name, event.kind.name.removeprefix("MODEL_")) for event in page.items]


async def test_events_are_those_of_the_model_and_not_of_its_name(world: World) -> None:
    async def rename(name: str, new_name: str) -> None:
        await world.registry.rename_model(ModelKey("default", name), new_name, "", world.change())

    await world.model("a")
    await rename("a", "b")
    assert await kinds_of(world, EventFilter("default", "a")) == [("a", "CREATED"), ("a", "RENAMED")]
    second = await world.model("a")
    await world.registry.describe_model(second, "second", "", world.change())
    await rename("b", "c")
    await world.model("b")
    first = [("a", "CREATED"), ("a", "RENAMED"), ("b", "RENAMED"), ("b", "RENAMED"), ("c", "RENAMED")]
    assert await kinds_of(world, EventFilter("default", "c")) == first
    assert await kinds_of(world, EventFilter("default", "a")) == [("a", "CREATED"), ("a", "UPDATED")]
    assert await kinds_of(world, EventFilter("default", "b")) == [("b", "CREATED")]
    among = EventFilter("default", models=frozenset({"a", "c", "none"}))
    assert await kinds_of(world, among) == [("a", "CREATED"), ("a", "UPDATED"), ("c", "RENAMED")]
    await world.registry.delete_model(second, "", world.change())
    assert (await kinds_of(world, EventFilter("default", "a")))[-1] == ("a", "DELETED")
    await world.model("a")
    assert await kinds_of(world, EventFilter("default", "a")) == [("a", "CREATED")]
    assert await kinds_of(world, EventFilter("default", "none")) == []
    assert len(await kinds_of(world, EventFilter("default"))) == 10
    page = await world.registry.list_events(EventFilter("default", "c"), 2, "")
    page = await world.registry.list_events(EventFilter("default", "c"), 2, page.next_token)
    assert [event.model.name for event in page.items] == ["b", "b"]


async def test_a_watch_shows_what_a_list_shows(world: World) -> None:
    await world.model("a")
    await world.registry.rename_model(ModelKey("default", "a"), "b", "", world.change())
    await world.model("a")
    for chosen, wanted in (
        (EventFilter("default", "a"), ["a"]),
        (EventFilter("default", "b"), ["a", "a", "b"]),
        (EventFilter("default", models=frozenset({"a"})), ["a"]),
    ):
        told = []
        async with asyncio.timeout(60), aclosing(world.registry.watch(chosen, "", from_start=True)) as items:
            async for item in items:
                if isinstance(item, Event):
                    told.append(item.model.name)
                if len(told) == len(wanted):
                    break
        assert told == wanted


async def test_a_version_of_another_has_its_files(world: World) -> None:
    key, other = await world.model("a"), await world.model("b")
    made = await world.version(key)
    draft = VersionDraft(other, "models:/a/1", "", {}, "", run_link="link")
    copied = await world.registry.create_version(draft, world.change(), ())
    assert (copied.run_id, copied.manifest_digest, copied.run_link) == (RUN_ID, made.manifest_digest, "link")
    again = VersionDraft(other, "models:/b/1", "", {}, "", run_id=RUN_ID)
    copied = await world.registry.create_version(again, world.change(), ())
    assert (copied.source, copied.location) == ("models:/b/1", SOURCE)
    resolved = await world.registry.resolve(other, Selector(number=2))
    assert resolved.manifest == (await world.registry.resolve(key, Selector(number=1))).manifest
    for source, run_id, reason in (
        ("models:/a/9", "", Reason.MODEL_VERSION_NOT_FOUND),
        ("models:/none/1", "", Reason.MODEL_NOT_FOUND),
        ("models:/a/1", "f" * 32, Reason.SOURCE_INVALID),
        (SOURCE, "f" * 32, Reason.SOURCE_INVALID),
        ("s3://bucket/x", "", Reason.SOURCE_INVALID),
        (f"models:/m-{RUN_ID}", "", Reason.SOURCE_INVALID),
    ):
        draft = VersionDraft(other, source, "", {}, "", run_id=run_id)
        assert (await refused(world.registry.create_version(draft, world.change(), ()))).reason is reason, source


async def test_a_version_without_files_cannot_be_resolved(world: World) -> None:
    key = await world.model()
    for source in ("s3://bucket/x", f"models:/m-{RUN_ID}", f"runs:/{'f' * 32}/model", "models:/digits/1"):
        draft = VersionDraft(key, source, "", {}, "", files_optional=True)
        made = await world.registry.create_version(draft, world.change(), ())
        assert (made.source, made.manifest_digest, made.size_bytes) == (source, "", 0)
        refusal = await refused(world.registry.resolve(key, Selector(number=made.key.number)))
        assert refusal.reason is Reason.SOURCE_INVALID
    needing = VersionDraft(key, "models:/digits/1", "", {}, "")
    assert (await refused(world.registry.create_version(needing, world.change(), ()))).reason is Reason.SOURCE_INVALID
    pinned = VersionDraft(key, SOURCE, "", {}, "", files_optional=True)
    assert (await world.registry.create_version(pinned, world.change(), ())).manifest_digest
    await world.registry.delete_version(number(key, 1), "", world.change())


async def test_what_is_in_use_is_deleted_by_who_says_so(world: World) -> None:
    key = await world.model()
    for _ in range(2):
        await move(world, (await world.version(key)).key, Stage.PRODUCTION)
    for work in (
        world.registry.delete_version(number(key, 1), "", world.change()),
        world.registry.delete_model(key, "", world.change()),
    ):
        assert (await refused(work)).reason is Reason.MODEL_VERSION_IN_USE
    await world.registry.delete_version(number(key, 1), "", world.change(), in_use=True)
    await world.registry.delete_model(key, "", world.change(), in_use=True)
    assert not (await world.models()).items
