"""Searches over RunColumns: what core/search/evaluation.py and ordering.py say, over whole columns."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trackway_server.core.search import sql
from trackway_server.core.search.conditions import (
    AllOf,
    AnyOf,
    Condition,
    Field,
    Negation,
    NumberTest,
    Ordering,
    Search,
    Shape,
    Source,
    Statistic,
    Term,
    Test,
    TextIn,
    TextTest,
    fields_of,
)
from trackway_server.core.search.ordering import ABSENT, HEAD, NOT_A_NUMBER, Place
from trackway_server.core.search.patterns import matcher
from trackway_server.core.search.syntax import Operator
from trackway_server.tracking.domain.model import RunsQuery, RunStatus, View
from trackway_server.tracking.store.run_columns import (
    NONE,
    NOT_A_NUMBER_KEY,
    Bools,
    ColumnName,
    Ids,
    Integers,
    Positions,
    RunColumns,
    Texts,
)

Values: TypeAlias = npt.NDArray[Any]
Level: TypeAlias = Callable[[Positions], Values]
"""One column of an order, of some runs, so that it rises."""

TEXT_ATTRIBUTES = frozenset({"run_name", "user_id"})
INTEGER_ATTRIBUTES = frozenset({"status", "end_time"})
_RUN_ID, _EXPERIMENT_ID, _START_TIME = (
    Field(Source.ATTRIBUTE, key) for key in ("run_id", "experiment_id", "start_time")
)
_OF_ROWS = frozenset({_RUN_ID, _EXPERIMENT_ID, _START_TIME})
_STATUSES = sorted(status.name for status in RunStatus)
_COMPARED: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQUAL: eq,
    Operator.NOT_EQUAL: ne,
    Operator.LESS: lt,
    Operator.LESS_EQUAL: le,
    Operator.GREATER: gt,
    Operator.GREATER_EQUAL: ge,
}


def wanted_columns(search: Search, is_metric: Callable[[str], bool]) -> frozenset[ColumnName] | None:
    """The columns that a search needs; None where it is not for columns to answer."""
    if not {_RUN_ID, _EXPERIMENT_ID}.isdisjoint(fields_of(search.term)):
        return None  # by an index those are found at once
    names = {_column_name(field, is_metric) for field in search.fields() - _OF_ROWS}
    return None if None in names else frozenset(name for name in names if name is not None)


def _column_name(field: Field, is_metric: Callable[[str], bool]) -> ColumnName | None:
    match field.source:
        case Source.METRIC:
            of_whole_key = field.whole_key is not None and is_metric(field.whole_key)
            return None if field.scope or of_whole_key else ColumnName(field.source, field.key, field.statistic)
        case Source.PARAM | Source.TAG:
            return ColumnName(field.source, field.key)
        case Source.ATTRIBUTE if field.key in TEXT_ATTRIBUTES | INTEGER_ATTRIBUTES:
            return ColumnName(field.source, field.key)
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _Level:
    """A level of an order, the value that stands at the same place of a Place, and how one is told from the other."""

    of: Level
    rank: Callable[[int | float | str], int | float]
    """Of a value in a Place: on the scale of `of`."""
    shown: Callable[[int], int | float | str]
    """What stands in the Place of the run at a position."""


class ColumnSearch:
    """One search, over columns that hold all that it needs."""

    def __init__(self, copy: RunColumns, search: Search, is_metric: Callable[[str], bool]) -> None:
        self._copy = copy
        self._search = search
        self._is_metric = is_metric
        self._levels = [level for order in search.orders for level in self._levels_of(order)]

    def page(
        self,
        query: RunsQuery,
        experiments: Sequence[int] | None,
        besides: Positions,
        after: Place | None,
        limit: int,
    ) -> list[tuple[str, Place]]:
        """Ids and places of up to `limit` runs, in order, without those `besides`; of some experiments where these are
        given."""
        mask = self._scope(query, experiments)
        mask[besides] = False
        found = np.flatnonzero(mask)
        for term in sorted(sql.conjuncts(self._search.term), key=self._cost):
            found = found[self._holds(term, found)]
        if after is not None:
            found = found[self._is_beyond(found, after)]
        found = self._first(found, limit)
        in_order = np.lexsort([level.of(found) for level in reversed(self._levels)])
        ids = self._copy.rows.ids
        return [
            (ids[place].decode(), tuple(level.shown(place) for level in self._levels))
            for place in found[in_order][:limit].tolist()
        ]

    def _scope(self, query: RunsQuery, experiments: Sequence[int] | None) -> Bools:
        rows, names = self._copy.rows, self._copy.workspaces
        number = names.index(query.workspace) if query.workspace in names else -1
        mask: Bools = rows.workspaces == number
        if query.view is not View.ALL:
            mask &= rows.deleted == (query.view is View.DELETED_ONLY)
        if experiments is not None:
            mask &= np.isin(rows.experiments, np.array(experiments, dtype=np.int64))
        return mask

    # Conditions.

    def _cost(self, term: Term) -> int:
        """Texts that may have to be looked at: patterns go last, where few runs are left."""
        cost = 0
        for field in fields_of(term):
            if field.source is not Source.METRIC and field not in _OF_ROWS:
                column = self._column(field)
                cost += len(column.distinct) if isinstance(column, Texts) else 0
        return cost

    def _column(self, field: Field) -> Integers | Texts:
        name = _column_name(field, self._is_metric)
        assert name is not None
        return self._copy.columns[name]

    def _holds(self, term: Term, at: Positions) -> Bools:
        match term:
            case AllOf(terms):
                passed = np.ones(len(at), dtype=np.bool_)
                for each in terms:
                    passed &= self._holds(each, at)
                return passed
            case AnyOf(terms):
                passed = np.zeros(len(at), dtype=np.bool_)
                for each in terms:
                    passed |= self._holds(each, at)
                return passed
            case Negation(inner):
                return ~self._holds(inner, at)
            case Condition(field, test):
                return self._passes(field, test, at)

    def _passes(self, field: Field, test: Test, at: Positions) -> Bools:
        if field == _START_TIME:
            return _integers_pass(self._copy.rows.start_times[at], test)
        column = self._column(field)
        if isinstance(column, Texts):
            return _texts_pass(column, test, column.codes[at])
        values = column.values[at]
        if field == Field(Source.ATTRIBUTE, "status"):
            passing = [int(status) for status in RunStatus if _text_passes(status.name, test)]
            found: Bools = np.isin(values, np.array(passing, dtype=np.int64))
            return found
        if field.source is Source.METRIC and field.statistic is not Statistic.COUNT:
            return _keys_pass(values, test)
        there: Bools = values != ABSENT
        return there & _integers_pass(values, test)

    # Orders.

    def _levels_of(self, order: Ordering) -> list[_Level]:
        field, rows = order.field, self._copy.rows
        if field == _RUN_ID:
            return [_id_level(rows.ids, descending=order.descending)]
        if field == _START_TIME:
            return [_integer_level(rows.start_times, order)]
        if field == _EXPERIMENT_ID:
            return [_integer_level(rows.experiments, order)]
        column = self._column(field)
        if isinstance(column, Integers):
            if field == Field(Source.ATTRIBUTE, "status"):
                return [_status_level(column, order)]
            return [_integer_level(column.values, order)]
        return _text_levels(column, order)

    def _is_beyond(self, at: Positions, after: Place) -> Bools:
        beyond = np.zeros(len(at), dtype=np.bool_)
        equal = np.ones(len(at), dtype=np.bool_)
        for level, value in zip(self._levels, after, strict=True):
            values, rank = level.of(at), level.rank(value)
            beyond |= equal & (values > rank)
            equal &= values == rank
        return beyond

    def _first(self, at: Positions, limit: int) -> Positions:
        """The first `limit` of these in the order, or a few more; in no order."""
        chosen: list[Positions] = []
        for level in self._levels:
            if len(at) <= limit:
                break
            values = level.of(at)
            last = np.partition(values, limit - 1)[limit - 1]
            before = at[values < last]
            chosen.append(before)
            limit -= len(before)
            at = at[values == last]
        return np.concatenate([*chosen, at])


# Tests of values.


def _integers_pass(values: Values, test: Test) -> Bools:
    """Whether integers that are there pass."""
    if not isinstance(test, NumberTest):
        return np.ones(len(values), dtype=np.bool_)
    passed: Bools = _COMPARED[test.operator](values, test.number)
    return passed


def _keys_pass(keys: Values, test: Test) -> Bools:
    """Whether numbers of these keys pass: NaN is only unequal to them."""
    present: Bools = keys != ABSENT
    if not isinstance(test, NumberTest):
        return present
    if test.operator is Operator.NOT_EQUAL:
        return present & ~_keys_pass(keys, NumberTest(Operator.EQUAL, test.number))
    span = sql.key_range(test)
    assert span is not None
    return (keys >= span[0]) & (keys <= span[1])


def _texts_pass(column: Texts, test: Test, codes: Values) -> Bools:
    """Whether texts of these codes pass."""
    present: Bools = codes != NONE
    distinct = column.distinct
    match test:
        case NumberTest(operator, number):
            numbers = np.append(column.numbers, np.inf)[codes]
            present &= np.isfinite(numbers) & _COMPARED[operator](numbers, number)
        case TextIn(texts, negated):
            among = np.isin(codes, np.array([_code(distinct, text) for text in texts], dtype=np.int32))
            present &= among != negated
        case TextTest(Operator.EQUAL, text):
            present &= codes == _code(distinct, text)
        case TextTest(Operator.NOT_EQUAL, text):
            present &= codes != _code(distinct, text)
        case TextTest(operator, pattern):
            present &= _matching(column, operator, pattern, codes)
        case _:
            pass  # it is there
    return present


def _code(distinct: Sequence[str], text: str) -> int:
    """The code of a text; of one that is not there, one that nothing has."""
    place = bisect_left(distinct, text)
    return place if place < len(distinct) and distinct[place] == text else NONE - 1


def _matching(column: Texts, operator: Operator, pattern: str, codes: Values) -> Bools:
    """Whether texts match: only those are looked at that begin as the pattern does and that some run has."""
    distinct, low, high = column.distinct, 0, len(column.distinct)
    if operator is Operator.LIKE and (beginning := re.split("[%_]", pattern, maxsplit=1)[0]):
        low = bisect_left(distinct, beginning)
        high = bisect_right(distinct, beginning, lo=low, key=lambda text: text[: len(beginning)])
    wanted = np.unique(codes[(codes >= low) & (codes < high)]).tolist()
    matches = matcher(operator, pattern)
    passing = np.zeros(len(distinct) + 1, dtype=np.bool_)
    passing[[code for code in wanted if matches(distinct[code])]] = True
    return passing[codes]


def _text_passes(text: str, test: Test) -> bool:
    column = Texts(np.zeros(1, dtype=np.int32), [text], np.full(1, np.inf))
    return bool(_texts_pass(column, test, column.codes)[0])


# Levels of orders.


def _integer_level(values: Values, order: Ordering) -> _Level:
    """Of integers and of keys of numbers: those that are none, and what is absent, last either way."""
    descending = order.descending
    is_number = order.shape is Shape.NUMBER

    def of(at: Positions) -> Values:
        found = values[at]
        turned = ~found if descending else found
        turned = np.where(found == ABSENT, ABSENT, turned)
        return np.where(found == NOT_A_NUMBER_KEY, NOT_A_NUMBER, turned) if is_number else turned

    return _Level(of, _same, lambda place: int(of(np.array([place]))[0]))


def _status_level(column: Integers, order: Ordering) -> _Level:
    names = {int(status): status.name for status in RunStatus}
    ranks = np.array([_STATUSES.index(names[number]) if number in names else 0 for number in range(max(names) + 1)])
    sign = -1 if order.descending else 1
    return _Level(
        lambda at: sign * ranks[column.values[at]],
        lambda name: sign * _STATUSES.index(str(name)),
        lambda place: names[int(column.values[place])],
    )


def _id_level(ids: Ids, *, descending: bool) -> _Level:
    sign = -1 if descending else 1

    def rank(run_id: int | float | str) -> int:
        wanted = np.array([run_id], dtype="S32")
        place = int(np.searchsorted(ids, wanted)[0])
        return sign * (2 * place if place < len(ids) and ids[place] == wanted[0] else 2 * place - 1)

    return _Level(lambda at: sign * 2 * at, rank, lambda place: ids[place].decode())


def _text_levels(column: Texts, order: Ordering) -> list[_Level]:
    """Of texts, before them whether there is one, and of typed ones also the number that it is."""
    codes, distinct, sign = column.codes, column.distinct, -1 if order.descending else 1
    numbers = np.append(np.where(np.isfinite(column.numbers), column.numbers, 0.0), 0.0)
    if order.shape is Shape.TYPED:
        kinds = np.append(np.where(np.isfinite(column.numbers), 0, 1), 2)
        first = [
            _Level(lambda at: kinds[codes[at]], _same, lambda place: int(kinds[codes[place]])),
            _Level(
                lambda at: sign * numbers[codes[at]],
                lambda number: sign * float(number),
                lambda place: float(numbers[codes[place]]),
            ),
        ]
    else:
        absent = _Level(lambda at: (codes[at] == NONE).astype(np.int64), _same, lambda place: int(codes[place] == NONE))
        first = [absent] if order.optional else []
    heads = list(distinct)
    if order.field.source is not Source.ATTRIBUTE:
        heads = [text[:HEAD] for text in distinct]
    return [*first, _text_level(heads, column, sign)]


def _text_level(heads: list[str], column: Texts, sign: int) -> _Level:
    """Of texts, which rise; twice their rank, so that what is not among them has one between."""

    def rank(text: int | float | str) -> int:
        place = bisect_left(heads, str(text))
        return sign * (2 * place if place < len(heads) and heads[place] == text else 2 * place - 1)

    codes = column.codes
    ranks = sign * 2 * np.array([*_first_alike(heads), 0])
    ranks[NONE] = rank("")
    shown = [*heads, ""]
    return _Level(lambda at: ranks[codes[at]], rank, lambda place: shown[codes[place]])


def _first_alike(heads: Sequence[str]) -> list[int]:
    """For each of some texts that rise the place of the first that is the same."""
    places: list[int] = []
    for place, head in enumerate(heads):
        places.append(places[-1] if place and heads[place - 1] == head else place)
    return places


def _same(value: int | float | str) -> int | float:
    assert not isinstance(value, str)
    return value
