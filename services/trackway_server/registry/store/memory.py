"""The reference adapter: everything in dictionaries of one process, nothing durable."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Concatenate, ParamSpec, TypeVar

from trackway_server.core.ids import new_id
from trackway_server.core.search.conditions import Search
from trackway_server.core.search.evaluation import holds
from trackway_server.core.search.ordering import Place, ordered, place_of
from trackway_server.registry.domain.events import START, Event, EventFilter, EventKind, Position
from trackway_server.registry.domain.manifest import Manifest
from trackway_server.registry.domain.model import (
    Change,
    CreateRequest,
    ModelDraft,
    ModelKey,
    ModelVersion,
    RegisteredModel,
    VersionKey,
)
from trackway_server.registry.domain.ports import RegistryTransaction
from trackway_server.registry.domain.search import FoundModel, FoundVersion, SearchedModel, SearchedVersion
from trackway_server.registry.domain.stages import Stage

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class State:
    """All there is. Values are immutable, so that a copy of the containers is a copy of the state."""

    models: dict[ModelKey, RegisteredModel] = field(default_factory=dict)
    versions: dict[VersionKey, ModelVersion] = field(default_factory=dict)
    manifests: dict[VersionKey, Manifest] = field(default_factory=dict)
    aliases: dict[tuple[ModelKey, str], int] = field(default_factory=dict)
    counters: dict[ModelKey, int] = field(default_factory=dict)
    requests: dict[tuple[ModelKey, str], CreateRequest] = field(default_factory=dict)
    roles: dict[tuple[ModelKey, str], int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def copy(self) -> State:
        """The same state in containers of its own."""
        return State(**{each.name: getattr(self, each.name).copy() for each in fields(self)})


class MemoryRegistryStore:
    """See RegistryStore."""

    def __init__(self) -> None:
        self._state = State()

    async def read(
        self, work: Callable[Concatenate[RegistryTransaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See RegistryStore."""
        return work(MemoryTransaction(self._state), *args, **kwargs)

    async def write(
        self, work: Callable[Concatenate[RegistryTransaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See RegistryStore."""
        state = self._state.copy()
        result = work(MemoryTransaction(state), *args, **kwargs)
        self._state = state
        return result


class MemoryTransaction:
    """See RegistryTransaction."""

    def __init__(self, state: State) -> None:
        self.versions = MemoryVersions(state)
        self.models = MemoryModels(state, self.versions)
        self.bindings = MemoryBindings(state)
        self.events = MemoryEvents(state)


class MemoryModels:
    """See Models."""

    def __init__(self, state: State, versions: MemoryVersions) -> None:
        self._state = state
        self._versions = versions

    def find(self, key: ModelKey) -> RegisteredModel | None:
        model = self._state.models.get(key)
        if model is None:
            return None
        aliases = {alias: number for (owner, alias), number in self._state.aliases.items() if owner == key}
        pages = (self._versions.page(key, (stage,), None, 1) for stage in Stage)
        latest = sorted((version for page in pages for version in page), key=lambda version: version.key.number)
        return replace(model, aliases=aliases, latest_versions=tuple(latest))

    def exists(self, key: ModelKey) -> bool:
        return key in self._state.models

    def search(
        self, workspace: str, search: Search, after: Place | None, limit: int, among: Collection[str] | None = None
    ) -> Sequence[FoundModel]:
        keys = (
            key for key in self._state.models if key.workspace == workspace and (among is None or key.name in among)
        )
        searched = [SearchedModel(model) for key in keys if (model := self.find(key)) is not None]
        chosen = [(place_of(search.orders, one), one) for one in searched if holds(search.term, one)]
        return [FoundModel(one.model, at) for at, one in ordered(chosen, search.orders, after)[:limit]]

    def insert(self, draft: ModelDraft, revision: int, time_us: int) -> None:
        self._state.models[draft.key] = RegisteredModel(
            draft.key, draft.description, time_us, time_us, revision, dict(draft.tags), {}, ()
        )

    def describe(self, key: ModelKey, description: str) -> None:
        self._state.models[key] = replace(self._state.models[key], description=description)

    def change_tags(self, key: ModelKey, to_set: Mapping[str, str], to_delete: Collection[str]) -> None:
        model = self._state.models[key]
        self._state.models[key] = replace(model, tags=_changed(model.tags, to_set, to_delete))

    def touch(self, key: ModelKey, time_us: int, revision: int | None = None) -> None:
        model = self._state.models[key]
        revision = model.revision if revision is None else revision
        self._state.models[key] = replace(model, update_time_us=time_us, revision=revision)

    def rename(self, key: ModelKey, new_name: str) -> None:
        state, new = self._state, ModelKey(key.workspace, new_name)
        state.counters[new] = max(state.counters.get(key, 0), state.counters.get(new, 0))
        state.models[new] = replace(state.models.pop(key), key=new)
        for number in [version.number for version in state.versions if version.model == key]:
            old_key, new_key = VersionKey(key, number), VersionKey(new, number)
            state.versions[new_key] = replace(state.versions.pop(old_key), key=new_key)
            if old_key in state.manifests:
                state.manifests[new_key] = state.manifests.pop(old_key)
        state.aliases = {(new if of == key else of, alias): number for (of, alias), number in state.aliases.items()}
        state.requests = {(new if of == key else of, each): made for (of, each), made in state.requests.items()}
        state.roles = {(new if of == key else of, name): role for (of, name), role in state.roles.items()}

    def delete(self, key: ModelKey) -> None:
        for version in [version for version in self._state.versions if version.model == key]:
            self._versions.delete(version)
        self._state.roles = {of: role for of, role in self._state.roles.items() if of[0] != key}
        del self._state.models[key]


class MemoryBindings:
    """See Bindings."""

    def __init__(self, state: State) -> None:
        self._state = state

    def role(self, model: ModelKey, principal: str) -> int:
        return self._state.roles.get((model, principal), 0)

    def role_in(self, workspace: str, principal: str) -> int:
        keys = [ModelKey(workspace, name) for name in self.models_of(workspace, principal)]
        return max((self.role(key, principal) for key in keys), default=0)

    def models_of(self, workspace: str, principal: str) -> Sequence[str]:
        return sorted(
            model.name for model, name in self._state.roles if (model.workspace, name) == (workspace, principal)
        )

    def role_on_files(self, workspace: str, manifest_digest: str, principal: str) -> int:
        models = {key.model for key, manifest in self._state.manifests.items() if manifest.digest == manifest_digest}
        return max((self.role(model, principal) for model in models if model.workspace == workspace), default=0)

    def page(self, model: ModelKey, after: str, limit: int) -> Sequence[tuple[str, int]]:
        found = sorted((name, role) for (of, name), role in self._state.roles.items() if of == model)
        return [each for each in found if each[0] > after][:limit]

    def count(self, model: ModelKey) -> int:
        return sum(of == model for of, _ in self._state.roles)

    def put(self, model: ModelKey, principal: str, role: int) -> None:
        self._state.roles[model, principal] = role

    def drop(self, model: ModelKey, principal: str) -> bool:
        return self._state.roles.pop((model, principal), 0) > 0


class MemoryVersions:
    """See Versions."""

    def __init__(self, state: State) -> None:
        self._state = state

    def find(self, key: VersionKey) -> ModelVersion | None:
        version = self._state.versions.get(key)
        if version is None:
            return None
        pairs = self._state.aliases.items()
        aliases = sorted(alias for (owner, alias), number in pairs if (owner, number) == (key.model, key.number))
        return replace(version, aliases=tuple(aliases))

    def page(
        self, model: ModelKey, stages: Collection[Stage], before: int | None, limit: int
    ) -> Sequence[ModelVersion]:
        keys = reversed(self.in_stages(model, stages or tuple(Stage)))
        chosen = [key for key in keys if before is None or key.number < before]
        found = (self.find(key) for key in chosen[:limit])
        return [version for version in found if version is not None]

    def search(
        self, workspace: str, search: Search, after: Place | None, limit: int, among: Collection[str] | None = None
    ) -> Sequence[FoundVersion]:
        of_workspace = (key for key in self._state.versions if key.model.workspace == workspace)
        keys = (key for key in of_workspace if among is None or key.model.name in among)
        searched = [SearchedVersion(version) for key in keys if (version := self.find(key)) is not None]
        chosen = [(place_of(search.orders, one), one) for one in searched if holds(search.term, one)]
        return [FoundVersion(one.version, at) for at, one in ordered(chosen, search.orders, after)[:limit]]

    def in_stages(self, model: ModelKey, stages: Collection[Stage]) -> Sequence[VersionKey]:
        versions = self._state.versions.values()
        keys = (version.key for version in versions if version.key.model == model and version.stage in stages)
        return sorted(keys, key=lambda key: key.number)

    def has_had(self, model: ModelKey) -> bool:
        return self._state.counters.get(model, 0) > 0

    def next_number(self, model: ModelKey) -> int:
        number = self._state.counters.get(model, 0) + 1
        self._state.counters[model] = number
        return number

    def insert(self, version: ModelVersion, manifest: Manifest | None) -> None:
        self._state.versions[version.key] = replace(version, tags=dict(version.tags))
        if manifest is not None:
            self._state.manifests[version.key] = manifest

    def describe(self, key: VersionKey, description: str) -> None:
        self._state.versions[key] = replace(self._state.versions[key], description=description)

    def change_tags(self, key: VersionKey, to_set: Mapping[str, str], to_delete: Collection[str]) -> None:
        version = self._state.versions[key]
        self._state.versions[key] = replace(version, tags=_changed(version.tags, to_set, to_delete))

    def move(self, keys: Collection[VersionKey], stage: Stage) -> None:
        for key in keys:
            self._state.versions[key] = replace(self._state.versions[key], stage=stage)

    def touch(self, model: ModelKey, revisions: Mapping[int, int], time_us: int) -> None:
        for number, revision in revisions.items():
            key = VersionKey(model, number)
            self._state.versions[key] = replace(self._state.versions[key], update_time_us=time_us, revision=revision)

    def delete(self, key: VersionKey) -> None:
        for alias, number in list(self._state.aliases.items()):
            if (alias[0], number) == (key.model, key.number):
                del self._state.aliases[alias]
        self._state.manifests.pop(key, None)
        del self._state.versions[key]

    def manifest(self, key: VersionKey) -> Manifest | None:
        return self._state.manifests.get(key)

    def aliased(self, model: ModelKey, alias: str) -> int | None:
        return self._state.aliases.get((model, alias))

    def count_aliases(self, model: ModelKey) -> int:
        return sum(1 for owner, _ in self._state.aliases if owner == model)

    def point(self, key: VersionKey, alias: str) -> None:
        self._state.aliases[key.model, alias] = key.number

    def drop_alias(self, model: ModelKey, alias: str) -> None:
        del self._state.aliases[model, alias]

    def request(self, model: ModelKey, request_id: str) -> CreateRequest | None:
        return self._state.requests.get((model, request_id))

    def remember(self, key: VersionKey, request_id: str, source: str) -> None:
        self._state.requests[key.model, request_id] = CreateRequest(key.number, source)


class MemoryEvents:
    """See Events."""

    def __init__(self, state: State) -> None:
        self._state = state

    def append(self, kind: EventKind, model: ModelKey, version: int, details: Mapping[str, str], change: Change) -> int:
        sequence = len(self._state.events) + 1
        self._state.events.append(Event(Position(sequence, new_id()), kind, model, version, dict(details), change))
        return sequence

    def head(self) -> Position:
        return self._state.events[-1].position if self._state.events else START

    def has(self, position: Position) -> bool:
        if position.sequence == 0:
            return position == START
        known = self._state.events[position.sequence - 1 : position.sequence]
        return [event.position for event in known] == [position]

    def last_of(self, model: ModelKey) -> Event | None:
        return next((event for event in reversed(self._state.events) if event.model == model), None)

    def beginning(self, model: ModelKey, before: int | None) -> Event | None:
        begun = (event for event in self._state.events[: None if before is None else before - 1] if _begins(event))
        return next((event for event in reversed(list(begun)) if event.model == model), None)

    def beginnings(self, workspace: str, names: Collection[str]) -> Mapping[str, int]:
        found = {name: self.beginning(ModelKey(workspace, name), None) for name in names}
        return {name: event.position.sequence for name, event in found.items() if event is not None}

    def page(self, chosen: EventFilter | None, after: int, limit: int, max_weight: int) -> Sequence[Event]:
        page: list[Event] = []
        weight = 0
        for event in self._state.events[after:]:
            if len(page) == limit or weight > max_weight:
                break
            if chosen is None or chosen.admits(event):
                page.append(event)
                weight += event.weight
        return page


def _begins(event: Event) -> bool:
    renamed = event.kind is EventKind.MODEL_RENAMED
    return event.kind is EventKind.MODEL_CREATED or (renamed and event.details["to_name"] == event.model.name)


def _changed(tags: Mapping[str, str], to_set: Mapping[str, str], to_delete: Collection[str]) -> dict[str, str]:
    return {key: value for key, value in {**tags, **to_set}.items() if key not in to_delete}
