"""Any sequence of uses: the registry is what a simple model of it says, and so say its events, folded one by one."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from support.registry_worlds import STORES, World, open_store, open_world
from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.events import Event, EventFilter, EventKind
from trackway_server.registry.domain.model import ModelKey, Transition, VersionKey
from trackway_server.registry.domain.resolve import Selector
from trackway_server.registry.domain.stages import LIVE_STAGES, Stage

T = TypeVar("T")

# Most steps meet something that is there: mostly one model, which begins with versions in use.
NAMES = st.sampled_from(["a", "a", "a", "b"])
NUMBERS = st.integers(1, 4)
ALIASES = st.sampled_from(["champion", "challenger"])
TAGS = st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"]))
EXPECTED = st.sampled_from([None, None, 0, 1, 2])


@dataclass
class Expected:
    """One registered model, as simply as can be said."""

    tags: dict[str, str] = field(default_factory=dict)
    stages: dict[int, Stage] = field(default_factory=dict)
    version_tags: dict[int, dict[str, str]] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)


def apply(models: dict[str, Expected], event: Event) -> None:
    """Fold one event into the state that the events before it have made."""
    name, number, details = event.model.name, event.version, event.details
    match event.kind:
        case EventKind.MODEL_CREATED:
            assert name not in models
            models[name] = Expected()
        case EventKind.MODEL_DELETED:
            del models[name]
        case EventKind.MODEL_TAG_SET:
            models[name].tags[details["key"]] = details["value"]
        case EventKind.MODEL_TAG_DELETED:
            del models[name].tags[details["key"]]
        case EventKind.VERSION_CREATED:
            assert number not in models[name].stages
            models[name].stages[number], models[name].version_tags[number] = Stage.NONE, {}
        case EventKind.VERSION_DELETED:
            assert number not in models[name].aliases.values()
            del models[name].stages[number], models[name].version_tags[number]
        case EventKind.VERSION_TAG_SET:
            models[name].version_tags[number][details["key"]] = details["value"]
        case EventKind.VERSION_TAG_DELETED:
            del models[name].version_tags[number][details["key"]]
        case EventKind.STAGE_CHANGED:
            assert models[name].stages[number] is Stage(details["from_stage"])
            models[name].stages[number] = Stage(details["to_stage"])
        case EventKind.ALIAS_SET:
            assert models[name].aliases.get(details["alias"], 0) == int(details.get("from_version", "0"))
            models[name].aliases[details["alias"]] = number
        case EventKind.ALIAS_DELETED:
            assert models[name].aliases.pop(details["alias"]) == number
        case _:
            pass


class Lifecycle(RuleBasedStateMachine):
    """Uses a registry over one store beside the model of it."""

    kind = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.world: World = self.run(self.open())
        self.models: dict[str, Expected] = {}
        self.counters: dict[str, int] = {}
        self.folded: dict[str, Expected] = {}
        self.told = 0
        self.token = ""

    async def open(self) -> World:
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        store = await self.stack.enter_async_context(open_store(self.kind, Path(folder)))
        return await self.stack.enter_async_context(open_world(store))

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()

    def run(self, work: Awaitable[T]) -> T:
        async def wait() -> T:
            return await work

        return self.runner.run(wait())

    def check(self, work: Awaitable[Any], reason: Reason | None) -> bool:
        """Whether it succeeded, as it does exactly where no reason for a refusal is given."""
        try:
            self.run(work)
        except DomainError as refusal:
            assert refusal.reason is reason, refusal
            return False
        assert reason is None, f"{reason} was expected"
        return True

    def why_no_version(self, name: str, number: int) -> Reason | None:
        if name not in self.models:
            return Reason.MODEL_NOT_FOUND
        return None if number in self.models[name].stages else Reason.MODEL_VERSION_NOT_FOUND

    @initialize()
    def begin(self) -> None:
        self.create_model("a", {})
        for _ in range(3):
            self.create_version("a", {})
        self.set_alias("a", 3, "champion", None)
        self.move("a", 2, Stage.STAGING, False)

    @rule(name=NAMES, tags=TAGS)
    def create_model(self, name: str, tags: dict[str, str]) -> None:
        reason = Reason.MODEL_ALREADY_EXISTS if name in self.models else None
        if self.check(self.world.model(name, **tags), reason):
            self.models[name] = Expected(tags=dict(tags))

    @rule(name=NAMES)
    def delete_model(self, name: str) -> None:
        reason = None if name in self.models else Reason.MODEL_NOT_FOUND
        if reason is None and set(self.models[name].stages.values()) & set(LIVE_STAGES):
            reason = Reason.MODEL_VERSION_IN_USE
        if self.check(self.world.registry.delete_model(key(name), "", self.world.change()), reason):
            del self.models[name]

    @rule(name=NAMES, tags=TAGS)
    def create_version(self, name: str, tags: dict[str, str]) -> None:
        reason = None if name in self.models else Reason.MODEL_NOT_FOUND
        if self.check(self.world.version(key(name), **tags), reason):
            number = self.counters[name] = self.counters.get(name, 0) + 1
            self.models[name].stages[number] = Stage.NONE
            self.models[name].version_tags[number] = dict(tags)

    @rule(name=NAMES, number=NUMBERS)
    def delete_version(self, name: str, number: int) -> None:
        reason = self.why_no_version(name, number)
        if reason is None and self.models[name].stages[number] in LIVE_STAGES:
            reason = Reason.MODEL_VERSION_IN_USE
        if self.check(self.world.registry.delete_version(version(name, number), "", self.world.change()), reason):
            model = self.models[name]
            del model.stages[number], model.version_tags[number]
            model.aliases = {alias: target for alias, target in model.aliases.items() if target != number}

    @rule(name=NAMES, number=NUMBERS, stage=st.sampled_from(Stage), displace=st.booleans())
    def move(self, name: str, number: int, stage: Stage, displace: bool) -> None:
        reason = self.why_no_version(name, number)
        if displace and stage not in LIVE_STAGES:
            reason = Reason.STAGE_INVALID
        transition = Transition(version(name, number), stage, displace, "")
        if self.check(self.world.registry.move_version(transition, self.world.change()), reason):
            stages = self.models[name].stages
            if displace:
                stages |= {other: Stage.ARCHIVED for other, at in stages.items() if at is stage}
            stages[number] = stage

    @rule(name=NAMES, number=NUMBERS, to_set=TAGS, to_delete=st.sets(st.sampled_from(["x", "y"])))
    def change_tags(self, name: str, number: int, to_set: dict[str, str], to_delete: set[str]) -> None:
        reason = self.why_no_version(name, number)
        if reason is None and not to_delete <= set(self.models[name].version_tags[number]):
            reason = Reason.TAG_NOT_FOUND
        work = self.world.registry.change_version_tags(version(name, number), to_set, to_delete, self.world.change())
        if self.check(work, reason):
            tags = {**self.models[name].version_tags[number], **to_set}
            self.models[name].version_tags[number] = {tag: tags[tag] for tag in tags if tag not in to_delete}

    @rule(name=NAMES, number=NUMBERS, alias=ALIASES, expected=EXPECTED)
    def set_alias(self, name: str, number: int, alias: str, expected: int | None) -> None:
        reason = self.why_no_version(name, number)
        if reason is None and expected not in (None, self.models[name].aliases.get(alias, 0)):
            reason = Reason.ALIAS_CONFLICT
        work = self.world.registry.set_alias(version(name, number), alias, expected, self.world.change())
        if self.check(work, reason):
            self.models[name].aliases[alias] = number

    @rule(name=NAMES, alias=ALIASES, expected=EXPECTED)
    def delete_alias(self, name: str, alias: str, expected: int | None) -> None:
        reason = None if name in self.models else Reason.MODEL_NOT_FOUND
        if reason is None and alias not in self.models[name].aliases:
            reason = Reason.ALIAS_NOT_FOUND
        if reason is None and expected not in (None, self.models[name].aliases[alias]):
            reason = Reason.ALIAS_CONFLICT
        if self.check(self.world.registry.delete_alias(key(name), alias, expected, self.world.change()), reason):
            del self.models[name].aliases[alias]

    @rule(name=NAMES, stage=st.sampled_from(Stage))
    def resolve(self, name: str, stage: Stage) -> None:
        there = [number for number, at in self.models.get(name, Expected()).stages.items() if at is stage]
        work = self.world.registry.resolve(key(name), Selector(stage=stage.value))
        if there:
            assert self.run(work).version.key.number == max(there)
        else:
            reason = Reason.MODEL_VERSION_NOT_FOUND if name in self.models else Reason.MODEL_NOT_FOUND
            self.check(work, reason)

    @invariant()
    def the_registry_is_what_the_model_says(self) -> None:
        found = self.run(self.world.models()).items
        assert [model.key.name for model in found] == sorted(self.models)
        for model in found:
            expected = self.models[model.key.name]
            assert (model.tags, model.aliases) == (expected.tags, expected.aliases)
            versions = self.run(self.world.versions(model.key)).items
            assert {each.key.number: each.stage for each in versions} == expected.stages
            assert {each.key.number: each.tags for each in versions} == expected.version_tags
            latest = {stage: number for number, stage in sorted(expected.stages.items())}
            assert {each.stage: each.key.number for each in model.latest_versions} == latest
            for each in versions:
                aliases = sorted(alias for alias, number in expected.aliases.items() if number == each.key.number)
                assert list(each.aliases) == aliases

    @invariant()
    def the_events_say_the_same(self) -> None:
        new = self.run(self.world.registry.list_events(EventFilter("default"), 1_000, self.token)).items
        for event in new:
            self.told += 1
            assert event.position.sequence == self.told
            self.token = event.position.token
            apply(self.folded, event)
        assert self.folded == self.models


def key(name: str) -> ModelKey:
    return ModelKey("default", name)


def version(name: str, number: int) -> VersionKey:
    return VersionKey(key(name), number)


@pytest.mark.parametrize("kind", STORES)
def test_any_life_of_a_registry(kind: str) -> None:
    machine = type("Lifecycle", (Lifecycle,), {"kind": kind})
    examples = {"memory": 60, "sqlite": 10, "postgres": 3}[kind]
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=checks),
    )
