"""The ports of the registry's store, over every adapter. What each test states is written at the port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.registry_worlds import RUN_ID, SOURCE, STORES, manifest, open_store
from trackway_server.registry.domain.events import START, EventFilter, EventKind, Position
from trackway_server.registry.domain.model import (
    Change,
    CreateRequest,
    ModelDraft,
    ModelKey,
    ModelVersion,
    RegisteredModel,
    VersionKey,
)
from trackway_server.registry.domain.ports import RegistryStore, RegistryTransaction
from trackway_server.registry.domain.search import MODELS
from trackway_server.registry.domain.stages import Stage

DIGITS = ModelKey("default", "digits")
CHANGE = Change("ada", "because", 7)


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RegistryStore]:
    async with open_store(request.param, tmp_path) as store:
        yield store


def version(number: int, model: ModelKey = DIGITS, **changes: object) -> ModelVersion:
    made = manifest()
    made_version = ModelVersion(
        VersionKey(model, number), SOURCE, RUN_ID, made.digest, made.size_bytes, Stage.NONE, "", 5, 5, "ada", 1, {}, ()
    )
    return replace(made_version, **changes)  # type: ignore[arg-type]


def add_model(tx: RegistryTransaction, name: str = "digits", workspace: str = "default", **tags: str) -> ModelKey:
    key = ModelKey(workspace, name)
    tx.models.insert(ModelDraft(key, "about", tags), revision=3, time_us=5)
    return key


def by_name(
    tx: RegistryTransaction, workspace: str, after: str = "", limit: int = 100, among: frozenset[str] | None = None
) -> list[RegisteredModel]:
    """The models with a name greater than `after`."""
    found = tx.models.search(workspace, MODELS.search("", (), 0), (after,) if after else None, limit, among)
    assert [each.place for each in found] == [(each.model.key.name,) for each in found]
    return [each.model for each in found]


def add_versions(tx: RegistryTransaction, *stages: Stage, model: ModelKey = DIGITS) -> None:
    for number, stage in enumerate(stages, start=1):
        tx.versions.insert(version(number, model, stage=stage), manifest())


async def test_a_model_is_found_as_it_was_inserted(store: RegistryStore) -> None:
    await store.write(add_model, "digits", "default", team="vision")
    model = await store.read(lambda tx: tx.models.find(DIGITS))
    assert model is not None
    assert (model.key, model.description, model.tags) == (DIGITS, "about", {"team": "vision"})
    assert (model.create_time_us, model.update_time_us, model.revision) == (5, 5, 3)
    assert (model.aliases, model.latest_versions) == ({}, ())


async def test_models_of_another_workspace_are_others(store: RegistryStore) -> None:
    await store.write(add_model, "digits", "default", side="ours")
    await store.write(add_model, "digits", "other", side="theirs")
    found = await store.read(lambda tx: by_name(tx, "other"))
    assert [(model.key.workspace, model.tags) for model in found] == [("other", {"side": "theirs"})]
    await store.write(lambda tx: tx.models.delete(ModelKey("other", "digits")))
    assert await store.read(lambda tx: tx.models.exists(DIGITS))


async def test_models_are_paged_by_code_points(store: RegistryStore) -> None:
    names = ["Zebra", "a", "a b", "ab", "z", "ä", "\uffee", "\U0001f40d"]
    for name in reversed(names):
        await store.write(add_model, name)
    first = await store.read(lambda tx: by_name(tx, "default", limit=5))
    rest = await store.read(lambda tx: by_name(tx, "default", first[-1].key.name))
    assert [model.key.name for model in [*first, *rest]] == names


async def test_a_page_of_models_carries_what_belongs_to_each(store: RegistryStore) -> None:
    def build(tx: RegistryTransaction) -> None:
        for name in ("a", "b", "c"):
            key = add_model(tx, name, of=name)
            add_versions(tx, Stage.PRODUCTION, Stage.STAGING, Stage.PRODUCTION, Stage.NONE, model=key)
            tx.versions.change_tags(VersionKey(key, 3), {"at": name}, ())
            tx.versions.point(VersionKey(key, 3), "champion")

    await store.write(build)
    for model in await store.read(lambda tx: by_name(tx, "default", "a", 2)):
        name = model.key.name
        assert (model.tags, model.aliases) == ({"of": name}, {"champion": 3})
        latest = [(each.key.number, each.stage, each.tags, each.aliases) for each in model.latest_versions]
        assert latest == [
            (2, Stage.STAGING, {}, ()),
            (3, Stage.PRODUCTION, {"at": name}, ("champion",)),
            (4, Stage.NONE, {}, ()),
        ]


async def test_tags_are_set_and_deleted(store: RegistryStore) -> None:
    def build(tx: RegistryTransaction) -> None:
        add_model(tx, "digits", "default", a="1", b="2", c="3")
        add_versions(tx, Stage.NONE)
        tx.models.change_tags(DIGITS, {"a": "new", "d": ""}, ["b"])
        tx.versions.change_tags(VersionKey(DIGITS, 1), {"x": "1", "y": "2"}, [])
        tx.versions.change_tags(VersionKey(DIGITS, 1), {"y": "3"}, ["x"])

    await store.write(build)
    model = await store.read(lambda tx: tx.models.find(DIGITS))
    assert model is not None
    assert model.tags == {"a": "new", "c": "3", "d": ""}
    assert model.latest_versions[0].tags == {"y": "3"}


async def test_descriptions_and_touches(store: RegistryStore) -> None:
    def build(tx: RegistryTransaction) -> None:
        add_model(tx)
        add_versions(tx, Stage.NONE, Stage.NONE)
        tx.models.describe(DIGITS, "new")
        tx.models.touch(DIGITS, 11)
        tx.versions.describe(VersionKey(DIGITS, 1), "first")
        tx.versions.touch(DIGITS, {1: 8, 2: 9}, 12)

    await store.write(build)
    model = await store.read(lambda tx: tx.models.find(DIGITS))
    assert model is not None
    assert (model.description, model.update_time_us, model.revision) == ("new", 11, 3)
    await store.write(lambda tx: tx.models.touch(DIGITS, 13, 20))
    model = await store.read(lambda tx: tx.models.find(DIGITS))
    assert model is not None
    assert (model.update_time_us, model.revision, model.create_time_us) == (13, 20, 5)
    found = await store.read(lambda tx: tx.versions.page(DIGITS, (), None, 10))
    assert [(each.description, each.revision, each.update_time_us) for each in found] == [("", 9, 12), ("first", 8, 12)]


async def test_versions_are_paged_greatest_number_first(store: RegistryStore) -> None:
    stages = [Stage.NONE, Stage.STAGING, Stage.ARCHIVED, Stage.STAGING, Stage.PRODUCTION]
    await store.write(add_model)
    await store.write(add_versions, *stages)

    async def page(*args: object) -> list[int]:
        return [each.key.number for each in await store.read(lambda tx: tx.versions.page(DIGITS, *args))]  # type: ignore[arg-type]

    assert await page((), None, 10) == [5, 4, 3, 2, 1]
    assert await page((), None, 2) == [5, 4]
    assert await page((), 4, 2) == [3, 2]
    assert await page({Stage.STAGING, Stage.NONE}, None, 10) == [4, 2, 1]
    assert await page({Stage.STAGING}, 4, 10) == [2]


async def test_versions_are_moved(store: RegistryStore) -> None:
    await store.write(add_model)
    await store.write(add_versions, *[Stage.NONE] * 3)
    await store.write(lambda tx: tx.versions.move([VersionKey(DIGITS, 1), VersionKey(DIGITS, 3)], Stage.STAGING))
    await store.write(lambda tx: tx.versions.move([], Stage.STAGING))
    assert await store.read(lambda tx: tx.versions.in_stages(DIGITS, [Stage.STAGING])) == [
        VersionKey(DIGITS, 1),
        VersionKey(DIGITS, 3),
    ]


async def test_numbers_are_never_used_twice(store: RegistryStore) -> None:
    await store.write(add_model)
    assert [await store.write(lambda tx: tx.versions.next_number(DIGITS)) for _ in range(3)] == [1, 2, 3]
    await store.write(add_versions, Stage.NONE)
    await store.write(lambda tx: tx.versions.delete(VersionKey(DIGITS, 1)))
    await store.write(lambda tx: tx.models.delete(DIGITS))
    await store.write(add_model)
    assert await store.write(lambda tx: tx.versions.next_number(DIGITS)) == 4
    assert await store.write(lambda tx: tx.versions.next_number(ModelKey("other", "digits"))) == 1


async def test_a_deleted_version_takes_with_it_what_belongs_to_it(store: RegistryStore) -> None:
    def build(tx: RegistryTransaction) -> None:
        add_model(tx)
        add_versions(tx, Stage.NONE, Stage.NONE)
        for key in (VersionKey(DIGITS, 1), VersionKey(DIGITS, 2)):
            tx.versions.change_tags(key, {"k": "v"}, ())
            tx.versions.point(key, f"a{key.number}")
        tx.versions.delete(VersionKey(DIGITS, 1))

    await store.write(build)
    assert await store.read(lambda tx: tx.versions.find(VersionKey(DIGITS, 1))) is None
    assert await store.read(lambda tx: tx.versions.manifest(VersionKey(DIGITS, 1))) is None
    assert await store.read(lambda tx: tx.versions.aliased(DIGITS, "a1")) is None
    kept = await store.read(lambda tx: tx.versions.find(VersionKey(DIGITS, 2)))
    assert kept is not None
    assert (kept.tags, kept.aliases) == ({"k": "v"}, ("a2",))


async def test_a_deleted_model_leaves_nothing_for_its_successor(store: RegistryStore) -> None:
    def build(tx: RegistryTransaction) -> None:
        add_model(tx, "digits", "default", a="1")
        add_versions(tx, Stage.NONE)
        tx.versions.point(VersionKey(DIGITS, 1), "champion")
        tx.models.delete(DIGITS)
        add_model(tx)
        add_versions(tx, Stage.NONE)

    await store.write(build)
    model = await store.read(lambda tx: tx.models.find(DIGITS))
    assert model is not None
    assert (model.tags, model.aliases, model.latest_versions[0].aliases) == ({}, {}, ())


async def test_a_version_keeps_its_manifest(store: RegistryStore) -> None:
    files = manifest(("MLmodel", b"x"), ("data/a b.bin", b"yy"), ("モデル", b""))
    await store.write(add_model)
    made = version(1, manifest_digest=files.digest, size_bytes=files.size_bytes)
    await store.write(lambda tx: tx.versions.insert(made, files))
    assert await store.read(lambda tx: tx.versions.manifest(VersionKey(DIGITS, 1))) == files
    assert await store.read(lambda tx: tx.versions.find(VersionKey(DIGITS, 1))) == made


async def test_aliases_point_move_and_go(store: RegistryStore) -> None:
    await store.write(add_model)
    await store.write(add_versions, Stage.NONE, Stage.NONE)
    first, second = VersionKey(DIGITS, 1), VersionKey(DIGITS, 2)
    for key, alias in ((first, "b"), (first, "a"), (first, "B"), (second, "b")):
        await store.write(lambda tx, key=key, alias=alias: tx.versions.point(key, alias))
    assert await store.read(lambda tx: tx.versions.aliased(DIGITS, "b")) == 2
    assert await store.read(lambda tx: tx.versions.count_aliases(DIGITS)) == 3
    found = await store.read(lambda tx: tx.versions.find(first))
    assert found is not None
    assert found.aliases == ("B", "a")
    await store.write(lambda tx: tx.versions.drop_alias(DIGITS, "b"))
    assert await store.read(lambda tx: tx.versions.aliased(DIGITS, "b")) is None


async def test_request_ids_are_remembered_beyond_deletion(store: RegistryStore) -> None:
    await store.write(add_model)
    await store.write(add_versions, Stage.NONE)
    await store.write(lambda tx: tx.versions.remember(VersionKey(DIGITS, 1), "r-1", SOURCE))
    await store.write(lambda tx: tx.models.delete(DIGITS))
    assert await store.read(lambda tx: tx.versions.request(DIGITS, "r-1")) == CreateRequest(1, SOURCE)
    assert await store.read(lambda tx: tx.versions.request(DIGITS, "r-2")) is None


def add_events(tx: RegistryTransaction, *names: str, workspace: str = "default") -> list[int]:
    keys = [ModelKey(workspace, name) for name in names]
    return [tx.events.append(EventKind.VERSION_TAG_SET, key, 2, {"key": "ü", "value": ""}, CHANGE) for key in keys]


async def test_events_are_read_as_they_were_appended(store: RegistryStore) -> None:
    assert await store.read(lambda tx: tx.events.head()) == START
    assert await store.write(add_events, "a", "b") == [1, 2]
    assert await store.write(add_events, "c") == [3]
    events = await store.read(lambda tx: tx.events.page(None, 0, 10, 1 << 20))
    assert [(event.position.sequence, event.model.name) for event in events] == [(1, "a"), (2, "b"), (3, "c")]
    first = events[0]
    assert (first.kind, first.version, first.details) == (EventKind.VERSION_TAG_SET, 2, {"key": "ü", "value": ""})
    assert first.change == CHANGE
    assert await store.read(lambda tx: tx.events.head()) == events[-1].position
    assert len({event.position.event_id for event in events}) == 3


async def test_events_are_filtered_and_bounded(store: RegistryStore) -> None:
    await store.write(add_events, "a", "b", "a", "a")
    await store.write(add_events, "a", workspace="other")

    async def page(chosen: EventFilter | None, after: int, limit: int, max_weight: int = 1 << 20) -> list[int]:
        events = await store.read(lambda tx: tx.events.page(chosen, after, limit, max_weight))
        return [event.position.sequence for event in events]

    assert await page(None, 0, 10) == [1, 2, 3, 4, 5]
    assert await page(EventFilter("default"), 1, 10) == [2, 3, 4]
    assert await page(EventFilter("default", "a"), 0, 2) == [1, 3]
    assert await page(EventFilter("other", "a"), 0, 10) == [5]
    assert await page(None, 5, 10) == []
    assert await page(None, 1, 10, max_weight=0) == [2]
    assert await page(None, 0, 10, max_weight=300) == [1, 2]


async def test_positions_of_another_history_are_told_apart(store: RegistryStore) -> None:
    await store.write(add_events, "a", "b")
    event = (await store.read(lambda tx: tx.events.page(None, 0, 1, 1)))[0]
    assert await store.read(lambda tx: tx.events.has(event.position))
    assert await store.read(lambda tx: tx.events.has(START))
    for foreign in (Position(1, "f" * 32), Position(9, event.position.event_id), Position(0, "f" * 32)):
        assert not await store.read(lambda tx, foreign=foreign: tx.events.has(foreign))


async def test_a_failed_write_changes_nothing(store: RegistryStore) -> None:
    await store.write(add_model)

    def fail(tx: RegistryTransaction) -> None:
        add_model(tx, "other")
        add_versions(tx, Stage.NONE)
        tx.versions.next_number(DIGITS)
        tx.models.change_tags(DIGITS, {"a": "b"}, ())
        add_events(tx, "digits")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await store.write(fail)
    model = await store.read(lambda tx: tx.models.find(DIGITS))
    assert model is not None
    assert (model.tags, model.latest_versions) == ({}, ())
    assert not await store.read(lambda tx: tx.models.exists(ModelKey("default", "other")))
    assert await store.read(lambda tx: tx.events.head()) == START
    assert await store.write(lambda tx: tx.versions.next_number(DIGITS)) == 1
    assert await store.write(add_events, "digits") == [1]


async def test_roles_on_single_models(store: RegistryStore) -> None:
    others = ModelKey("other", "digits")
    for name, workspace in (("digits", "default"), ("letters", "default"), ("digits", "other")):
        await store.write(add_model, name, workspace)
    letters = ModelKey("default", "letters")
    for key, principal, role in ((DIGITS, "ann", 1), (DIGITS, "bob", 4), (letters, "ann", 3), (others, "ann", 4)):
        await store.write(lambda tx, k=key, p=principal, r=role: tx.bindings.put(k, p, r))
    await store.write(lambda tx: tx.bindings.put(DIGITS, "ann", 2))
    await store.write(lambda tx: tx.bindings.put(DIGITS, "Zed", 2))

    def looked_up(tx: RegistryTransaction) -> list[int]:
        held = tx.bindings
        return [held.role(DIGITS, "ann"), held.role(DIGITS, "Ann"), held.role_in("default", "ann"), held.count(DIGITS)]

    assert await store.read(looked_up) == [2, 0, 3, 3]
    assert await store.read(lambda tx: tx.bindings.role_in("other", "bob")) == 0
    assert list(await store.read(lambda tx: tx.bindings.models_of("default", "ann"))) == ["digits", "letters"]
    assert list(await store.read(lambda tx: tx.bindings.page(DIGITS, "", 2))) == [("Zed", 2), ("ann", 2)]
    assert list(await store.read(lambda tx: tx.bindings.page(DIGITS, "ann", 2))) == [("bob", 4)]
    assert await store.write(lambda tx: tx.bindings.drop(DIGITS, "bob"))
    assert not await store.write(lambda tx: tx.bindings.drop(DIGITS, "bob"))
    await store.write(lambda tx: tx.models.delete(DIGITS))
    assert await store.read(lambda tx: tx.bindings.role_in("default", "ann")) == 3
    assert await store.read(lambda tx: tx.bindings.count(others)) == 1


async def test_roles_on_files_are_those_on_models_that_have_them(store: RegistryStore) -> None:
    letters = ModelKey("default", "letters")
    for key in (DIGITS, letters, ModelKey("other", "digits")):
        await store.write(add_model, key.name, key.workspace)
        await store.write(lambda tx, k=key: tx.bindings.put(k, "ann", 1 if k == DIGITS else 2))
    await store.write(lambda tx: add_versions(tx, Stage.NONE, Stage.NONE))

    def role(tx: RegistryTransaction) -> list[int]:
        digest, held = manifest().digest, tx.bindings
        unknown = "sha256:" + "0" * 64
        places = (("default", digest, "ann"), ("other", digest, "ann"), ("default", unknown, "ann"))
        return [held.role_on_files(*place) for place in (*places, ("default", digest, "bob"))]

    assert await store.read(role) == [1, 0, 0, 0]
    await store.write(lambda tx: add_versions(tx, Stage.NONE, model=letters))
    assert (await store.read(role))[0] == 2


async def test_models_and_events_among_some(store: RegistryStore) -> None:
    for name in "abc":
        key = await store.write(add_model, name)
        await store.write(lambda tx, k=key: tx.events.append(EventKind.MODEL_CREATED, k, 0, {}, CHANGE))
    some = frozenset({"a", "c", "gone"})
    found = await store.read(lambda tx: by_name(tx, "default", among=some))
    assert [model.key.name for model in found] == ["a", "c"]
    assert not await store.read(lambda tx: by_name(tx, "default", "c", among=some))
    for models, wanted in ((some, ["a", "c"]), (frozenset[str](), []), (None, ["a", "b", "c"])):
        chosen = EventFilter("default", models=models)
        events = await store.read(lambda tx, c=chosen: tx.events.page(c, 0, 10, 1 << 20))
        assert [event.model.name for event in events] == wanted
        assert all(chosen.admits(event) for event in events)
