"""The searchable fields of runs as SQL: what `SearchedRun.values` says, as conditions and as columns to order by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from trackway_server.core.search import sql
from trackway_server.core.search.conditions import (
    Condition,
    Field,
    NumberTest,
    Ordering,
    Present,
    Shape,
    Source,
    Statistic,
    Term,
    Test,
    TextIn,
    TextTest,
)
from trackway_server.core.search.evaluation import holds
from trackway_server.core.search.sql import Expression, Predicate
from trackway_server.core.search.syntax import Operator
from trackway_server.tracking.domain.model import RunStatus
from trackway_server.tracking.domain.search import artifact_uri
from trackway_server.tracking.store.sql_numbers import NO_NUMBER, number_column
from trackway_server.tracking.store.tables import DATASET_INPUTS, METRICS, PARAMS, RUNS, TAGS

SUMMARIES = METRICS.summaries
_KEY_COLUMNS = {
    Statistic.LAST: SUMMARIES.c.last_key,
    Statistic.FIRST: SUMMARIES.c.first_key,
    Statistic.MIN: SUMMARIES.c.min_key,
    Statistic.MAX: SUMMARIES.c.max_key,
}
_TEXTS = {"run_id": RUNS.c.run_id, "run_name": RUNS.c.name, "user_id": RUNS.c.user_id}


class RunFields:
    """Fields of the run whose id stands in `run_id`; attributes are those of the row of RUNS beside it."""

    def __init__(self, connection: Connection, run_id: Expression) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._run_id = run_id

    def holds(self, term: Term) -> Predicate:
        """Whether the run holds a term."""
        return sql.predicate(term, self._condition)

    def _condition(self, condition: Condition) -> Predicate:
        field, test = condition.field, condition.test
        match field.source:
            case Source.ATTRIBUTE:
                return self._attribute(field.key, test)
            case Source.PARAM | Source.TAG:
                table = PARAMS if field.source is Source.PARAM else TAGS
                return self._exists(
                    select(1).where(table.c.run_id == self._run_id, self.of_key(table, field.key, test))
                )
            case Source.DATASET:
                column = DATASET_INPUTS.c[field.key]
                passes = self._text(column, test, lambda: select(column).distinct())
                return self._exists(select(1).where(DATASET_INPUTS.c.run_id == self._run_id, column != "", passes))
            case Source.METRIC:
                return self._metric(field, test)

    def _exists(self, rows: Select[Any]) -> Predicate:
        # With an OFFSET PostgreSQL looks it up for each run, instead of joining with all that pass.
        return exists(rows.offset(0) if self._dialect == "postgresql" else rows)

    def of_key(self, table: Table, key: str, test: Test) -> Predicate:
        """Whether a row of PARAMS or TAGS is of this key and passes."""
        if isinstance(test, NumberTest):
            number = table.c.number
            return and_(table.c.key == key, number < NO_NUMBER, sql.compared(number, test.operator, test.number))
        values = select(table.c.value).distinct().where(table.c.key == key)
        passes = self._text(table.c.value, test, lambda: values, indexed=True)
        if table is PARAMS and (texts := _texts_of(test)):
            # Says no more, but PostgreSQL tests it in the index, and the text in the table.
            passes = and_(table.c.number.in_(sorted({number_column(text) for text in texts})), passes)
        return and_(table.c.key == key, passes)

    def _text(
        self, column: Expression, test: Test, values: Callable[[], Select[Any]], *, indexed: bool = False
    ) -> Predicate:
        def fetch() -> Sequence[str]:
            return self._connection.execute(values()).scalars().all()

        return sql.text_passes(column, test, self._dialect, fetch, indexed=indexed)

    def _attribute(self, key: str, test: Test) -> Predicate:
        match key:
            case "status":
                return RUNS.c.status.in_([int(status) for status in RunStatus if text_holds(status.name, test)])
            case "start_time":
                return _integer(RUNS.c.start_time_us, test)
            case "end_time":
                return and_(RUNS.c.end_time_us != 0, _integer(RUNS.c.end_time_us, test))
            case "parent_run_id":
                column: Expression = RUNS.c.parent_run_id
                return and_(column != "", self._text(column, test, lambda: select(column).distinct()))
            case "experiment_id":
                column = cast(RUNS.c.experiment_id, String)
            case "artifact_uri":
                column = literal(artifact_uri("")).concat(RUNS.c.run_id)
            case _:
                column = _TEXTS[key]
        return self._text(column, test, lambda: select(column).distinct())

    def _metric(self, field: Field, test: Test) -> Predicate:
        if field.whole_key is None or not self.is_metric(field.whole_key):
            return self._statistic(field.key, field.statistic, test)
        whole = self._statistic(field.whole_key, Statistic.LAST, Present())
        return or_(
            self._statistic(field.whole_key, Statistic.LAST, test),
            and_(not_(whole), self._statistic(field.key, field.statistic, test)),
        )

    def is_metric(self, key: str) -> bool:
        """Whether any run has a metric of just this name."""
        query = select(SUMMARIES.c.series).where(SUMMARIES.c.search_key == key).limit(1)
        return self._connection.execute(query).first() is not None

    def _statistic(self, key: str, statistic: Statistic, test: Test) -> Predicate:
        return self._exists(self._standing(select(1), key).where(statistic_passes(statistic, test)))

    def _standing(self, query: Select[Any], key: str) -> Select[Any]:
        """The summary that stands for a key of the run."""
        return query.select_from(SUMMARIES).where(SUMMARIES.c.search_key == key, SUMMARIES.c.subject_id == self._run_id)

    def columns(self, order: Ordering) -> list[Expression]:
        """The columns of an order's term."""
        field, descending = order.field, order.descending
        match field.source:
            case Source.METRIC:
                return [self._metric_column(field, descending=descending)]
            case Source.PARAM:
                value, number = (self._value(PARAMS, field.key, name) for name in ("value", "number"))
                return sql.typed_columns(value, number, self._dialect)
            case Source.TAG:
                head = sql.head(self._value(TAGS, field.key, "value"))
                return sql.text_columns(head, self._dialect, optional=True)
            case _:
                return self._attribute_columns(order)

    def _attribute_columns(self, order: Ordering) -> list[Expression]:
        key, descending = order.field.key, order.descending
        if order.shape is Shape.INTEGER:
            integers: dict[str, Expression] = {
                "start_time": RUNS.c.start_time_us,
                "end_time": func.nullif(RUNS.c.end_time_us, 0),
                "experiment_id": RUNS.c.experiment_id,
            }
            column = sql.turned(integers[key], descending=descending)
            return [sql.or_absent(column) if order.optional else column]
        texts: dict[str, Expression] = {
            **_TEXTS,
            "status": case({int(status): status.name for status in RunStatus}, value=RUNS.c.status),
            "artifact_uri": literal(artifact_uri("")).concat(RUNS.c.run_id),
            "parent_run_id": func.nullif(RUNS.c.parent_run_id, ""),
        }
        return sql.text_columns(texts[key], self._dialect, optional=order.optional)

    def _metric_column(self, field: Field, *, descending: bool) -> Expression:
        found = self._of_standing(field.key, field.statistic, descending=descending)
        if field.whole_key is not None and self.is_metric(field.whole_key):
            found = func.coalesce(self._of_standing(field.whole_key, Statistic.LAST, descending=descending), found)
        return sql.or_absent(found)

    def _of_standing(self, key: str, statistic: Statistic, *, descending: bool) -> Expression:
        column = statistic_column(statistic, descending=descending)
        return self._standing(select(column), key).where(is_known(statistic)).scalar_subquery()

    def _value(self, table: Table, key: str, name: str) -> Expression:
        return select(table.c[name]).where(table.c.run_id == self._run_id, table.c.key == key).scalar_subquery()


def _texts_of(test: Test) -> Sequence[str]:
    """The texts of which a value that passes is one; none: it may be any."""
    match test:
        case TextIn(texts, negated=False):
            return texts
        case TextTest(Operator.EQUAL, text):
            return (text,)
        case _:
            return ()


def statistic_column(statistic: Statistic, *, descending: bool) -> Expression:
    """The column to order by of a summary that is there."""
    if statistic is Statistic.COUNT:
        return sql.turned(SUMMARIES.c.count, descending=descending)
    return sql.key_column(_KEY_COLUMNS[statistic], descending=descending)


def statistic_passes(statistic: Statistic, test: Test) -> Predicate:
    """Whether a summary passes."""
    if statistic is Statistic.COUNT:
        return _integer(SUMMARIES.c.count, test)
    return and_(is_known(statistic), sql.key_passes(_KEY_COLUMNS[statistic], test))


def is_known(statistic: Statistic) -> Predicate:
    """Whether the summary has it: first points were not always noted."""
    return SUMMARIES.c.firsts_known == 1 if statistic is Statistic.FIRST else true()


def _integer(column: ColumnElement[int], test: Test) -> Predicate:
    return sql.compared(column, test.operator, test.number) if isinstance(test, NumberTest) else true()


class _Text:
    def __init__(self, value: str) -> None:
        self._value = value

    def values(self, _field: Field) -> Sequence[str]:
        return [self._value]


def text_holds(value: str, test: Test) -> bool:
    """Whether a text passes."""
    return holds(Condition(Field(Source.ATTRIBUTE, ""), test), _Text(value))
