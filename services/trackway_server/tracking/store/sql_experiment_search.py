"""Searches of experiments in SQL: what `SearchedExperiment.values` says. There are few, so they are gone through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, String, and_, cast, exists, select, true

from trackway_server.core.search import sql
from trackway_server.core.search.conditions import Condition, NumberTest, Ordering, Search, Shape, Source
from trackway_server.core.search.ordering import Place, falling
from trackway_server.core.search.sql import Expression, Predicate
from trackway_server.tracking.domain.model import View
from trackway_server.tracking.store.sql_bindings import bound_experiments
from trackway_server.tracking.store.tables import EXPERIMENT_TAGS, EXPERIMENTS

_INTEGERS = {
    "creation_time": EXPERIMENTS.c.create_time_us,
    "last_update_time": EXPERIMENTS.c.update_time_us,
    "experiment_id": EXPERIMENTS.c.experiment_id,
}


def search_experiments(
    connection: Connection,
    workspace: str,
    view: View,
    search: Search,
    after: Place | None,
    limit: int,
    bound_to: str,
) -> list[tuple[int, Place]]:
    """Ids and places of up to `limit` experiments, in order."""
    of = EXPERIMENTS.c
    fields = _Fields(connection)
    query = select(of.experiment_id).where(of.workspace == workspace, sql.predicate(search.term, fields.condition))
    if view is not View.ALL:
        query = query.where(of.deleted == (view is View.DELETED_ONLY))
    if bound_to:
        query = query.where(of.experiment_id.in_(bound_experiments(bound_to)))
    columns = [column for order in search.orders for column in fields.columns(order)]
    directions = [fall for order in search.orders for fall in falling(order)]
    if after is not None:
        query = query.where(sql.beyond(columns, directions, after))
    named = [column.label(f"place_{number}") for number, column in enumerate(columns)]
    terms = [column.desc() if fall else column for column, fall in zip(named, directions, strict=True)]
    found = connection.execute(query.add_columns(*named).order_by(*terms).limit(limit))
    return [(row[0], tuple(row[1:])) for row in found]


class _Fields:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name

    def condition(self, condition: Condition) -> Predicate:
        """Whether the experiment has it."""
        field, test = condition.field, condition.test
        tags = EXPERIMENT_TAGS.c
        if field.source is Source.TAG:
            of_key = and_(tags.experiment_id == EXPERIMENTS.c.experiment_id, tags.key == field.key)
            values = select(tags.value).distinct().where(tags.key == field.key)
            passes = sql.text_passes(tags.value, test, self._dialect, self._fetch(values), indexed=False)
            return exists(select(1).where(of_key, passes))
        if field.key in ("name", "experiment_id"):
            text: Expression = EXPERIMENTS.c.name if field.key == "name" else cast(EXPERIMENTS.c.experiment_id, String)
            fetch = self._fetch(select(text).distinct())
            return sql.text_passes(text, test, self._dialect, fetch, indexed=False)
        column = _INTEGERS[field.key]
        return sql.compared(column, test.operator, test.number) if isinstance(test, NumberTest) else true()

    def _fetch(self, values: Select[Any]) -> Callable[[], Sequence[str]]:
        return lambda: self._connection.execute(values).scalars().all()

    def columns(self, order: Ordering) -> list[Expression]:
        """The columns of an order's term."""
        key = order.field.key
        if order.shape is Shape.INTEGER:
            return [sql.turned(_INTEGERS[key], descending=order.descending)]
        if order.field.source is Source.ATTRIBUTE:
            return sql.text_columns(EXPERIMENTS.c.name, self._dialect, optional=False)
        tags = EXPERIMENT_TAGS.c
        of_key = select(tags.value).where(tags.experiment_id == EXPERIMENTS.c.experiment_id, tags.key == key)
        return sql.text_columns(sql.head(of_key.scalar_subquery()), self._dialect, optional=True)
