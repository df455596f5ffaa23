"""What the registry needs from outside: a store, and the services that know runs and files.

The docstrings of the store's ports are the specification that its conformance suite checks on every adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from trackway_server.core.search.conditions import Search
from trackway_server.core.search.ordering import Place
from trackway_server.registry.domain.events import Event, EventFilter, EventKind, Position
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
from trackway_server.registry.domain.search import FoundModel, FoundVersion
from trackway_server.registry.domain.source import LoggedModelSource, StoredSource
from trackway_server.registry.domain.stages import Stage

P = ParamSpec("P")
T = TypeVar("T")

Credentials = tuple[tuple[str, str], ...]
"""What a call to another service carries on behalf of the caller. The domain only hands it on."""


class Models(Protocol):
    """The registered models, inside one transaction."""

    def find(self, key: ModelKey) -> RegisteredModel | None:
        """The model with its tags, aliases and latest versions; None where there is none."""
        ...

    def exists(self, key: ModelKey) -> bool:
        """Whether there is such a model."""
        ...

    def search(
        self, workspace: str, search: Search, after: Place | None, limit: int, among: Collection[str] | None = None
    ) -> Sequence[FoundModel]:
        """The first `limit` models that the search chooses and that stand after a place (None: all), in its order.

        Where `among` is given, of those alone that it names.
        """
        ...

    def insert(self, draft: ModelDraft, revision: int, time_us: int) -> None:
        """Store a new model with its tags. There is none of this key."""
        ...

    def describe(self, key: ModelKey, description: str) -> None:
        """Replace the description."""
        ...

    def change_tags(self, key: ModelKey, to_set: Mapping[str, str], to_delete: Collection[str]) -> None:
        """Set and delete tags; those to delete are there."""
        ...

    def touch(self, key: ModelKey, time_us: int, revision: int | None = None) -> None:
        """Note when it was changed, and the revision where its own fields were."""
        ...

    def rename(self, key: ModelKey, new_name: str) -> None:
        """Give the model another name, which no model has, with all that belongs to it: versions, tags, aliases, roles,
        request ids, and what notes metrics. The next version's number is the greater one of both names."""
        ...

    def delete(self, key: ModelKey) -> None:
        """Delete the model with its versions, tags and aliases. Numbers and request ids stay used."""
        ...


class Versions(Protocol):
    """The versions and their aliases, inside one transaction."""

    def find(self, key: VersionKey) -> ModelVersion | None:
        """The version with its tags and aliases; None where there is none."""
        ...

    def page(
        self, model: ModelKey, stages: Collection[Stage], before: int | None, limit: int
    ) -> Sequence[ModelVersion]:
        """The first `limit` versions in one of the stages (none given: in any), greatest number first.

        `before`, where given, leaves out that number and greater ones.
        """
        ...

    def search(
        self, workspace: str, search: Search, after: Place | None, limit: int, among: Collection[str] | None = None
    ) -> Sequence[FoundVersion]:
        """The first `limit` versions that the search chooses and that stand after a place (None: all), in its order.

        Where `among` is given, of the models alone that it names.
        """
        ...

    def in_stages(self, model: ModelKey, stages: Collection[Stage]) -> Sequence[VersionKey]:
        """The versions in one of the stages, by number."""
        ...

    def has_had(self, model: ModelKey) -> bool:
        """Whether there ever was a version under this name."""
        ...

    def next_number(self, model: ModelKey) -> int:
        """Take the next number: 1 at first, then one more each time, even after the version or the model is deleted."""
        ...

    def insert(self, version: ModelVersion, manifest: Manifest | None) -> None:
        """Store a new version with its tags and, where it has files, its manifest. It has no aliases."""
        ...

    def describe(self, key: VersionKey, description: str) -> None:
        """Replace the description."""
        ...

    def change_tags(self, key: VersionKey, to_set: Mapping[str, str], to_delete: Collection[str]) -> None:
        """Set and delete tags; those to delete are there."""
        ...

    def move(self, keys: Collection[VersionKey], stage: Stage) -> None:
        """Put the versions into the stage."""
        ...

    def touch(self, model: ModelKey, revisions: Mapping[int, int], time_us: int) -> None:
        """Note when versions were changed, and their revisions by number."""
        ...

    def delete(self, key: VersionKey) -> None:
        """Delete the version with its tags, aliases and manifest. Its number and request id stay used."""
        ...

    def manifest(self, key: VersionKey) -> Manifest | None:
        """The version's files, proven against their digest; None where it has none, or there is no such version."""
        ...

    def aliased(self, model: ModelKey, alias: str) -> int | None:
        """The number of the version that the alias points to; None where there is no such alias."""
        ...

    def count_aliases(self, model: ModelKey) -> int:
        """How many aliases the model has."""
        ...

    def point(self, key: VersionKey, alias: str) -> None:
        """Point the alias to the version, wherever it pointed before."""
        ...

    def drop_alias(self, model: ModelKey, alias: str) -> None:
        """Delete the alias, which is there."""
        ...

    def request(self, model: ModelKey, request_id: str) -> CreateRequest | None:
        """What the request id has made under this name; None where it was never used."""
        ...

    def remember(self, key: VersionKey, request_id: str, source: str) -> None:
        """Note that the request id has made the version of this source."""
        ...


class Bindings(Protocol):
    """The roles of principals on single models, inside one transaction."""

    def role(self, model: ModelKey, principal: str) -> int:
        """A principal's role on a model; 0: none."""
        ...

    def role_in(self, workspace: str, principal: str) -> int:
        """The greatest of a principal's roles on models of a workspace; 0: it has none."""
        ...

    def models_of(self, workspace: str, principal: str) -> Sequence[str]:
        """The names of the models of a workspace on which a principal has a role, by name."""
        ...

    def role_on_files(self, workspace: str, manifest_digest: str, principal: str) -> int:
        """The greatest of a principal's roles on models of a workspace with a version of this manifest; 0: none."""
        ...

    def page(self, model: ModelKey, after: str, limit: int) -> Sequence[tuple[str, int]]:
        """The first `limit` principals greater than `after`, with their roles, in the order of code points."""
        ...

    def count(self, model: ModelKey) -> int:
        """How many principals have a role on a model."""
        ...

    def put(self, model: ModelKey, principal: str, role: int) -> None:
        """Give a principal a role on a model, which is there, in place of the one it has. It goes with the model."""
        ...

    def drop(self, model: ModelKey, principal: str) -> bool:
        """Take a principal's role on a model away; False where it has none."""
        ...


class Events(Protocol):
    """The log of changes, inside one transaction."""

    def append(self, kind: EventKind, model: ModelKey, version: int, details: Mapping[str, str], change: Change) -> int:
        """Add an event at the end, and answer its sequence.

        Sequences have no gaps, and become visible in their order: who has seen one has seen all before it, and no
        smaller one is committed later.
        """
        ...

    def head(self) -> Position:
        """The position after the last event."""
        ...

    def has(self, position: Position) -> bool:
        """Whether the event of this sequence has this id; true of the position before the first event."""
        ...

    def last_of(self, model: ModelKey) -> Event | None:
        """The last event about the model of this name, or one of its versions; None where there is none.

        It is asked before the transaction appends any.
        """
        ...

    def beginning(self, model: ModelKey, before: int | None) -> Event | None:
        """The last event (before that sequence, where one is given) with which a model came under this name: its
        creation, or a renaming to it. None where there is none."""
        ...

    def beginnings(self, workspace: str, names: Collection[str]) -> Mapping[str, int]:
        """The sequences of these events for the models that have some names now; names without one are left out."""
        ...

    def page(self, chosen: EventFilter | None, after: int, limit: int, max_weight: int) -> Sequence[Event]:
        """The first events with a sequence greater than `after` that the filter admits (None: all), in order.

        At most `limit`, and no more once their weights exceed `max_weight` bytes; at least one where there is one.
        """
        ...


class RegistryTransaction(Protocol):
    """One transaction of the store. Used in one thread, and not after its end."""

    @property
    def models(self) -> Models:
        """The registered models."""
        ...

    @property
    def versions(self) -> Versions:
        """The versions."""
        ...

    @property
    def bindings(self) -> Bindings:
        """The roles on single models."""
        ...

    @property
    def events(self) -> Events:
        """The log."""
        ...


class RegistryStore(Protocol):
    """Runs plain functions, each in one transaction."""

    async def read(
        self, work: Callable[Concatenate[RegistryTransaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(transaction, …)`, which changes nothing, on one state of the store."""
        ...

    async def write(
        self, work: Callable[Concatenate[RegistryTransaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(transaction, …)` alone, no other write beside it, and commit.

        What it wrote is durable when this returns, and undone when it raises.
        """
        ...


class SourceOfModels(Protocol):
    """Knows runs, logged models and their files."""

    async def run_behind(self, source: LoggedModelSource, workspace: str, credentials: Credentials) -> str:
        """The run that made a logged model; empty where none is known.

        Raises DomainError: LOGGED_MODEL_NOT_FOUND, LOGGED_MODEL_DELETED, SERVICE_UNAVAILABLE where Tracking cannot be
        asked, or what refused the caller there.
        """
        ...

    async def pin(self, source: StoredSource, workspace: str, credentials: Credentials) -> Manifest:
        """Make sure that what the files belong to exists and is not deleted; fix the files of the source as they are.

        Raises DomainError: RUN_NOT_FOUND, RUN_DELETED, SOURCE_INVALID where nothing is stored there,
        SERVICE_UNAVAILABLE where a service cannot be asked, or what refused the caller there.
        """
        ...
