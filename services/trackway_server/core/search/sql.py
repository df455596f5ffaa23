"""Tests and orders as SQL expressions, for SQLite and PostgreSQL: what `evaluation` and `ordering` say, over columns.

LIKE and ILIKE are the databases' own where they mean what ours do. RLIKE is RE2: SQLite calls it (`rlike`, see
core/db/sqlite.py), for PostgreSQL it chooses among the values that there are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, literal, not_, or_, true

from trackway_server.core.search.conditions import (
    AllOf,
    AnyOf,
    Condition,
    Negation,
    NumberTest,
    Term,
    Test,
    TextIn,
    TextTest,
)
from trackway_server.core.search.ordering import (
    ABSENT,
    GREATEST_NUMBER,
    HEAD,
    LEAST_NUMBER,
    NOT_A_NUMBER,
    Place,
    key_of,
)
from trackway_server.core.search.patterns import lower_ascii, matcher
from trackway_server.core.search.syntax import Operator

Expression = ColumnElement[Any]
Predicate = ColumnElement[bool]
Values = Callable[[], Sequence[str]]
"""All values that a column may have here, for patterns that the database cannot match."""

_MANY_WILDCARDS = 4
"""More of `%` in a pattern could cost a database time that grows with a power of the text's length."""


def head(column: Expression) -> Expression:
    """The first characters of a text, as they are indexed."""
    return func.substr(column, literal(1, literal_execute=True), literal(HEAD, literal_execute=True))


def by_code_points(column: Expression, dialect: str) -> Expression:
    """The text, ordered as Python orders it."""
    return column.collate("C") if dialect == "postgresql" else column


def text_passes(column: Expression, test: Test, dialect: str, values: Values, *, indexed: bool) -> Predicate:
    """Whether a text passes; of an `indexed` one, heads are compared where they suffice."""
    match test:
        case TextIn(texts, negated):
            return column.not_in(texts) if negated else _is_one_of(column, texts, indexed=indexed)
        case TextTest(Operator.EQUAL, text):
            return _is_one_of(column, (text,), indexed=indexed)
        case TextTest(Operator.NOT_EQUAL, text):
            return column != text
        case TextTest(operator, text):
            return _matches(column, operator, text, dialect, values)
        case _:
            return true()


def _is_one_of(column: Expression, texts: Sequence[str], *, indexed: bool) -> Predicate:
    if not indexed:
        return column.in_(texts)
    of_head = head(column).in_([text[:HEAD] for text in texts])
    return of_head if all(len(text) < HEAD for text in texts) else and_(of_head, column.in_(texts))


def _matches(column: Expression, operator: Operator, pattern: str, dialect: str, values: Values) -> Predicate:
    if operator is Operator.RLIKE or pattern.count("%") > _MANY_WILDCARDS:
        if dialect == "sqlite":
            return func.rlike(operator.value, pattern, column) == 1
        matches = matcher(operator, pattern)
        return column.in_([value for value in values() if matches(value)])
    if dialect == "sqlite":
        # LIKE of SQLite takes no notice of the case of A to Z, as ILIKE here; GLOB does.
        return column.bool_op("LIKE")(pattern) if operator is Operator.ILIKE else column.bool_op("GLOB")(_glob(pattern))
    if operator is Operator.ILIKE:
        return func.lower(column.collate("C")).like(lower_ascii(pattern), escape="")
    return column.like(pattern, escape="")


def _glob(pattern: str) -> str:
    quoted = re.sub(r"[*?\[]", lambda found: f"[{found[0]}]", pattern)
    return quoted.replace("%", "*").replace("_", "?")


def compared(column: Expression, operator: Operator, number: int | float) -> Predicate:
    """Whether a number that is there compares so."""
    return _COMPARED[operator](column, number)


_COMPARED: Mapping[Operator, Callable[[Expression, int | float], Predicate]] = {
    Operator.EQUAL: eq,
    Operator.NOT_EQUAL: ne,
    Operator.LESS: lt,
    Operator.LESS_EQUAL: le,
    Operator.GREATER: gt,
    Operator.GREATER_EQUAL: ge,
}


def key_range(test: Test) -> tuple[int, int] | None:
    """From which to which key (both included) a double passes; None where these are not in one piece."""
    if not isinstance(test, NumberTest):
        return -(2**63), 2**63 - 1
    number = float(test.number)
    low, high = (key_of(-0.0), key_of(0.0)) if number == 0 else (key_of(number), key_of(number))
    spans = {
        Operator.EQUAL: (low, high),
        Operator.LESS: (LEAST_NUMBER, low - 1),
        Operator.LESS_EQUAL: (LEAST_NUMBER, high),
        Operator.GREATER: (high + 1, GREATEST_NUMBER),
        Operator.GREATER_EQUAL: (low, GREATEST_NUMBER),
    }
    return spans.get(test.operator)


def key_passes(column: Expression, test: Test) -> Predicate:
    """Whether the double of this key passes; NaN is above all numbers or below them, and only unequal to them."""
    span = key_range(test)
    if span is None:
        assert isinstance(test, NumberTest)
        return not_(key_passes(column, NumberTest(Operator.EQUAL, test.number)))
    return column.between(*span)


def key_column(column: Expression, *, descending: bool) -> Expression:
    """The column of Shape.NUMBER for a key that is there."""
    is_number = column.between(LEAST_NUMBER, GREATEST_NUMBER)
    return case((is_number, turned(column, descending=descending)), else_=_integer(NOT_A_NUMBER))


def turned(column: Expression, *, descending: bool) -> Expression:
    """An integer, or what rises as it falls."""
    return column.bitwise_not() if descending else column


def or_absent(column: Expression) -> Expression:
    """An integer, or the greatest where it is null."""
    return func.coalesce(column, _integer(ABSENT))


def _integer(number: int) -> Expression:
    return literal(number, literal_execute=True)


def typed_columns(text: Expression, number: Expression, dialect: str) -> list[Expression]:
    """The columns of Shape.TYPED; `number` is infinite where the text is none, both are null where it is absent."""
    is_number = number < math.inf
    return [
        case((number.is_(None), 2), (is_number, 0), else_=1),
        case((is_number, number), else_=0.0),
        by_code_points(func.coalesce(head(text), ""), dialect),
    ]


def text_columns(text: Expression, dialect: str, *, optional: bool) -> list[Expression]:
    """The columns of Shape.TEXT."""
    if not optional:
        return [by_code_points(text, dialect)]
    return [case((text.is_(None), 1), else_=0), by_code_points(func.coalesce(text, ""), dialect)]


def conjuncts(term: Term) -> list[Term]:
    """Terms that all must hold where `term` does, and the other way round."""
    if isinstance(term, AllOf):
        return [each for one in term.terms for each in conjuncts(one)]
    return [term]


def predicate(term: Term, condition: Callable[[Condition], Predicate]) -> Predicate:
    """A term over the predicates of its conditions."""
    match term:
        case AllOf(terms):
            return and_(true(), *(predicate(each, condition) for each in terms))
        case AnyOf(terms):
            return or_(false(), *(predicate(each, condition) for each in terms))
        case Negation(inner):
            return not_(predicate(inner, condition))
        case Condition():
            return condition(term)


def beyond(columns: Sequence[Expression], directions: Sequence[bool], place: Place) -> Predicate:
    """Whether a row stands after a place; `directions` are those that fall."""
    after: Predicate = false()
    for column, fall, value in reversed(list(zip(columns, directions, place, strict=True))):
        further = column < value if fall else column > value
        after = or_(further, and_(column == value, after))
    return after
