"""What the registry allows and refuses, over every adapter of its store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest

from support.registry_worlds import RUN_ID, SOURCE, STORES, World, number, open_store, open_world
from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.events import Event, EventFilter, EventKind
from trackway_server.registry.domain.model import ModelDraft, ModelKey, Transition, VersionDraft, VersionKey
from trackway_server.registry.domain.pages import Asked
from trackway_server.registry.domain.resolve import Selector
from trackway_server.registry.domain.stages import Stage


@pytest.fixture(params=STORES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with open_store(request.param, tmp_path) as store, open_world(store) as world:
        yield world


async def refused(work: Awaitable[Any]) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        await work
    assert refusal.value.message.endswith(".")
    return refusal.value


async def move(world: World, key: VersionKey, stage: Stage, displace: bool = False, etag: str = "") -> None:
    await world.registry.move_version(Transition(key, stage, displace, etag), world.change("go"))


async def stages(world: World, model: ModelKey) -> dict[int, Stage]:
    page = await world.versions(model)
    return {version.key.number: version.stage for version in page.items}


async def events(world: World, model: str = "", skip: int = 0) -> list[Event]:
    page = await world.registry.list_events(EventFilter("default", model), 1_000, "")
    return list(page.items)[skip:]


def told(events: list[Event]) -> list[tuple[EventKind, int, dict[str, str]]]:
    return [(event.kind, event.version, dict(event.details)) for event in events]


async def test_a_name_is_taken_once(world: World) -> None:
    key = await world.model()
    refusal = await refused(world.registry.create_model(ModelDraft(key, "", {}), world.change()))
    assert (refusal.reason, refusal.metadata) == (Reason.MODEL_ALREADY_EXISTS, {"name": "digits"})


async def test_a_deleted_name_is_free_again_and_goes_on_counting(world: World) -> None:
    key = await world.model(a="1")
    await world.version(key)
    await world.registry.delete_model(key, "", world.change())
    await world.model()
    model = await world.registry.get_model(key)
    assert (model.tags, model.latest_versions) == ({}, ())
    assert (await world.version(key)).key.number == 2


async def test_numbers_count_from_one_and_are_never_used_again(world: World) -> None:
    key = await world.model()
    assert [(await world.version(key)).key.number for _ in range(3)] == [1, 2, 3]
    await world.registry.delete_version(number(key, 3), "", world.change())
    assert (await world.version(key)).key.number == 4


async def test_a_version_says_where_it_comes_from(world: World) -> None:
    key = await world.model()
    made = await world.version(key, team="vision")
    assert (made.source, made.run_id, made.user, made.stage) == (SOURCE, RUN_ID, "ada", Stage.NONE)
    assert (made.size_bytes, made.tags) == (5, {"team": "vision"})
    assert made == await world.registry.get_version(made.key)


async def test_what_is_not_there_is_named(world: World) -> None:
    key = ModelKey("default", "nothing")
    change = world.change()
    for work in (
        world.registry.get_model(key),
        world.registry.get_version(number(key, 1)),
        world.versions(key),
        world.registry.describe_model(key, "", "", change),
        world.registry.change_model_tags(key, {"a": "b"}, (), change),
        world.registry.delete_model(key, "", change),
        world.version(key),
        world.registry.delete_version(number(key, 1), "", change),
        move(world, number(key, 1), Stage.STAGING),
        world.registry.set_alias(number(key, 1), "a", None, change),
        world.registry.delete_alias(key, "a", None, change),
        world.registry.resolve(key, Selector(number=1)),
        world.registry.resolve(key, Selector(stage="Production")),
        world.registry.resolve(key, Selector(alias="a")),
    ):
        refusal = await refused(work)
        assert (refusal.reason, refusal.metadata) == (Reason.MODEL_NOT_FOUND, {"name": "nothing"})
    await world.model("nothing")
    refusal = await refused(world.registry.get_version(number(key, 1)))
    assert (refusal.reason, refusal.metadata) == (
        Reason.MODEL_VERSION_NOT_FOUND,
        {"name": "nothing", "version": "1"},
    )


async def test_archiving_displaces_every_other_version_of_the_stage(world: World) -> None:
    key = await world.model()
    for _ in range(5):
        await world.version(key)
    for each in (1, 2, 4):
        await move(world, number(key, each), Stage.PRODUCTION)
    await move(world, number(key, 3), Stage.STAGING)
    before = len(await events(world))
    await move(world, number(key, 5), Stage.PRODUCTION, displace=True)
    assert await stages(world, key) == {
        1: Stage.ARCHIVED,
        2: Stage.ARCHIVED,
        3: Stage.STAGING,
        4: Stage.ARCHIVED,
        5: Stage.PRODUCTION,
    }
    new = await events(world, skip=before)
    out = {"from_stage": "Production", "to_stage": "Archived"}
    assert told(new) == [
        (EventKind.STAGE_CHANGED, 5, {"from_stage": "None", "to_stage": "Production"}),
        *((EventKind.STAGE_CHANGED, each, out) for each in (1, 2, 4)),
    ]
    assert {(event.change.actor, event.change.reason, event.change.time_us) for event in new} == {
        ("ada", "go", new[0].change.time_us)
    }


async def test_archiving_for_a_version_that_is_there_already(world: World) -> None:
    key = await world.model()
    for each in (1, 2):
        await world.version(key)
        await move(world, number(key, each), Stage.STAGING)
    await move(world, number(key, 1), Stage.STAGING, displace=True)
    assert await stages(world, key) == {1: Stage.STAGING, 2: Stage.ARCHIVED}


@pytest.mark.parametrize("stage", [Stage.NONE, Stage.ARCHIVED])
async def test_only_live_stages_displace(world: World, stage: Stage) -> None:
    key = await world.model()
    await world.version(key)
    refusal = await refused(move(world, number(key, 1), stage, displace=True))
    assert refusal.reason is Reason.STAGE_INVALID


@pytest.mark.parametrize("stage", [Stage.STAGING, Stage.PRODUCTION])
async def test_what_is_served_is_not_deleted(world: World, stage: Stage) -> None:
    key = await world.model()
    await world.version(key)
    await world.version(key)
    await move(world, number(key, 1), stage)
    for work in (
        world.registry.delete_version(number(key, 1), "", world.change()),
        world.registry.delete_model(key, "", world.change()),
    ):
        refusal = await refused(work)
        assert refusal.reason is Reason.MODEL_VERSION_IN_USE
        assert refusal.metadata == {"name": "digits", "version": "1", "stage": stage.value}
    await move(world, number(key, 1), Stage.ARCHIVED)
    await world.registry.delete_version(number(key, 1), "", world.change())
    await world.registry.delete_model(key, "", world.change())


async def test_a_stale_etag_is_refused_and_a_fresh_one_is_not(world: World) -> None:
    key = await world.model()
    version = await world.version(key)
    model = await world.registry.get_model(key)
    await world.registry.describe_model(key, "new", model.etag, world.change())
    await world.registry.describe_version(version.key, "new", version.etag, world.change())
    for work in (
        world.registry.describe_model(key, "newer", model.etag, world.change()),
        world.registry.delete_model(key, model.etag, world.change()),
        world.registry.describe_version(version.key, "newer", version.etag, world.change()),
        move(world, version.key, Stage.STAGING, etag=version.etag),
        world.registry.delete_version(version.key, version.etag, world.change()),
    ):
        assert (await refused(work)).reason is Reason.ETAG_MISMATCH
    fresh = await world.registry.get_version(version.key)
    await move(world, version.key, Stage.STAGING, etag=fresh.etag)


async def test_etags_change_with_every_change_and_with_nothing_else(world: World) -> None:
    key = await world.model()
    version = await world.version(key)
    seen = {version.etag}
    for work in (
        world.registry.describe_version(version.key, "new", "", world.change()),
        world.registry.change_version_tags(version.key, {"a": "b"}, (), world.change()),
        world.registry.set_alias(version.key, "champion", None, world.change()),
        world.registry.move_version(Transition(version.key, Stage.STAGING, False, ""), world.change()),
    ):
        seen.add((await work).etag)
    assert len(seen) == 5
    before = await events(world)
    for work in (
        world.registry.describe_version(version.key, "new", "", world.change()),
        world.registry.change_version_tags(version.key, {"a": "b"}, (), world.change()),
        world.registry.set_alias(version.key, "champion", None, world.change()),
        world.registry.move_version(Transition(version.key, Stage.STAGING, False, ""), world.change()),
    ):
        assert (await work).etag in seen
    assert await events(world) == before


async def test_a_changed_version_touches_its_model_but_not_its_etag(world: World) -> None:
    key = await world.model()
    version = await world.version(key)
    before = await world.registry.get_model(key)
    await world.registry.describe_version(version.key, "new", "", world.change())
    after = await world.registry.get_model(key)
    assert after.update_time_us > before.update_time_us
    assert after.etag == before.etag


async def test_tags_change_all_or_none(world: World) -> None:
    key = await world.model(a="1")
    version = await world.version(key, a="1")
    for work in (
        world.registry.change_model_tags(key, {"b": "2"}, ["a", "missing"], world.change()),
        world.registry.change_version_tags(version.key, {"b": "2"}, ["a", "missing"], world.change()),
    ):
        refusal = await refused(work)
        assert (refusal.reason, refusal.metadata) == (Reason.TAG_NOT_FOUND, {"key": "missing"})
    assert (await world.registry.get_model(key)).tags == {"a": "1"}
    assert (await world.registry.get_version(version.key)).tags == {"a": "1"}


async def test_tags_are_bounded_in_number_and_size(world: World) -> None:
    key = await world.model()
    many = {f"k{index}": "" for index in range(600)}
    await world.registry.change_model_tags(key, many, (), world.change())
    more = {f"m{index}": "" for index in range(600)}
    refusal = await refused(world.registry.change_model_tags(key, more, (), world.change()))
    assert (refusal.reason, refusal.metadata) == (Reason.LIMIT_EXCEEDED, {"limit": "tags", "maximum": "1000"})
    large = {f"l{index}": "x" * 700_000 for index in range(2)}
    refusal = await refused(world.registry.change_model_tags(key, large, (), world.change()))
    assert refusal.metadata["limit"] == "tags_bytes"


async def test_tag_events_name_what_changed(world: World) -> None:
    key = await world.model(a="1", b="2")
    await world.registry.change_model_tags(key, {"a": "1", "c": "3"}, ["b"], world.change())
    assert told(await events(world)) == [
        (EventKind.MODEL_CREATED, 0, {}),
        (EventKind.MODEL_TAG_SET, 0, {"key": "a", "value": "1"}),
        (EventKind.MODEL_TAG_SET, 0, {"key": "b", "value": "2"}),
        (EventKind.MODEL_TAG_SET, 0, {"key": "c", "value": "3"}),
        (EventKind.MODEL_TAG_DELETED, 0, {"key": "b"}),
    ]


async def test_aliases_are_compared_and_set(world: World) -> None:
    key = await world.model()
    for _ in range(2):
        await world.version(key)

    async def set_alias(target: int, expected: int | None) -> None:
        await world.registry.set_alias(number(key, target), "champion", expected, world.change())

    refusal = await refused(set_alias(1, 1))
    assert refusal.metadata == {"name": "digits", "alias": "champion", "version": "0"}
    await set_alias(1, 0)
    assert (await refused(set_alias(2, 0))).metadata["version"] == "1"
    assert (await refused(set_alias(2, 2))).reason is Reason.ALIAS_CONFLICT
    await set_alias(2, 1)
    await set_alias(1, None)
    refusal = await refused(world.registry.delete_alias(key, "champion", 2, world.change()))
    assert refusal.reason is Reason.ALIAS_CONFLICT
    await world.registry.delete_alias(key, "champion", 1, world.change())
    refusal = await refused(world.registry.delete_alias(key, "champion", None, world.change()))
    assert (refusal.reason, refusal.metadata) == (Reason.ALIAS_NOT_FOUND, {"name": "digits", "alias": "champion"})
    told_aliases = [told for told in told(await events(world)) if "alias" in told[2]]
    assert told_aliases == [
        (EventKind.ALIAS_SET, 1, {"alias": "champion"}),
        (EventKind.ALIAS_SET, 2, {"alias": "champion", "from_version": "1"}),
        (EventKind.ALIAS_SET, 1, {"alias": "champion", "from_version": "2"}),
        (EventKind.ALIAS_DELETED, 1, {"alias": "champion"}),
    ]


async def test_of_many_who_compare_and_set_at_once_one_wins(world: World) -> None:
    key = await world.model()
    for _ in range(8):
        await world.version(key)
    answers = await asyncio.gather(
        *(world.registry.set_alias(number(key, each), "champion", 0, world.change()) for each in range(1, 9)),
        return_exceptions=True,
    )
    lost = [answer for answer in answers if isinstance(answer, DomainError)]
    assert len(lost) == 7
    assert {refusal.reason for refusal in lost} == {Reason.ALIAS_CONFLICT}


async def test_aliases_are_bounded_in_number(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway_server.registry.domain.aliases.MAX_ALIASES", 2)
    key = await world.model()
    await world.version(key)
    for alias in ("a", "b", "a"):
        await world.registry.set_alias(number(key, 1), alias, None, world.change())
    refusal = await refused(world.registry.set_alias(number(key, 1), "c", None, world.change()))
    assert (refusal.reason, refusal.metadata["limit"]) == (Reason.LIMIT_EXCEEDED, "aliases")


async def test_a_deleted_version_loses_its_aliases_with_an_event_each(world: World) -> None:
    key = await world.model()
    await world.version(key)
    for alias in ("b", "a"):
        await world.registry.set_alias(number(key, 1), alias, None, world.change())
    before = len(await events(world))
    await world.registry.delete_version(number(key, 1), "", world.change())
    assert told(await events(world, skip=before)) == [
        (EventKind.ALIAS_DELETED, 1, {"alias": "a"}),
        (EventKind.ALIAS_DELETED, 1, {"alias": "b"}),
        (EventKind.VERSION_DELETED, 1, {}),
    ]
    assert (await world.registry.get_model(key)).aliases == {}


async def test_the_same_request_makes_one_version(world: World) -> None:
    key = await world.model()
    first = await world.version(key, request_id="r-1")
    assert await world.version(key, request_id="r-1") == first
    assert (await world.version(key, request_id="r-2")).key.number == 2
    await world.model("other")
    assert (await world.version(ModelKey("default", "other"), request_id="r-1")).key.number == 1


async def test_many_repetitions_at_once_make_one_version(world: World) -> None:
    key = await world.model()
    made = await asyncio.gather(*(world.version(key, request_id="r-1") for _ in range(10)))
    assert {version.key.number for version in made} == {1}
    assert await stages(world, key) == {1: Stage.NONE}


async def test_a_request_id_is_not_used_for_something_else(world: World) -> None:
    key = await world.model()
    await world.version(key, request_id="r-1")
    other = VersionDraft(key, f"runs:/{RUN_ID}/other", "", {}, "r-1")
    refusal = await refused(world.registry.create_version(other, world.change(), ()))
    assert (refusal.reason, refusal.metadata) == (Reason.INVALID_FIELD, {"field": "request_id"})


async def test_a_late_repetition_does_not_bring_back_what_was_deleted(world: World) -> None:
    key = await world.model()
    await world.version(key, request_id="r-1")
    await world.registry.delete_version(number(key, 1), "", world.change())
    assert (await refused(world.version(key, request_id="r-1"))).reason is Reason.MODEL_VERSION_NOT_FOUND


async def test_versions_resolve_by_number_stage_and_alias(world: World) -> None:
    key = await world.model()
    for _ in range(4):
        await world.version(key)
    for each in (1, 2):
        await move(world, number(key, each), Stage.PRODUCTION)
    await world.registry.set_alias(number(key, 3), "champion", None, world.change())
    for selector, expected in (
        (Selector(number=1), 1),
        (Selector(stage="Production"), 2),
        (Selector(stage="pRoDuCtIoN"), 2),
        (Selector(stage="None"), 4),
        (Selector(stage="latest"), 4),
        (Selector(stage="LATEST"), 4),
        (Selector(alias="champion"), 3),
    ):
        resolved = await world.registry.resolve(key, selector)
        assert resolved.version.key.number == expected
        assert resolved.manifest.digest == resolved.version.manifest_digest
        assert [entry.path for entry in resolved.manifest.entries] == ["model"]


async def test_what_does_not_resolve_says_why(world: World) -> None:
    key = await world.model()
    for selector, reason in (
        (Selector(), Reason.INVALID_FIELD),
        (Selector(number=1, stage="Production"), Reason.INVALID_FIELD),
        (Selector(stage="Production", alias="a"), Reason.INVALID_FIELD),
        (Selector(stage="Prod"), Reason.STAGE_INVALID),
        (Selector(stage="Production"), Reason.MODEL_VERSION_NOT_FOUND),
        (Selector(stage="latest"), Reason.MODEL_VERSION_NOT_FOUND),
        (Selector(number=1), Reason.MODEL_VERSION_NOT_FOUND),
        (Selector(alias="champion"), Reason.ALIAS_NOT_FOUND),
    ):
        assert (await refused(world.registry.resolve(key, selector))).reason is reason


async def test_lists_are_paged_to_their_end(world: World) -> None:
    for name in ("a", "b", "c"):
        await world.model(name)
    key = ModelKey("default", "a")
    for _ in range(5):
        await world.version(key)
    names: list[str] = []
    asked = Asked(2, None, json.dumps)
    while asked.after or not names:
        models = await world.models(asked)
        names += [model.key.name for model in models.items]
        asked = Asked(2, json.loads(models.next_token or "null"), json.dumps)
    numbers: list[int] = []
    while asked.after or not numbers:
        versions = await world.versions(key, asked)
        numbers += [version.key.number for version in versions.items]
        asked = Asked(2, json.loads(versions.next_token or "null"), json.dumps)
    assert (names, numbers) == (["a", "b", "c"], [5, 4, 3, 2, 1])


async def test_events_are_paged_to_their_end(world: World) -> None:
    for name in ("a", "b", "c", "d", "e"):
        await world.model(name)
    found, token = [], ""
    while True:
        page = await world.registry.list_events(EventFilter("default"), 2, token)
        found += list(page.items)
        if not (token := page.next_token):
            break
    assert found == await events(world)
    after = await world.registry.list_events(EventFilter("default"), 100, found[2].position.token)
    assert list(after.items) == found[3:]
    assert [event.model.name for event in await events(world, "c")] == ["c"]
    for token in ("x", found[0].position.token[:-4] + "AAAA"):
        refusal = await refused(world.registry.list_events(EventFilter("default"), 2, token))
        assert refusal.reason is Reason.PAGE_TOKEN_INVALID


async def test_unregistrable_sources_are_refused_before_anything_is_asked(world: World) -> None:
    key = await world.model()
    for source in ("/etc/passwd", "file:///etc", "http://169.254.169.254/", f"runs:/{RUN_ID}/../x", "runs:/x/y"):
        draft = VersionDraft(key, source, "", {"mlflow.prompt.is_prompt": "true"}, "")
        refusal = await refused(world.registry.create_version(draft, world.change(), ()))
        assert refusal.reason is Reason.SOURCE_INVALID
    assert await stages(world, key) == {}
