"""Searches of runs in SQL.

A search goes through the rows of one *driver*, looks each run's other conditions up and sorts what is left. Databases
choose drivers badly where conditions are correlated, so the driver is chosen here, by counts that are capped: a
condition with few rows, or else the order itself. A first stretch of that tells how many of its runs hold the rest, and
so whether to go further along it or through the condition with the fewest rows.

Params and metrics are indexed by key and run, so that new runs are stored at the ends of few pages. Whoever asks for
values reads all of a key's entries, one after another, and nothing else: some 70 ms for a million.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, Subquery, UnaryExpression, and_, func, select, union
from sqlalchemy.sql.operators import custom_op

from trackway_server.core.search import sql
from trackway_server.core.search.conditions import (
    AnyOf,
    Condition,
    Field,
    NumberTest,
    Search,
    Source,
    Statistic,
    Term,
    Test,
    TextIn,
    TextTest,
    fields_of,
)
from trackway_server.core.search.ordering import ABSENT, GREATEST_NUMBER, LEAST_NUMBER, NOT_A_NUMBER, Place, falling
from trackway_server.core.search.sql import Expression
from trackway_server.core.search.syntax import Operator
from trackway_server.tracking.domain.model import RunsQuery, View
from trackway_server.tracking.store.sql_bindings import bound_experiments
from trackway_server.tracking.store.sql_run_fields import SUMMARIES, RunFields
from trackway_server.tracking.store.sql_statements import batches
from trackway_server.tracking.store.tables import PARAMS, RUNS, TAGS

BUDGET = 300
"""Rows that are gone through without a further thought."""
MOST_ALONG = 20_000
"""Rows along the order beyond which nothing is hoped for from going a little further."""
MARGIN = 2
"""How much further along the order it is gone than its beginning lets expect."""
WORTH_OF_A_PLACE = 2
"""How many rows of the order cost as much as one of another driver, whose place in the order is to be looked up."""
WORTH_OF_A_LOOKUP = 3
"""How many runs can be put into a set for the price of one that is looked up; less than was measured (5)."""
MOST_COUNTED = 1_000_000
MOST_IN_SET = 1_000_000
"""A set takes some 50 bytes a run; beyond its cache SQLite keeps it in a file."""
_AS_WRITTEN = "; ".join(
    f"SET LOCAL {setting}"
    for setting in (
        "jit = off",
        "enable_hashjoin = off",
        "enable_mergejoin = off",
        "enable_material = off",
        "enable_seqscan = off",
        "enable_bitmapscan = off",
        "max_parallel_workers_per_gather = 0",
        "join_collapse_limit = 1",
    )
)
"""Has PostgreSQL do what is written, for this transaction: row by row of the driver, by index. Its own plans took up to
nine seconds where this takes a few hundred milliseconds, compiling them half a second."""
_AS_IT_IS: custom_op[Any] = custom_op("+")
_START = Field(Source.ATTRIBUTE, "start_time")


@dataclass(frozen=True, slots=True)
class Driver:
    """Runs to go through, each once: a query for `run_id`, where `placed` also for `place`, the column of the order's
    first term. None: the runs of the query's own scope. All of them hold the terms `covered`."""

    rows: Select[Any] | None
    placed: bool = False
    covered: tuple[Term, ...] = ()


class RunSearch:
    """One search, within the transaction of `connection`."""

    def __init__(self, connection: Connection, query: RunsQuery, search: Search, after: Place | None) -> None:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(_AS_WRITTEN)
        self._connection = connection
        self._query = query
        self._search = search
        self._after = after
        self._terms = sql.conjuncts(search.term)
        self._spans = _metric_spans(self._terms)
        self._drivers = list(self._ways())
        self._counted: dict[int, tuple[int, int]] = {}

    def page(self, limit: int) -> list[tuple[str, Place]]:
        """Ids and places of up to `limit` runs, in order."""
        fewest, driver = self._fewest(BUDGET)
        if fewest < BUDGET:
            return self._run(driver, limit)
        beginning = self._beginning()
        found = [] if beginning is None else self._run(beginning, limit)
        if found and len(found) < limit:
            # Further along the order, if what follows is like its beginning and no driver has fewer.
            further = MARGIN * BUDGET * limit // len(found)
            fewest, driver = self._fewest(min(further, MOST_ALONG))
            if fewest < further <= MOST_ALONG:
                return self._run(driver, limit, self._sets(driver, fewest))
            stretch = self._stretch(further) if further <= MOST_ALONG else None
            found = [] if stretch is None else self._run(stretch, limit)
        if len(found) == limit:
            return found
        fewest, driver = self._cheapest()
        whole = self._stretch(None)
        if whole is not None and whole.placed:
            most = int(WORTH_OF_A_PLACE * fewest) + 1
            if (along := self._count(whole, most)) < most:
                found = self._run(whole, limit, self._sets(whole, along))
                if len(found) == limit:
                    return found
                # These are too few: runs without a number there belong to the page, too.
        return self._run(driver, limit, self._sets(driver, fewest))

    def page_of(self, run_ids: Sequence[str], limit: int) -> list[tuple[str, Place]]:
        """Those of some runs that are chosen, each with its place: of every few of them the first `limit`."""
        found: list[tuple[str, Place]] = []
        for batch in batches(run_ids):
            found += self._run(Driver(select(RUNS.c.run_id).where(RUNS.c.run_id.in_(batch))), limit)
        return found

    def _cheapest(self) -> tuple[int, Driver]:
        """The driver with the fewest rows, and how many these are. Counts go eight times as far each round, and so
        little further than they decide it."""
        if len(self._drivers) == 1:
            return MOST_COUNTED, self._drivers[0]
        most = BUDGET
        while True:
            most = min(8 * most, MOST_COUNTED)
            fewest, driver = self._fewest(most)
            if fewest < most or most == MOST_COUNTED:
                return fewest, driver

    def _fewest(self, most: int) -> tuple[int, Driver]:
        """The driver with the fewest rows, and how many these are, counted up to `most`."""
        counted = [self._count(driver, most) for driver in self._drivers]
        fewest = min(counted)
        return fewest, self._drivers[counted.index(fewest)]

    def _count(self, driver: Driver, most: int) -> int:
        """How many rows it has, counted up to `most`; what is known of it is not counted again."""
        count, asked = self._counted.get(id(driver), (0, 0))
        if asked < most and count == asked:
            count = self._counted_rows(driver, most)
            self._counted[id(driver)] = count, most
        return min(count, most)

    def _counted_rows(self, driver: Driver, most: int) -> int:
        rows = self._scope(select(RUNS.c.run_id)) if driver.rows is None else driver.rows
        counted = select(func.count()).select_from(
            rows.with_only_columns(rows.selected_columns[0]).limit(most).subquery()
        )
        return self._connection.execute(counted).scalar_one()

    def _sets(self, driver: Driver, visited: int) -> list[Driver]:
        """Terms to test, in so many rows of a driver, by a set of the runs that hold them, made once: where these are
        not too many, that is several times cheaper than to look each row's param or metric up."""
        if self._connection.dialect.name != "sqlite":
            return []
        covered, most, chosen = set(driver.covered), min(MOST_IN_SET, WORTH_OF_A_LOOKUP * visited), []
        for each in self._drivers:
            if each.rows is not None and not covered.issuperset(each.covered) and self._count(each, most) < most:
                covered.update(each.covered)
                chosen.append(each)
        return chosen

    def _run(self, driver: Driver, limit: int, sets: Sequence[Driver] = ()) -> list[tuple[str, Place]]:
        covered = {term for each in (driver, *sets) for term in each.covered}
        rest = [term for term in self._terms if term not in covered]
        in_sets = [each.rows for each in sets if each.rows is not None]
        looked_up = [term for term in rest if not _of_row(term)]
        rows = None if driver.rows is None else self._held(driver.rows, looked_up, in_sets)
        run_id: Expression = RUNS.c.run_id if rows is None else rows.c.run_id
        fields = RunFields(self._connection, run_id)
        if rows is None:
            query = self._scope(select(RUNS.c.run_id)).where(*map(RUNS.c.run_id.in_, in_sets), *map(fields.holds, rest))
        else:
            query = self._scope(select(RUNS.c.run_id).join_from(rows, RUNS, RUNS.c.run_id == run_id), by_index=False)
            query = query.where(*(fields.holds(term) for term in rest if _of_row(term)))
        placed = [] if rows is None or not driver.placed else [rows.c.place]
        orders = self._search.orders[len(placed) :]
        columns: list[Expression] = [*placed, *(column for order in orders for column in fields.columns(order))]
        named = [column.label(f"place_{number}") for number, column in enumerate(columns)]
        query = query.add_columns(*named)
        directions = [fall for order in self._search.orders for fall in falling(order)]
        if self._after is not None:
            query = query.where(sql.beyond(columns, directions, self._after))
        terms = [column.desc() if fall else column for column, fall in zip(named, directions, strict=True)]
        found = self._connection.execute(query.order_by(*terms).limit(limit)).all()
        return [(row[0], tuple(row[1:])) for row in found]

    def _held(self, rows: Select[Any], terms: Sequence[Term], sets: Sequence[Select[Any]]) -> Subquery:
        """The rows of a driver that are in these sets and hold these terms, looked up before the row of the run is."""
        driver = rows.subquery("driver")
        fields = RunFields(self._connection, driver.c.run_id)
        # To SQLite, an expression: it must not begin with the set.
        run_id = UnaryExpression(driver.c.run_id, operator=_AS_IT_IS, type_=driver.c.run_id.type)
        tests = [*map(run_id.in_, sets), *map(fields.holds, terms)]
        return select(driver).where(*tests).subquery("held") if tests else driver

    def _scope(self, query: Select[Any], *, by_index: bool = True) -> Select[Any]:
        """The query, confined to the runs that are searched; not `by_index`: it has rows, and tests them."""
        chosen, hidden = self._query, not by_index and self._connection.dialect.name == "sqlite"

        def of(column: Expression) -> Expression:
            # To SQLite, an expression: it must not begin with an index of RUNS.
            return UnaryExpression(column, operator=_AS_IT_IS, type_=column.type) if hidden else column

        query = query.where(of(RUNS.c.workspace) == chosen.workspace)
        if chosen.experiment_ids:
            query = query.where(of(RUNS.c.experiment_id).in_(chosen.experiment_ids))
        if chosen.view is not View.ALL:
            query = query.where(of(RUNS.c.deleted) == (chosen.view is View.DELETED_ONLY))
        if chosen.bound_to:
            query = query.where(of(RUNS.c.experiment_id).in_(bound_experiments(chosen.bound_to)))
        if chosen.parent_run_id:
            query = query.where(of(RUNS.c.parent_run_id) == chosen.parent_run_id)
        return query

    def _ways(self) -> Iterator[Driver]:
        yield Driver(None)
        spanned: set[Term] = set()
        for key, (low, high) in self._spans.items():
            covered = self._spanned(key)
            spanned.update(covered)
            yield Driver(_of_metric(key, low, high), covered=covered)
        fields = RunFields(self._connection, RUNS.c.run_id)
        for term in self._terms:
            if term in spanned:
                continue
            alternatives = [_rows_of(each, fields) for each in (term.terms if isinstance(term, AnyOf) else (term,))]
            rows = [each for each in alternatives if each is not None]
            if rows and len(rows) == len(alternatives):
                yield Driver(rows[0] if len(rows) == 1 else select(union(*rows).subquery().c.run_id), covered=(term,))

    def _beginning(self) -> Driver | None:
        """The runs that come first in the order, up to BUDGET of them: a `_stretch`, but found by one scan, not two."""
        span = self._span()
        if span is None:
            return None
        run_id, column, rows = span
        in_order = rows.with_only_columns(run_id, column).order_by(self._directed(column)).limit(BUDGET + 1)
        found = self._connection.execute(in_order).all()
        if len(found) > BUDGET:
            found = [row for row in found if row[1] != found[-1][1]]
        return Driver(select(RUNS.c.run_id).where(RUNS.c.run_id.in_([row[0] for row in found])))

    def _stretch(self, budget: int | None) -> Driver | None:
        """The runs that come first in the order, up to `budget` of them: all that stand before the one after those; all
        that have a number there without a budget. None where the order begins with neither a metric's last value nor
        the start.
        """
        span = self._span()
        if span is None:
            return None
        _, column, rows = span
        bound = None
        if budget is not None:
            in_order = rows.with_only_columns(column).order_by(self._directed(column))
            bound = self._connection.execute(in_order.limit(1).offset(budget)).scalar()
        order = self._search.orders[0]
        if bound is not None:
            rows = rows.where(column > bound if order.descending else column < bound)
        if order.field == _START:
            return Driver(rows)
        place = sql.turned(column, descending=order.descending).label("place")  # of a number, as all are in this span
        return Driver(rows.add_columns(place), placed=True, covered=self._spanned(order.field.key))

    def _span(self) -> tuple[Expression, Expression, Select[Any]] | None:
        """By whom and by what the order begins, and the runs that stand there from the page's place on."""
        order = self._search.orders[0]
        after = None if self._after is None else self._after[0]
        if after is not None and (not isinstance(after, int) or after >= NOT_A_NUMBER):
            return None
        if order.field == _START:
            start, runs = RUNS.c.start_time_us, self._scope(select(RUNS.c.run_id))
            if after is not None:
                runs = runs.where(start <= ~after if order.descending else start >= after)
            return RUNS.c.run_id, start, runs
        if not _is_last(order.field):
            return None
        low, high = self._spans.get(order.field.key, (-ABSENT, ABSENT))
        low, high = max(low, LEAST_NUMBER), min(high, GREATEST_NUMBER)
        if after is not None:
            low, high = (low, min(high, ~after)) if order.descending else (max(low, after), high)
        return SUMMARIES.c.subject_id, SUMMARIES.c.last_key, _of_metric(order.field.key, low, high)

    def _directed(self, column: Expression) -> Expression:
        return column.desc() if self._search.orders[0].descending else column

    def _spanned(self, key: str) -> tuple[Term, ...]:
        """The terms that say no more of a metric than that it lies in its span."""
        return tuple(term for term in self._terms if _span_of(term, key) is not None)


def _of_row(term: Term) -> bool:
    """Whether attributes are in it, which stand in the row of the run."""
    return any(field.source is Source.ATTRIBUTE for field in fields_of(term))


def _of_metric(key: str, low: int, high: int) -> Select[Any]:
    chosen = and_(SUMMARIES.c.search_key == key, SUMMARIES.c.last_key.between(low, high))
    return select(SUMMARIES.c.subject_id.label("run_id")).where(chosen)


def _is_last(field: Field) -> bool:
    return field.source is Source.METRIC and field.statistic is Statistic.LAST and field.whole_key is None


def _metric_spans(terms: Sequence[Term]) -> dict[str, tuple[int, int]]:
    """Between which keys the last values of metrics lie, where all terms hold."""
    spans: dict[str, tuple[int, int]] = {}
    for term in terms:
        if isinstance(term, Condition) and (span := _span_of(term, term.field.key)):
            low, high = spans.get(term.field.key, span)
            spans[term.field.key] = max(low, span[0]), min(high, span[1])
    return spans


def _span_of(term: Term, key: str) -> tuple[int, int] | None:
    """Between which keys the last value of a metric lies where the term holds; None where it says something else."""
    if isinstance(term, Condition) and _is_last(term.field) and term.field.key == key:
        return sql.key_range(term.test)
    return None


def _rows_of(term: Term, fields: RunFields) -> Select[Any] | None:
    """The runs that hold a term, out of an index; None where there is none."""
    if not isinstance(term, Condition):
        return None
    field, test = term.field, term.test
    if _is_last(field):
        span = sql.key_range(test)
        return None if span is None else _of_metric(field.key, *span)
    if field.source in (Source.PARAM, Source.TAG) and (_is_exact(test) or _is_span(test)):
        table = PARAMS if field.source is Source.PARAM else TAGS
        return select(table.c.run_id.label("run_id")).where(fields.of_key(table, field.key, test))
    if field == Field(Source.ATTRIBUTE, "run_id") and _is_exact(test):
        return select(RUNS.c.run_id.label("run_id")).where(fields.holds(term))
    return None


def _is_exact(test: Test) -> bool:
    if isinstance(test, TextIn):
        return not test.negated
    return isinstance(test, TextTest) and test.operator is Operator.EQUAL


def _is_span(test: Test) -> bool:
    return isinstance(test, NumberTest) and test.operator is not Operator.NOT_EQUAL
