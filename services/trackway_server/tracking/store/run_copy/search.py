"""Searches over RunColumns: what core/search/evaluation.py and ordering.py say, over whole columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from trackway_server.core.search import sql
from trackway_server.core.search.conditions import (
    AllOf,
    AnyOf,
    Condition,
    Field,
    Negation,
    Ordering,
    Search,
    Source,
    Statistic,
    Term,
    Test,
    fields_of,
)
from trackway_server.core.search.ordering import ABSENT, Place
from trackway_server.tracking.domain.model import RunsQuery, RunStatus, View
from trackway_server.tracking.store.run_copy.columns import (
    Bools,
    ColumnName,
    Integers,
    Positions,
    RunColumns,
    Texts,
)
from trackway_server.tracking.store.run_copy.orders import Level, id_level, integer_level, status_level, text_levels
from trackway_server.tracking.store.run_copy.passing import integers_pass, keys_pass, text_passes, texts_pass

TEXT_ATTRIBUTES = frozenset({"run_name", "user_id"})
INTEGER_ATTRIBUTES = frozenset({"status", "end_time"})
_RUN_ID, _EXPERIMENT_ID, _START_TIME = (
    Field(Source.ATTRIBUTE, key) for key in ("run_id", "experiment_id", "start_time")
)
_OF_ROWS = frozenset({_RUN_ID, _EXPERIMENT_ID, _START_TIME})


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
            return integers_pass(self._copy.rows.start_times[at], test)
        column = self._column(field)
        if isinstance(column, Texts):
            return texts_pass(column, test, column.codes[at])
        values = column.values[at]
        if field == Field(Source.ATTRIBUTE, "status"):
            passing = [int(status) for status in RunStatus if text_passes(status.name, test)]
            found: Bools = np.isin(values, np.array(passing, dtype=np.int64))
            return found
        if field.source is Source.METRIC and field.statistic is not Statistic.COUNT:
            return keys_pass(values, test)
        there: Bools = values != ABSENT
        return there & integers_pass(values, test)

    # Orders.

    def _levels_of(self, order: Ordering) -> list[Level]:
        field, rows = order.field, self._copy.rows
        if field == _RUN_ID:
            return [id_level(rows.ids, descending=order.descending)]
        if field == _START_TIME:
            return [integer_level(rows.start_times, order)]
        if field == _EXPERIMENT_ID:
            return [integer_level(rows.experiments, order)]
        column = self._column(field)
        if isinstance(column, Integers):
            if field == Field(Source.ATTRIBUTE, "status"):
                return [status_level(column, order)]
            return [integer_level(column.values, order)]
        return text_levels(column, order)

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
