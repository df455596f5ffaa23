"""Searches of models and versions in SQL: what `SearchedModel.values` and `SearchedVersion.values` say.

There are few beside runs, so those of the workspace, or of the models that a filter names, are gone through.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, exists, func, select, true

from trackway_server.core.search import sql
from trackway_server.core.search.conditions import Condition, NumberTest, Ordering, Search, Shape, Source
from trackway_server.core.search.ordering import Place, falling
from trackway_server.core.search.sql import Expression, Predicate
from trackway_server.registry.store.tables import MODEL_TAGS, MODELS, VERSION_TAGS, VERSIONS


@dataclass(frozen=True, slots=True)
class _Searched:
    """The tables of one sort of object, and its attributes by their names in searches."""

    table: Table
    tags: Table
    key: tuple[str, ...]
    """What identifies one in its workspace."""
    texts: Mapping[str, ColumnElement[str]]
    integers: Mapping[str, ColumnElement[int]]


_MODELS = _Searched(
    MODELS,
    MODEL_TAGS,
    ("name",),
    {"name": MODELS.c.name},
    {"creation_timestamp": MODELS.c.create_time_us, "last_updated_timestamp": MODELS.c.update_time_us},
)
_VERSIONS = _Searched(
    VERSIONS,
    VERSION_TAGS,
    ("name", "version"),
    {
        "name": VERSIONS.c.name,
        "run_id": VERSIONS.c.run_id,
        "source_path": VERSIONS.c.source,
        "stage": VERSIONS.c.stage,
        "user_id": VERSIONS.c.created_by,
        "model_id": VERSIONS.c.model_id,
    },
    {
        "version_number": VERSIONS.c.version,
        "creation_timestamp": VERSIONS.c.create_time_us,
        "last_updated_timestamp": VERSIONS.c.update_time_us,
    },
)
_OPTIONAL = frozenset({"run_id", "model_id"})
"""Empty where they are absent."""


def search_models(
    connection: Connection,
    workspace: str,
    among: Collection[str] | None,
    search: Search,
    after: Place | None,
    limit: int,
) -> list[tuple[str, Place]]:
    """Names and places of up to `limit` models, in order."""
    found = _search(connection, _MODELS, workspace, among, search, after, limit)
    return [(row[0], tuple(row[1:])) for row in found]


def search_versions(
    connection: Connection,
    workspace: str,
    among: Collection[str] | None,
    search: Search,
    after: Place | None,
    limit: int,
) -> list[tuple[tuple[str, int], Place]]:
    """Names of models, numbers and places of up to `limit` versions, in order."""
    found = _search(connection, _VERSIONS, workspace, among, search, after, limit)
    return [((row[0], row[1]), tuple(row[2:])) for row in found]


def _search(
    connection: Connection,
    searched: _Searched,
    workspace: str,
    among: Collection[str] | None,
    search: Search,
    after: Place | None,
    limit: int,
) -> Sequence[Any]:
    fields = _Fields(connection, searched, workspace)
    table = searched.table
    query = select(*(table.c[name] for name in searched.key)).where(
        table.c.workspace == workspace, sql.predicate(search.term, fields.condition)
    )
    if among is not None:
        query = query.where(table.c.name.in_(sorted(among)))
    columns = [column for order in search.orders for column in fields.columns(order)]
    directions = [fall for order in search.orders for fall in falling(order)]
    if after is not None:
        query = query.where(sql.beyond(columns, directions, after))
    named = [column.label(f"place_{number}") for number, column in enumerate(columns)]
    terms = [column.desc() if fall else column for column, fall in zip(named, directions, strict=True)]
    return connection.execute(query.add_columns(*named).order_by(*terms).limit(limit)).all()


class _Fields:
    def __init__(self, connection: Connection, searched: _Searched, workspace: str) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._searched = searched
        self._workspace = workspace

    def condition(self, condition: Condition) -> Predicate:
        """Whether the object has it."""
        field, test = condition.field, condition.test
        if field.source is Source.TAG:
            tags = self._searched.tags.c
            values = select(tags.value).distinct().where(tags.workspace == self._workspace, tags.key == field.key)
            passes = sql.text_passes(tags.value, test, self._dialect, self._fetch(values), indexed=False)
            return exists(select(1).where(self._tag(field.key), passes))
        if field.key in self._searched.integers:
            column = self._searched.integers[field.key]
            return sql.compared(column, test.operator, test.number) if isinstance(test, NumberTest) else true()
        text = self._searched.texts[field.key]
        values = select(text).distinct().where(self._searched.table.c.workspace == self._workspace)
        passes = sql.text_passes(text, test, self._dialect, self._fetch(values), indexed=False)
        return and_(text != "", passes) if field.key in _OPTIONAL else passes

    def _tag(self, key: str) -> Predicate:
        table, tags = self._searched.table.c, self._searched.tags.c
        same = (tags[name] == table[name] for name in ("workspace", *self._searched.key))
        return and_(*same, tags.key == key)

    def _fetch(self, values: Select[Any]) -> Callable[[], Sequence[str]]:
        return lambda: self._connection.execute(values).scalars().all()

    def columns(self, order: Ordering) -> list[Expression]:
        """The columns of an order's term."""
        key = order.field.key
        if order.shape is Shape.INTEGER:
            return [sql.turned(self._searched.integers[key], descending=order.descending)]
        if order.field.source is Source.ATTRIBUTE:
            text: Expression = self._searched.texts[key]
            column = func.nullif(text, "") if order.optional else text
            return sql.text_columns(column, self._dialect, optional=order.optional)
        value = select(self._searched.tags.c.value).where(self._tag(key)).scalar_subquery()
        return sql.text_columns(sql.head(value), self._dialect, optional=True)
