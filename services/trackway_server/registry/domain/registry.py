"""The registry: every use of it, over a store, the services that know runs and files, and the feed of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Concatenate, ParamSpec, TypeVar

from trackway_server.core.admission import Admission
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.search.conditions import Search
from trackway_server.registry.domain import (
    aliases,
    bindings,
    histories,
    lookup,
    models,
    origins,
    pages,
    resolve,
    versions,
)
from trackway_server.registry.domain.bindings import Binding
from trackway_server.registry.domain.events import START, Event, EventFilter, Position, parse_token
from trackway_server.registry.domain.feed import EventFeed
from trackway_server.registry.domain.manifest import Manifest
from trackway_server.registry.domain.model import (
    Change,
    ModelDraft,
    ModelKey,
    ModelVersion,
    RegisteredModel,
    Resolved,
    Transition,
    VersionDraft,
    VersionKey,
)
from trackway_server.registry.domain.pages import Page
from trackway_server.registry.domain.ports import Credentials, RegistryStore, RegistryTransaction, SourceOfModels
from trackway_server.registry.domain.search import FoundModel, FoundVersion, without_prompts
from trackway_server.registry.domain.source import ElsewhereSource, LoggedModelSource, Source, VersionSource

P = ParamSpec("P")
T = TypeVar("T")


class Registry:
    """All that callers may do. The errors are those of the functions of the domain that each method names."""

    def __init__(self, store: RegistryStore, source: SourceOfModels, feed: EventFeed) -> None:
        self._store = store
        self._source = source
        self._feed = feed

    async def create_model(self, draft: ModelDraft, change: Change) -> RegisteredModel:
        """See `models.create_model`."""
        return await self._write(models.create_model, draft, change)

    async def get_model(self, key: ModelKey) -> RegisteredModel:
        """See `lookup.require_model`."""
        return await self._store.read(lookup.require_model, key)

    async def search_models(
        self, workspace: str, search: Search, asked: pages.Asked, admission: Admission | None = None
    ) -> Page[RegisteredModel]:
        """Models that the search chooses and the caller reaches. Raises DomainError(WORKSPACE_NOT_FOUND)."""

        def work(tx: RegistryTransaction) -> Sequence[FoundModel]:
            among = None if admission is None else bindings.reach(tx, workspace, admission)
            return tx.models.search(workspace, without_prompts(search), asked.after, asked.size + 1, among)

        found = await self._store.read(work)
        page = pages.page_of(
            found, asked.size, lambda each: pages.weigh_model(each.model), lambda each: asked.token(each.place)
        )
        return Page([each.model for each in page.items], page.next_token)

    async def rename_model(self, key: ModelKey, new_name: str, etag: str, change: Change) -> RegisteredModel:
        """See `models.rename_model`."""
        return await self._write(models.rename_model, key, new_name, etag, change)

    async def describe_model(self, key: ModelKey, description: str, etag: str, change: Change) -> RegisteredModel:
        """See `models.describe_model`."""
        return await self._write(models.describe_model, key, description, etag, change)

    async def change_model_tags(
        self, key: ModelKey, to_set: Mapping[str, str], to_delete: Collection[str], change: Change
    ) -> RegisteredModel:
        """See `models.change_model_tags`."""
        return await self._write(models.change_model_tags, key, to_set, to_delete, change)

    async def delete_model(self, key: ModelKey, etag: str, change: Change, *, in_use: bool = False) -> None:
        """See `models.delete_model`."""
        await self._write(models.delete_model, key, etag, change, in_use=in_use)

    async def create_version(
        self, draft: VersionDraft, change: Change, credentials: Credentials, admission: Admission | None = None
    ) -> ModelVersion:
        """Pin the source's files and make a version of them.

        See `origins.read_source`, `versions.create_version`, `origins.copied`, `SourceOfModels.pin`.
        """
        draft, source = origins.read_source(draft)
        if (made := await self._store.read(versions.find_made, draft)) is not None:
            return made
        draft, manifest = await self._files(draft, source, credentials, admission)
        return await self._write(versions.create_version, draft, manifest, change)

    async def _files(
        self, draft: VersionDraft, source: Source, credentials: Credentials, admission: Admission | None
    ) -> tuple[VersionDraft, Manifest | None]:
        """What the version is made of, and the draft with the run and the logged model that the source has."""
        match source:
            case ElsewhereSource():
                return draft, None
            case VersionSource():
                return await self._store.read(origins.copied, draft, source, admission)
            case _:
                workspace = draft.model.workspace
                if isinstance(source, LoggedModelSource):
                    run_id = await self._source.run_behind(source, workspace, credentials)
                    draft = replace(draft, run_id=draft.run_id or run_id)
                try:
                    return draft, await self._source.pin(source, workspace, credentials)
                except DomainError as refusal:
                    if draft.files_optional and refusal.reason is Reason.SOURCE_INVALID:
                        return draft, None
                    raise

    async def get_version(self, key: VersionKey) -> ModelVersion:
        """See `lookup.require_version`."""
        return await self._store.read(lookup.require_version, key)

    async def search_versions(
        self, chosen: ModelKey, search: Search, asked: pages.Asked, admission: Admission | None = None
    ) -> Page[ModelVersion]:
        """Versions that the search chooses, of one model or, where the name is empty, of all that the caller reaches.

        Raises DomainError: WORKSPACE_NOT_FOUND, MODEL_NOT_FOUND, PERMISSION_DENIED.
        """

        def work(tx: RegistryTransaction) -> Sequence[FoundVersion]:
            among: Collection[str] | None = None
            if chosen.name:
                if admission is not None:
                    bindings.admit(tx, chosen, admission)
                lookup.check_model(tx, chosen)
                among = (chosen.name,)
            elif admission is not None:
                among = bindings.reach(tx, chosen.workspace, admission)
            return tx.versions.search(chosen.workspace, without_prompts(search), asked.after, asked.size + 1, among)

        found = await self._store.read(work)
        page = pages.page_of(
            found, asked.size, lambda each: pages.weigh_version(each.version), lambda each: asked.token(each.place)
        )
        return Page([each.version for each in page.items], page.next_token)

    async def describe_version(self, key: VersionKey, description: str, etag: str, change: Change) -> ModelVersion:
        """See `versions.describe_version`."""
        return await self._write(versions.describe_version, key, description, etag, change)

    async def change_version_tags(
        self, key: VersionKey, to_set: Mapping[str, str], to_delete: Collection[str], change: Change
    ) -> ModelVersion:
        """See `versions.change_version_tags`."""
        return await self._write(versions.change_version_tags, key, to_set, to_delete, change)

    async def delete_version(self, key: VersionKey, etag: str, change: Change, *, in_use: bool = False) -> None:
        """See `versions.delete_version`."""
        await self._write(versions.delete_version, key, etag, change, in_use=in_use)

    async def move_version(self, transition: Transition, change: Change) -> ModelVersion:
        """See `versions.move_version`."""
        return await self._write(versions.move_version, transition, change)

    async def set_alias(self, key: VersionKey, alias: str, expected: int | None, change: Change) -> ModelVersion:
        """See `aliases.set_alias`."""
        return await self._write(aliases.set_alias, key, alias, expected, change)

    async def delete_alias(self, model: ModelKey, alias: str, expected: int | None, change: Change) -> None:
        """See `aliases.delete_alias`."""
        await self._write(aliases.delete_alias, model, alias, expected, change)

    async def resolve(self, model: ModelKey, selector: resolve.Selector) -> Resolved:
        """See `resolve.resolve`."""
        return await self._store.read(resolve.resolve, model, selector)

    async def list_events(self, chosen: EventFilter, size: int, token: str) -> Page[Event]:
        """Events, oldest first; a resume token is a page token too. Raises DomainError(PAGE_TOKEN_INVALID)."""
        after = parse_token(token) if token else START

        def work(tx: RegistryTransaction) -> Page[Event]:
            if after is None or not tx.events.has(after):
                raise pages.page_token_invalid("ListEvents")
            # Twice what fits on a page, so that an event too many tells that there is another page.
            found = tx.events.page(histories.of_models(tx, chosen), after.sequence, size + 1, 2 * pages.PAGE_BYTES)
            return pages.page_of(found, size, lambda event: event.weight, lambda event: event.position.token)

        return await self._store.read(work)

    def watch(self, chosen: EventFilter, resume_token: str, from_start: bool) -> AsyncGenerator[Event | Position, None]:
        """See `EventFeed.watch`."""
        return self._feed.watch(chosen, resume_token, from_start)

    async def admit(self, model: ModelKey, admission: Admission) -> None:
        """See `bindings.admit`. It is asked before what the caller wants, for most callers without the store."""
        if not admission.holds(model.workspace):
            await self._store.read(bindings.admit, model, admission)

    async def confined(self, chosen: EventFilter, admission: Admission) -> EventFilter:
        """See `bindings.confined`."""
        if admission.holds(chosen.workspace):
            return chosen
        return await self._store.read(bindings.confined, chosen, admission)

    async def role_on_files(self, workspace: str, manifest_digest: str, admission: Admission) -> int:
        """See `bindings.role_on_files`."""
        return await self._store.read(bindings.role_on_files, workspace, manifest_digest, admission)

    async def grant_role(self, model: ModelKey, principal: str, role: int) -> Binding:
        """See `bindings.grant`."""
        return await self._store.write(bindings.grant, model, principal, role)

    async def revoke_role(self, model: ModelKey, principal: str) -> None:
        """See `bindings.revoke`."""
        await self._store.write(bindings.revoke, model, principal)

    async def list_roles(self, model: ModelKey, size: int, token: str) -> Page[Binding]:
        """See `bindings.page`. Raises DomainError(PAGE_TOKEN_INVALID), too."""
        after = pages.parse_role_token(token, model)
        found = await self._store.read(bindings.page, model, after, size + 1)
        more = pages.role_token(model, found[size - 1].principal) if len(found) > size else ""
        return Page(found[:size], more)

    async def _write(
        self, work: Callable[Concatenate[RegistryTransaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            return await self._store.write(work, *args, **kwargs)
        finally:
            self._feed.notify()
