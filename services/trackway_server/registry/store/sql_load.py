"""Reading versions and models whole, in a constant number of queries however many they are.

What to read is given as a query of keys, which then drives one query for each kind of thing that belongs to them. The
queries are built once, with parameters: building one costs several times what SQLite needs to answer it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Row,
    Select,
    String,
    Table,
    and_,
    bindparam,
    column,
    func,
    literal,
    select,
    values,
)

from trackway_server.registry.domain.model import ModelKey, ModelVersion, RegisteredModel, VersionKey
from trackway_server.registry.domain.stages import Stage
from trackway_server.registry.store.tables import ALIASES, MODEL_TAGS, MODELS, VERSION_TAGS, VERSIONS

Keys = Select[tuple[str, str, int]]
"""A query of (workspace, name, version)."""

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class VersionQueries:
    """What reads the versions of a query of keys, and what belongs to them."""

    versions: Select[Any]
    tags: Select[Any]
    aliases: Select[Any]


def of_model(table: Table) -> ColumnElement[bool]:
    """That a row belongs to the model of the parameters `model_parameters`."""
    return and_(table.c.workspace == bindparam("in_workspace"), table.c.name == bindparam("of_name"))


def of_version(table: Table) -> ColumnElement[bool]:
    """That a row belongs to the version of the parameters `version_parameters`."""
    return and_(of_model(table), table.c.version == bindparam("of_version"))


def model_parameters(key: ModelKey) -> dict[str, Any]:
    """The parameters of `of_model`."""
    return {"in_workspace": key.workspace, "of_name": key.name}


def version_parameters(key: VersionKey) -> dict[str, Any]:
    """The parameters of `of_version`."""
    return {**model_parameters(key.model), "of_version": key.number}


def version_keys(*conditions: ColumnElement[bool]) -> Keys:
    """The keys of the versions that meet the conditions."""
    return select(VERSIONS.c.workspace, VERSIONS.c.name, VERSIONS.c.version).where(*conditions)


def same_version(table: FromClause, other: FromClause) -> ColumnElement[bool]:
    """That rows of the two belong to one version."""
    return and_(*(table.c[name] == other.c[name] for name in ("workspace", "name", "version")))


def version_queries(keys: Keys) -> VersionQueries:
    """The queries driven by the keys."""
    chosen = keys.subquery("chosen")
    return VersionQueries(
        versions=select(VERSIONS)
        .join(chosen, same_version(VERSIONS, chosen))
        .order_by(VERSIONS.c.name, VERSIONS.c.version.desc()),
        tags=select(VERSION_TAGS).join(chosen, same_version(VERSION_TAGS, chosen)),
        aliases=select(ALIASES).join(chosen, same_version(ALIASES, chosen)).order_by(ALIASES.c.alias),
    )


def load_versions(connection: Connection, queries: VersionQueries, parameters: Parameters) -> list[ModelVersion]:
    """The versions with their tags and aliases, by name, then greatest number first. Three queries."""
    rows = connection.execute(queries.versions, parameters).all()
    if not rows:
        return []
    tags: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for row in connection.execute(queries.tags, parameters):
        tags[row.name, row.version][row.key] = row.value
    aliases: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row in connection.execute(queries.aliases, parameters):
        aliases[row.name, row.version].append(row.alias)
    return [_version(row, tags[row.name, row.version], aliases[row.name, row.version]) for row in rows]


def load_numbered(
    connection: Connection, workspace: str, keys: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], ModelVersion]:
    """The versions of these names and numbers. Three queries."""
    if not keys:
        return {}
    # What drives the queries, so that each version is looked up by the index, in every database.
    listed = values(column("name", String), column("version", Integer), name="listed").data(list(keys)).cte("listed")
    queries = version_queries(select(literal(workspace).label("workspace"), listed.c.name, listed.c.version))
    found = load_versions(connection, queries, {})
    return {(version.key.model.name, version.key.number): version for version in found}


def load_models(connection: Connection, workspace: str, names: Sequence[str]) -> dict[str, RegisteredModel]:
    """The models of these names, with all that belongs to them. Six queries."""
    if not names:
        return {}
    named = {"in_workspace": workspace, "names": list(names)}
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    for row in connection.execute(_NAMED_TAGS, named):
        tags[row.name][row.key] = row.value
    aliases: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(_NAMED_ALIASES, named):
        aliases[row.name][row.alias] = row.version
    latest: dict[str, list[ModelVersion]] = defaultdict(list)
    for version in reversed(load_versions(connection, _NAMED_LATEST, named)):
        latest[version.key.model.name].append(version)
    rows = connection.execute(_NAMED, named).all()
    return {row.name: _model(row, tags[row.name], aliases[row.name], latest[row.name]) for row in rows}


def _named(table: Table) -> ColumnElement[bool]:
    in_workspace = table.c.workspace == bindparam("in_workspace")
    return and_(in_workspace, table.c.name.in_(bindparam("names", expanding=True)))


def _latest_keys() -> Keys:
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
        .where(_named(MODELS), version.c.version.in_(latest))
    )


_NAMED = select(MODELS).where(_named(MODELS))
_NAMED_TAGS = select(MODEL_TAGS).where(_named(MODEL_TAGS))
_NAMED_ALIASES = select(ALIASES).where(_named(ALIASES))
_NAMED_LATEST = version_queries(_latest_keys())


def _version(row: Row[Any], tags: Mapping[str, str], aliases: Sequence[str]) -> ModelVersion:
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
        tags=tags,
        aliases=tuple(aliases),
        run_link=row.run_link,
        model_id=row.model_id,
        location=row.location,
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
