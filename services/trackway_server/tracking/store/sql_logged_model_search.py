"""Searches of logged models in SQL: what `SearchedModel.values` says, as conditions and as columns to order by.

The models of the experiments are gone through; each one's params, tags and metrics are looked up by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, case, exists, func, not_, or_, select, true

from trackway_server.core.search import sql
from trackway_server.core.search.conditions import (
    Condition,
    Field,
    NumberTest,
    Ordering,
    Present,
    Scope,
    Search,
    Shape,
    Source,
    Statistic,
    Test,
)
from trackway_server.core.search.ordering import Place, falling
from trackway_server.core.search.sql import Expression, Predicate
from trackway_server.tracking.domain.logged_models import LoggedModelStatus, ModelsQuery
from trackway_server.tracking.domain.model import View
from trackway_server.tracking.store.sql_bindings import bound_experiments
from trackway_server.tracking.store.sql_numbers import NO_NUMBER
from trackway_server.tracking.store.sql_run_fields import (
    SUMMARIES,
    is_known,
    statistic_column,
    statistic_passes,
    text_holds,
)
from trackway_server.tracking.store.tables import (
    LOGGED_MODEL_PARAMS,
    LOGGED_MODEL_SERIES,
    LOGGED_MODEL_TAGS,
    LOGGED_MODELS,
    METRICS,
)

_TABLES = {Source.PARAM: LOGGED_MODEL_PARAMS, Source.TAG: LOGGED_MODEL_TAGS}
_TIMES = {
    "creation_timestamp": LOGGED_MODELS.c.create_time_us,
    "last_updated_timestamp": LOGGED_MODELS.c.update_time_us,
}
_TEXTS: dict[str, Expression] = {
    "name": LOGGED_MODELS.c.name,
    "model_id": LOGGED_MODELS.c.model_id,
    "model_type": func.nullif(LOGGED_MODELS.c.model_type, ""),
    "source_run_id": func.nullif(LOGGED_MODELS.c.source_run_id, ""),
}


def search_models(
    connection: Connection, query: ModelsQuery, search: Search, after: Place | None, limit: int
) -> list[tuple[str, Place]]:
    """Ids and places of up to `limit` models, in order."""
    fields = _Fields(connection)
    chosen = _scope(select(LOGGED_MODELS.c.model_id), query).where(sql.predicate(search.term, fields.condition))
    columns = [column for order in search.orders for column in fields.columns(order)]
    directions = [fall for order in search.orders for fall in falling(order)]
    if after is not None:
        chosen = chosen.where(sql.beyond(columns, directions, after))
    named = [column.label(f"place_{number}") for number, column in enumerate(columns)]
    terms = [column.desc() if fall else column for column, fall in zip(named, directions, strict=True)]
    found = connection.execute(chosen.add_columns(*named).order_by(*terms).limit(limit))
    return [(row[0], tuple(row[1:])) for row in found]


def _scope(rows: Select[Any], query: ModelsQuery) -> Select[Any]:
    of = LOGGED_MODELS.c
    rows = rows.where(of.workspace == query.workspace)
    if query.experiment_ids:
        rows = rows.where(of.experiment_id.in_(query.experiment_ids))
    if query.view is not View.ALL:
        rows = rows.where(of.deleted == (query.view is View.DELETED_ONLY))
    if query.bound_to:
        rows = rows.where(of.experiment_id.in_(bound_experiments(query.bound_to)))
    return rows


class _Fields:
    """The fields of the row of LOGGED_MODELS."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name

    def condition(self, condition: Condition) -> Predicate:
        """Whether the model has it."""
        field, test = condition.field, condition.test
        match field.source:
            case Source.ATTRIBUTE:
                return self._attribute(field.key, test)
            case Source.PARAM | Source.TAG:
                return exists(self._of_key(select(1), field).where(self._value_passes(field, test)))
            case Source.DATASET:
                return exists(_series(select(1), field.scope))
            case Source.METRIC:
                return self._metric(field, test)

    def _attribute(self, key: str, test: Test) -> Predicate:
        if key == "status":
            statuses = [int(status) for status in LoggedModelStatus if text_holds(status.name, test)]
            return LOGGED_MODELS.c.status.in_(statuses)
        if key in _TIMES:
            return sql.compared(_TIMES[key], test.operator, test.number) if isinstance(test, NumberTest) else true()
        column = _TEXTS[key]
        values = self._fetch(select(column).distinct().where(column.is_not(None)))
        # What is absent passes no test, nor is the answer unknown, which would pass no negation.
        return and_(column.is_not(None), sql.text_passes(column, test, self._dialect, values, indexed=False))

    def _of_key(self, rows: Select[Any], field: Field) -> Select[Any]:
        table = _TABLES[field.source]
        return rows.where(table.c.model_id == LOGGED_MODELS.c.model_id, table.c.key == field.key)

    def _value_passes(self, field: Field, test: Test) -> Predicate:
        table = _TABLES[field.source]
        if isinstance(test, NumberTest):
            number = table.c.number
            return and_(number < NO_NUMBER, sql.compared(number, test.operator, test.number))
        values = self._fetch(select(table.c.value).distinct().where(table.c.key == field.key))
        return sql.text_passes(table.c.value, test, self._dialect, values, indexed=False)

    def _fetch(self, values: Select[Any]) -> Callable[[], Sequence[str]]:
        return lambda: self._connection.execute(values).scalars().all()

    def _metric(self, field: Field, test: Test) -> Predicate:
        own = exists(_metric(select(1), field.key, field.scope).where(statistic_passes(field.statistic, test)))
        if field.whole_key is None:
            return own
        whole = _metric(select(1), field.whole_key, field.scope)
        last = exists(whole.where(statistic_passes(Statistic.LAST, test)))
        return or_(last, and_(not_(exists(whole.where(statistic_passes(Statistic.LAST, Present())))), own))

    def columns(self, order: Ordering) -> list[Expression]:
        """The columns of an order's term."""
        field, descending = order.field, order.descending
        match field.source:
            case Source.METRIC:
                return [self._metric_column(field, descending=descending)]
            case Source.PARAM:
                value, number = (self._value(field, name) for name in ("value", "number"))
                return sql.typed_columns(value, number, self._dialect)
            case Source.TAG:
                return sql.text_columns(sql.head(self._value(field, "value")), self._dialect, optional=True)
            case _:
                return self._attribute_columns(order)

    def _value(self, field: Field, name: str) -> Expression:
        return self._of_key(select(_TABLES[field.source].c[name]), field).scalar_subquery()

    def _attribute_columns(self, order: Ordering) -> list[Expression]:
        key = order.field.key
        if order.shape is Shape.INTEGER:
            return [sql.turned(_TIMES[key], descending=order.descending)]
        names = {int(status): status.name for status in LoggedModelStatus}
        column = case(names, value=LOGGED_MODELS.c.status) if key == "status" else _TEXTS[key]
        return sql.text_columns(column, self._dialect, optional=order.optional)

    def _metric_column(self, field: Field, *, descending: bool) -> Expression:
        found = _latest(field.key, field.scope, field.statistic, descending=descending)
        if field.whole_key is not None:
            whole = _latest(field.whole_key, field.scope, Statistic.LAST, descending=descending)
            found = func.coalesce(whole, found)
        return sql.or_absent(found)


def _series(rows: Select[Any], scope: Scope) -> Select[Any]:
    """The series of the model that have points, on one of the data sets."""
    of = LOGGED_MODEL_SERIES.c
    rows = rows.select_from(LOGGED_MODEL_SERIES.join(SUMMARIES, SUMMARIES.c.series == of.series)).where(
        of.model_id == LOGGED_MODELS.c.model_id, of.workspace == LOGGED_MODELS.c.workspace
    )
    if not scope:
        return rows
    within = [
        and_(of.dataset_name == name, of.dataset_digest == digest) if digest else of.dataset_name == name
        for name, digest in scope
    ]
    return rows.where(or_(*within))


def _metric(rows: Select[Any], key: str, scope: Scope) -> Select[Any]:
    return _series(rows, scope).where(LOGGED_MODEL_SERIES.c.key == key)


def _latest(key: str, scope: Scope, statistic: Statistic, *, descending: bool) -> Expression:
    """The column to order by of the series that was logged last."""
    rows = _metric(select(statistic_column(statistic, descending=descending)), key, scope).where(is_known(statistic))
    rows = rows.join(METRICS.series, METRICS.series.c.number == LOGGED_MODEL_SERIES.c.series)
    latest_first = (
        SUMMARIES.c.last_time.desc(),
        SUMMARIES.c.last_step.desc(),
        LOGGED_MODEL_SERIES.c.run_id,
        METRICS.series.c.context_digest,
    )
    return rows.order_by(*latest_first).limit(1).scalar_subquery()
