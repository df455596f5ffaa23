"""The versions and their aliases in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from trackway_server.core.search.conditions import Search
from trackway_server.core.search.ordering import Place
from trackway_server.registry.domain.manifest import Manifest, parse_manifest
from trackway_server.registry.domain.model import CreateRequest, ModelKey, ModelVersion, VersionKey
from trackway_server.registry.domain.search import FoundVersion
from trackway_server.registry.domain.stages import Stage
from trackway_server.registry.store.sql_load import (
    VersionQueries,
    load_numbered,
    load_versions,
    model_parameters,
    of_model,
    of_version,
    same_version,
    version_keys,
    version_parameters,
    version_queries,
)
from trackway_server.registry.store.sql_search import search_versions
from trackway_server.registry.store.tables import ALIASES, COUNTERS, MANIFESTS, REQUESTS, VERSION_TAGS, VERSIONS

_IN_STAGES = VERSIONS.c.stage.in_(bindparam("stages", expanding=True))

_FIND = version_queries(version_keys(of_version(VERSIONS)))
_NUMBERS_IN_STAGES = select(VERSIONS.c.version).where(of_model(VERSIONS), _IN_STAGES).order_by(VERSIONS.c.version)
_MANIFEST = (
    select(VERSIONS.c.manifest_digest, MANIFESTS.c.content)
    .join(MANIFESTS, same_version(VERSIONS, MANIFESTS))
    .where(of_version(VERSIONS))
)
_UPDATE = update(VERSIONS).where(of_version(VERSIONS))
_DELETE = delete(VERSIONS).where(of_version(VERSIONS))
_DELETE_TAGS = delete(VERSION_TAGS).where(
    of_version(VERSION_TAGS), VERSION_TAGS.c.key.in_(bindparam("keys", expanding=True))
)
_LAST_NUMBER = select(COUNTERS.c.last_version).where(of_model(COUNTERS))
_IS_ALIAS = ALIASES.c.alias == bindparam("of_alias")
_ALIASED = select(ALIASES.c.version).where(of_model(ALIASES), _IS_ALIAS)
_COUNT_ALIASES = select(func.count()).select_from(ALIASES).where(of_model(ALIASES))
_DROP_ALIAS = delete(ALIASES).where(of_model(ALIASES), _IS_ALIAS)
_REQUEST = select(REQUESTS.c.version, REQUESTS.c.source).where(
    of_model(REQUESTS), REQUESTS.c.request_id == bindparam("of_request")
)


@cache
def _page(of_stages: bool, before: bool) -> VersionQueries:
    """A page of versions, with the parameters `stages` and `before` where they are asked for."""
    keys = version_keys(of_model(VERSIONS))
    keys = keys.where(_IN_STAGES) if of_stages else keys
    keys = keys.where(VERSIONS.c.version < bindparam("before")) if before else keys
    return version_queries(keys.order_by(VERSIONS.c.version.desc()).limit(bindparam("at_most")))


class SqlVersions:
    """See Versions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, key: VersionKey) -> ModelVersion | None:
        found = load_versions(self._connection, _FIND, version_parameters(key))
        return found[0] if found else None

    def page(
        self, model: ModelKey, stages: Collection[Stage], before: int | None, limit: int
    ) -> Sequence[ModelVersion]:
        parameters = model_parameters(model) | {"at_most": limit}
        if stages:
            parameters["stages"] = [stage.value for stage in stages]
        if before is not None:
            parameters["before"] = before
        return load_versions(self._connection, _page(bool(stages), before is not None), parameters)

    def search(
        self, workspace: str, search: Search, after: Place | None, limit: int, among: Collection[str] | None = None
    ) -> Sequence[FoundVersion]:
        found = search_versions(self._connection, workspace, among, search, after, limit)
        versions = load_numbered(self._connection, workspace, [key for key, _ in found])
        return [FoundVersion(versions[key], place) for key, place in found]

    def in_stages(self, model: ModelKey, stages: Collection[Stage]) -> Sequence[VersionKey]:
        parameters = model_parameters(model) | {"stages": [stage.value for stage in stages]}
        return [
            VersionKey(model, number) for number in self._connection.execute(_NUMBERS_IN_STAGES, parameters).scalars()
        ]

    def has_had(self, model: ModelKey) -> bool:
        return self._connection.execute(_LAST_NUMBER, model_parameters(model)).first() is not None

    def next_number(self, model: ModelKey) -> int:
        last = self._connection.execute(_LAST_NUMBER, model_parameters(model)).scalar()
        number = (last or 0) + 1
        if last is None:
            values = {"workspace": model.workspace, "name": model.name, "last_version": number}
            self._connection.execute(insert(COUNTERS).values(values))
        else:
            counted = update(COUNTERS).where(of_model(COUNTERS)).values(last_version=number)
            self._connection.execute(counted, model_parameters(model))
        return number

    def insert(self, version: ModelVersion, manifest: Manifest | None) -> None:
        owner = _columns(version.key)
        values = {
            **owner,
            "source": version.source,
            "run_id": version.run_id,
            "manifest_digest": version.manifest_digest,
            "size_bytes": version.size_bytes,
            "stage": version.stage.value,
            "description": version.description,
            "create_time_us": version.create_time_us,
            "update_time_us": version.update_time_us,
            "created_by": version.user,
            "revision": version.revision,
            "run_link": version.run_link,
            "model_id": version.model_id,
            "location": version.location,
        }
        self._connection.execute(insert(VERSIONS).values(values))
        if manifest is not None:
            self._connection.execute(insert(MANIFESTS).values({**owner, "content": manifest.content}))
        self.change_tags(version.key, version.tags, ())

    def describe(self, key: VersionKey, description: str) -> None:
        self._connection.execute(_UPDATE.values(description=description), version_parameters(key))

    def change_tags(self, key: VersionKey, to_set: Mapping[str, str], to_delete: Collection[str]) -> None:
        gone = [*to_set, *to_delete]
        if gone:
            self._connection.execute(_DELETE_TAGS, {**version_parameters(key), "keys": gone})
        if to_set:
            rows = [{**_columns(key), "key": tag, "value": value} for tag, value in to_set.items()]
            self._connection.execute(insert(VERSION_TAGS), rows)

    def move(self, keys: Collection[VersionKey], stage: Stage) -> None:
        self._update_each([{**version_parameters(key), "stage": stage.value} for key in keys])

    def touch(self, model: ModelKey, revisions: Mapping[int, int], time_us: int) -> None:
        changed = [(version_parameters(VersionKey(model, number)), new) for number, new in revisions.items()]
        self._update_each([{**key, "revision": new, "update_time_us": time_us} for key, new in changed])

    def delete(self, key: VersionKey) -> None:
        self._connection.execute(_DELETE, version_parameters(key))

    def manifest(self, key: VersionKey) -> Manifest | None:
        row = self._connection.execute(_MANIFEST, version_parameters(key)).first()
        return None if row is None else parse_manifest(row.manifest_digest, row.content)

    def aliased(self, model: ModelKey, alias: str) -> int | None:
        return self._connection.execute(_ALIASED, model_parameters(model) | {"of_alias": alias}).scalar()

    def count_aliases(self, model: ModelKey) -> int:
        return self._connection.execute(_COUNT_ALIASES, model_parameters(model)).scalar_one()

    def point(self, key: VersionKey, alias: str) -> None:
        self.drop_alias(key.model, alias)
        self._connection.execute(insert(ALIASES).values({**_columns(key), "alias": alias}))

    def drop_alias(self, model: ModelKey, alias: str) -> None:
        self._connection.execute(_DROP_ALIAS, model_parameters(model) | {"of_alias": alias})

    def request(self, model: ModelKey, request_id: str) -> CreateRequest | None:
        row = self._connection.execute(_REQUEST, model_parameters(model) | {"of_request": request_id}).first()
        return None if row is None else CreateRequest(row.version, row.source)

    def remember(self, key: VersionKey, request_id: str, source: str) -> None:
        values = {**_columns(key), "request_id": request_id, "source": source}
        self._connection.execute(insert(REQUESTS).values(values))

    def _update_each(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """One statement, run for every row; the rows set the same columns."""
        if rows:
            self._connection.execute(_UPDATE, list(rows))


def _columns(key: VersionKey) -> dict[str, Any]:
    return {"workspace": key.model.workspace, "name": key.model.name, "version": key.number}
