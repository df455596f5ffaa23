"""Reading versions and models whole, in a constant number of queries however many they are.

What to read is given as a query of keys, which then drives one query for each kind of thing that belongs to them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, Table, and_, func, select

from trackway_server.registry.domain.model import ModelKey, ModelVersion, RegisteredModel, VersionKey
from trackway_server.registry.domain.stages import Stage
from trackway_server.registry.store.tables import ALIASES, MODEL_TAGS, MODELS, VERSION_TAGS, VERSIONS

Keys = Select[tuple[str, str, int]]
"""A query of (workspace, name, version)."""


def version_keys(*conditions: ColumnElement[bool]) -> Keys:
    """The keys of the versions that meet the conditions."""
    return select(VERSIONS.c.workspace, VERSIONS.c.name, VERSIONS.c.version).where(*conditions)


def is_model(table: Table, key: ModelKey) -> ColumnElement[bool]:
    """That a row belongs to the model."""
    return and_(table.c.workspace == key.workspace, table.c.name == key.name)


def is_version(table: Table, key: VersionKey) -> ColumnElement[bool]:
    """That a row belongs to the version."""
    return and_(is_model(table, key.model), table.c.version == key.number)


def load_versions(connection: Connection, keys: Keys) -> list[ModelVersion]:
    """The versions of the keys with their tags and aliases, by name, then greatest number first. Three queries."""
    chosen = keys.subquery("chosen")
    rows = connection.execute(
        select(VERSIONS)
        .join(chosen, _same_version(VERSIONS, chosen))
        .order_by(VERSIONS.c.name, VERSIONS.c.version.desc())
    ).all()
    tags = _version_tags(connection, chosen) if rows else {}
    aliases = _version_aliases(connection, chosen) if rows else {}
    return [_version(row, tags, aliases) for row in rows]


def load_models(connection: Connection, workspace: str, rows: Sequence[Row[Any]]) -> list[RegisteredModel]:
    """The models of rows that follow one another by name, with all that belongs to them. Five queries."""
    if not rows:
        return []
    first, last = rows[0].name, rows[-1].name

    def within(table: Table) -> ColumnElement[bool]:
        return and_(table.c.workspace == workspace, table.c.name >= first, table.c.name <= last)

    tags: dict[str, dict[str, str]] = defaultdict(dict)
    for row in connection.execute(select(MODEL_TAGS).where(within(MODEL_TAGS))):
        tags[row.name][row.key] = row.value
    aliases: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(select(ALIASES).where(within(ALIASES))):
        aliases[row.name][row.alias] = row.version
    latest: dict[str, list[ModelVersion]] = defaultdict(list)
    for version in reversed(load_versions(connection, _latest_keys(within(MODELS)))):
        latest[version.key.model.name].append(version)
    return [_model(row, tags[row.name], aliases[row.name], latest[row.name]) for row in rows]


def _latest_keys(chosen: ColumnElement[bool]) -> Keys:
    """The version with the greatest number in each stage: one search of the index a model and stage."""
    latest = [
        select(func.max(VERSIONS.c.version))
        .where(VERSIONS.c.workspace == MODELS.c.workspace, VERSIONS.c.name == MODELS.c.name)
        .where(VERSIONS.c.stage == stage.value)
        .correlate(MODELS)
        .scalar_subquery()
        for stage in Stage
    ]
    version = VERSIONS.alias("version")
    joined = and_(version.c.workspace == MODELS.c.workspace, version.c.name == MODELS.c.name)
    return (
        select(version.c.workspace, version.c.name, version.c.version)
        .select_from(MODELS.join(version, joined))
        .where(chosen, version.c.version.in_(latest))
    )


def _same_version(table: Table, chosen: FromClause) -> ColumnElement[bool]:
    return and_(*(table.c[name] == chosen.c[name] for name in ("workspace", "name", "version")))


def _version_tags(connection: Connection, chosen: FromClause) -> Mapping[tuple[str, int], Mapping[str, str]]:
    tags: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for row in connection.execute(select(VERSION_TAGS).join(chosen, _same_version(VERSION_TAGS, chosen))):
        tags[row.name, row.version][row.key] = row.value
    return tags


def _version_aliases(connection: Connection, chosen: FromClause) -> Mapping[tuple[str, int], Sequence[str]]:
    aliases: dict[tuple[str, int], list[str]] = defaultdict(list)
    query = select(ALIASES).join(chosen, _same_version(ALIASES, chosen)).order_by(ALIASES.c.alias)
    for row in connection.execute(query):
        aliases[row.name, row.version].append(row.alias)
    return aliases


def _version(
    row: Row[Any],
    tags: Mapping[tuple[str, int], Mapping[str, str]],
    aliases: Mapping[tuple[str, int], Sequence[str]],
) -> ModelVersion:
    key = (row.name, row.version)
    return ModelVersion(
        key=VersionKey(ModelKey(row.workspace, row.name), row.version),
        source=row.source,
        run_id=row.run_id,
        manifest_digest=row.manifest_digest,
        size_bytes=row.size_bytes,
        stage=Stage(row.stage),
        description=row.description,
        create_time_us=row.create_time_us,
        update_time_us=row.update_time_us,
        user=row.created_by,
        revision=row.revision,
        tags=tags.get(key, {}),
        aliases=tuple(aliases.get(key, ())),
    )


def _model(
    row: Row[Any], tags: Mapping[str, str], aliases: Mapping[str, int], latest: Sequence[ModelVersion]
) -> RegisteredModel:
    return RegisteredModel(
        key=ModelKey(row.workspace, row.name),
        description=row.description,
        create_time_us=row.create_time_us,
        update_time_us=row.update_time_us,
        revision=row.revision,
        tags=tags,
        aliases=aliases,
        latest_versions=tuple(latest),
    )
