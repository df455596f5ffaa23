"""The versions and their aliases in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from trackway_server.registry.domain.manifest import Manifest, parse_manifest
from trackway_server.registry.domain.model import CreateRequest, ModelKey, ModelVersion, VersionKey
from trackway_server.registry.domain.stages import Stage
from trackway_server.registry.store.sql_load import is_model, is_version, load_versions, version_keys
from trackway_server.registry.store.tables import ALIASES, COUNTERS, MANIFESTS, REQUESTS, VERSION_TAGS, VERSIONS


class SqlVersions:
    """See Versions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, key: VersionKey) -> ModelVersion | None:
        found = load_versions(self._connection, version_keys(is_version(VERSIONS, key)))
        return found[0] if found else None

    def page(
        self, model: ModelKey, stages: Collection[Stage], before: int | None, limit: int
    ) -> Sequence[ModelVersion]:
        keys = version_keys(is_model(VERSIONS, model))
        if stages:
            keys = keys.where(VERSIONS.c.stage.in_([stage.value for stage in stages]))
        if before is not None:
            keys = keys.where(VERSIONS.c.version < before)
        return load_versions(self._connection, keys.order_by(VERSIONS.c.version.desc()).limit(limit))

    def in_stages(self, model: ModelKey, stages: Collection[Stage]) -> Sequence[VersionKey]:
        chosen = VERSIONS.c.stage.in_([stage.value for stage in stages])
        query = select(VERSIONS.c.version).where(is_model(VERSIONS, model), chosen).order_by(VERSIONS.c.version)
        return [VersionKey(model, number) for number in self._connection.execute(query).scalars()]

    def next_number(self, model: ModelKey) -> int:
        last = self._connection.execute(select(COUNTERS.c.last_version).where(is_model(COUNTERS, model))).scalar()
        number = (last or 0) + 1
        if last is None:
            values = {"workspace": model.workspace, "name": model.name, "last_version": number}
            self._connection.execute(insert(COUNTERS).values(values))
        else:
            self._connection.execute(update(COUNTERS).where(is_model(COUNTERS, model)).values(last_version=number))
        return number

    def insert(self, version: ModelVersion, manifest: Manifest) -> None:
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
        }
        self._connection.execute(insert(VERSIONS).values(values))
        self._connection.execute(insert(MANIFESTS).values({**owner, "content": manifest.text.encode()}))
        self.change_tags(version.key, version.tags, ())

    def describe(self, key: VersionKey, description: str) -> None:
        self._connection.execute(update(VERSIONS).where(is_version(VERSIONS, key)).values(description=description))

    def change_tags(self, key: VersionKey, to_set: Mapping[str, str], to_delete: Collection[str]) -> None:
        gone = [*to_set, *to_delete]
        if gone:
            chosen = VERSION_TAGS.c.key.in_(gone)
            self._connection.execute(delete(VERSION_TAGS).where(is_version(VERSION_TAGS, key), chosen))
        if to_set:
            rows = [{**_columns(key), "key": tag, "value": value} for tag, value in to_set.items()]
            self._connection.execute(insert(VERSION_TAGS), rows)

    def move(self, keys: Collection[VersionKey], stage: Stage) -> None:
        self._update_each([{**_bound(key), "stage": stage.value} for key in keys])

    def touch(self, model: ModelKey, revisions: Mapping[int, int], time_us: int) -> None:
        changed = [(VersionKey(model, number), revision) for number, revision in revisions.items()]
        self._update_each([{**_bound(key), "revision": new, "update_time_us": time_us} for key, new in changed])

    def delete(self, key: VersionKey) -> None:
        self._connection.execute(delete(VERSIONS).where(is_version(VERSIONS, key)))

    def manifest(self, key: VersionKey) -> Manifest | None:
        query = select(VERSIONS.c.manifest_digest, MANIFESTS.c.content).where(
            is_version(VERSIONS, key), is_version(MANIFESTS, key)
        )
        row = self._connection.execute(query).first()
        return None if row is None else parse_manifest(row.manifest_digest, row.content.decode())

    def aliased(self, model: ModelKey, alias: str) -> int | None:
        query = select(ALIASES.c.version).where(is_model(ALIASES, model), ALIASES.c.alias == alias)
        return self._connection.execute(query).scalar()

    def count_aliases(self, model: ModelKey) -> int:
        query = select(func.count()).select_from(ALIASES).where(is_model(ALIASES, model))
        return self._connection.execute(query).scalar_one()

    def point(self, key: VersionKey, alias: str) -> None:
        if self.aliased(key.model, alias) is not None:
            self.drop_alias(key.model, alias)
        self._connection.execute(insert(ALIASES).values({**_columns(key), "alias": alias}))

    def drop_alias(self, model: ModelKey, alias: str) -> None:
        self._connection.execute(delete(ALIASES).where(is_model(ALIASES, model), ALIASES.c.alias == alias))

    def request(self, model: ModelKey, request_id: str) -> CreateRequest | None:
        query = select(REQUESTS.c.version, REQUESTS.c.source)
        row = self._connection.execute(
            query.where(is_model(REQUESTS, model), REQUESTS.c.request_id == request_id)
        ).first()
        return None if row is None else CreateRequest(row.version, row.source)

    def remember(self, key: VersionKey, request_id: str, source: str) -> None:
        values = {**_columns(key), "request_id": request_id, "source": source}
        self._connection.execute(insert(REQUESTS).values(values))

    def _update_each(self, rows: Sequence[Mapping[str, object]]) -> None:
        """One statement, run for every row; the rows have the same columns."""
        if rows:
            conditions = [VERSIONS.c[name] == bindparam(f"of_{name}") for name in ("workspace", "name", "version")]
            self._connection.execute(update(VERSIONS).where(*conditions), list(rows))


def _columns(key: VersionKey) -> dict[str, object]:
    return {"workspace": key.model.workspace, "name": key.model.name, "version": key.number}


def _bound(key: VersionKey) -> dict[str, object]:
    return {f"of_{name}": value for name, value in _columns(key).items()}
