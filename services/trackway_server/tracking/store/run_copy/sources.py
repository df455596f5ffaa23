"""Where the columns of runs come from: rows of the database, in parts, and those of single runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Boolean, Column, Connection, Integer, Select, Text, and_, cast, func, or_, select

from trackway_server.core.search import sql
from trackway_server.core.search.conditions import Source, Statistic
from trackway_server.core.search.ordering import HEAD
from trackway_server.core.search.sql import Expression, Predicate
from trackway_server.tracking.store.run_copy.columns import (
    ColumnName,
    Ids,
    Int32s,
    Int64s,
    RunRows,
    Values,
    ids_of,
    number_keys,
)
from trackway_server.tracking.store.sql_run_fields import is_known
from trackway_server.tracking.store.sql_statements import batches
from trackway_server.tracking.store.tables import METRICS, PARAMS, RUNS, TAGS

SUMMARIES = METRICS.summaries
Key = tuple[Any, ...]
"""Where the next part begins."""

_STATISTICS = {
    Statistic.LAST: SUMMARIES.c.last_key,
    Statistic.FIRST: SUMMARIES.c.first_key,
    Statistic.MIN: SUMMARIES.c.min_key,
    Statistic.MAX: SUMMARIES.c.max_key,
    Statistic.COUNT: SUMMARIES.c.count,
}
_ATTRIBUTES = {
    "run_name": RUNS.c.name,
    "user_id": RUNS.c.user_id,
    "status": RUNS.c.status,
    "end_time": func.nullif(RUNS.c.end_time_us, 0),
}
_TABLES = {Source.PARAM: PARAMS, Source.TAG: TAGS}
_ROW = (RUNS.c.run_id, RUNS.c.workspace, RUNS.c.experiment_id, RUNS.c.deleted, RUNS.c.start_time_us)


class RowsReader:
    """Reads RunRows. Workspaces get numbers as they come."""

    def __init__(self, workspaces: Sequence[str] = ()) -> None:
        self._numbers = {name: number for number, name in enumerate(workspaces)}

    @property
    def workspaces(self) -> tuple[str, ...]:
        """The names behind the numbers."""
        return tuple(self._numbers)

    def part(self, connection: Connection, after: str, limit: int) -> RunRows:
        """Up to `limit` rows, by id, after an id."""
        query = select(*_ROW).where(RUNS.c.run_id > after).order_by(RUNS.c.run_id).limit(limit)
        _, (ids, workspaces, *numbers) = _as_texts(connection, query)
        experiments, deleted, start_times = map(_int64s, numbers)
        return RunRows(_ids(ids), self._numbered(_split(workspaces)), experiments, deleted != 0, start_times)

    def of(self, connection: Connection, run_ids: Sequence[str]) -> list[Sequence[Any]]:
        """The rows of these runs."""
        rows: list[Sequence[Any]] = []
        for batch in batches(run_ids):
            rows += _rows(connection, select(*_ROW).where(RUNS.c.run_id.in_(batch)))
        return rows

    def rows(self, found: Sequence[Sequence[Any]]) -> RunRows:
        """Rows as columns, by id."""
        ids = ids_of([row[0] for row in found])
        order = np.argsort(ids)
        return RunRows(
            ids[order],
            self._numbered([row[1] for row in found])[order],
            np.array([row[2] for row in found], dtype=np.int64)[order],
            np.array([row[3] for row in found], dtype=np.bool_)[order],
            np.array([row[4] for row in found], dtype=np.int64)[order],
        )

    def _numbered(self, workspaces: Sequence[str]) -> Int32s:
        numbers = self._numbers
        return np.array([numbers.setdefault(name, len(numbers)) for name in workspaces], dtype=np.int32)


class ColumnReader:
    """Reads the values of one column."""

    def __init__(self, name: ColumnName) -> None:
        self._name = name
        self._run_id, self._query = _source(name)
        self._place = _place(name, self._run_id)

    @property
    def is_text(self) -> bool:
        """Whether its values are texts."""
        return self._name.source is not Source.METRIC and self._name.key not in ("status", "end_time")

    def text_part(self, connection: Connection, after: Key | None, limit: int) -> tuple[Values, Key | None]:
        """Up to `limit` texts after a place (None: from the beginning), and where the next part begins."""
        query, heads = self._query, None
        if connection.dialect.name == "sqlite" and (table := _TABLES.get(self._name.source)) is not None:
            # Heads stand in the index; a value itself lies on a page of its own, and all of them are gigabytes.
            heads = table
            query = query.with_only_columns(self._run_id, sql.head(table.c.value), *query.selected_columns[2:])
        query = query.add_columns(*self._place)
        if after is not None:
            query = query.where(_is_beyond(self._place, after))
        rows = _rows(connection, query.order_by(*self._place).limit(limit))
        following = tuple(rows[-1][-len(self._place) :]) if len(rows) == limit else None
        if heads is not None:
            rows = self._completed(connection, rows)
        return self.texts(rows), following

    def _completed(self, connection: Connection, rows: list[Sequence[Any]]) -> list[Sequence[Any]]:
        """Rows with the whole values, where these are longer than their heads may be."""
        longer = [row[0] for row in rows if len(row[1]) >= HEAD]
        whole = {row[0]: row[1] for row in self.of(connection, longer)}
        return [(row[0], whole.get(row[0], row[1]), *row[2:]) for row in rows] if whole else rows

    def integer_part(
        self, connection: Connection, after: Key | None, limit: int
    ) -> tuple[tuple[Ids, Int64s], Key | None]:
        """The same of integers."""
        value = self._query.selected_columns[1]
        query = self._query.with_only_columns(self._run_id, value).where(value.is_not(None)).order_by(self._run_id)
        if after is not None:
            query = query.where(self._run_id > after[0])
        last, (ids, values) = _as_texts(connection, query.limit(limit))
        found = _ids(ids), self._keys(_int64s(values))
        return found, (last,) if len(found[0]) == limit else None

    def of(self, connection: Connection, run_ids: Sequence[str]) -> list[Sequence[Any]]:
        """The rows of these runs."""
        rows: list[Sequence[Any]] = []
        for batch in batches(run_ids):
            rows += _rows(connection, self._query.where(self._run_id.in_(batch)))
        return rows

    def texts(self, rows: Sequence[Sequence[Any]]) -> Values:
        """Rows as values of a column of texts."""
        numbers = None
        if self._name.source is Source.PARAM:
            numbers = [row[2] for row in rows]
        return Values([row[0] for row in rows], [row[1] for row in rows], numbers)

    def integers(self, rows: Sequence[Sequence[Any]]) -> tuple[Ids, Int64s]:
        """Rows as values of a column of integers."""
        there = [row for row in rows if row[1] is not None]
        return ids_of([row[0] for row in there]), self._keys(np.array([row[1] for row in there], dtype=np.int64))

    def _keys(self, values: Int64s) -> Int64s:
        is_number = self._name.source is Source.METRIC and self._name.statistic is not Statistic.COUNT
        return number_keys(values) if is_number else values


def _source(name: ColumnName) -> tuple[Column[Any], Select[Any]]:
    """Of whom, and the query for runs and values (and, of params, their numbers) of all that have it."""
    match name.source:
        case Source.METRIC:
            columns: tuple[Expression, ...] = (SUMMARIES.c.subject_id, _STATISTICS[name.statistic])
            chosen = and_(SUMMARIES.c.search_key == name.key, is_known(name.statistic))
            return SUMMARIES.c.subject_id, select(*columns).where(chosen)
        case Source.PARAM:
            columns = (PARAMS.c.run_id, PARAMS.c.value, PARAMS.c.number)
            return PARAMS.c.run_id, select(*columns).where(PARAMS.c.key == name.key)
        case Source.TAG:
            columns = (TAGS.c.run_id, TAGS.c.value)
            return TAGS.c.run_id, select(*columns).where(TAGS.c.key == name.key)
        case _:
            columns = (RUNS.c.run_id, _ATTRIBUTES[name.key])
            return RUNS.c.run_id, select(*columns)


def _is_beyond(place: Key, after: Key) -> Predicate:
    """Whether a row stands after a place. SQLite looks only the first column up, and of a comparison of tuples not even
    that where it is an expression."""
    if len(place) == 1:
        return place[0] > after[0]  # type: ignore[no-any-return]
    first, second = place
    return and_(first >= after[0], or_(first > after[0], second > after[1]))


def _place(name: ColumnName, run_id: Expression) -> tuple[Expression, ...]:
    """By what parts follow one another: what an index has."""
    match name.source:
        case Source.TAG:
            return sql.head(TAGS.c.value), run_id
        case _:
            return (run_id,)


def _as_texts(connection: Connection, query: Select[Any]) -> tuple[str, list[str]]:
    """The greatest value of the first column, and each column as one text; none of them may be null or have commas.

    Of each value the driver would make an object, while all other threads of the process wait for it.
    """
    part = query.subquery()
    texts = [func.aggregate_strings(cast(_plain(column), Text), ",") for column in part.c]
    last, *found = connection.execute(select(func.max(part.c[0]), *texts)).one()
    return last or "", [text or "" for text in found]


def _plain(column: Expression) -> Expression:
    return cast(column, Integer) if isinstance(column.type, Boolean) else column


def _split(text: str) -> list[str]:
    return text.split(",") if text else []


def _ids(text: str) -> Ids:
    return ids_of(_split(text))


def _int64s(text: str) -> Int64s:
    return np.fromstring(text, dtype=np.int64, sep=",")


def _rows(connection: Connection, query: Select[Any]) -> list[Sequence[Any]]:
    """All rows, as the driver gives them: to make SQLAlchemy's of them takes five times as long as to read them."""
    result = connection.execute(query)
    assert result.cursor is not None
    rows = list(result.cursor.fetchall())
    result.close()
    return rows
