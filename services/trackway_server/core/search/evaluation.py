"""Whether one object holds a condition: the meaning of filters, of which every store's own way is a faster form."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from operator import eq, ge, gt, le, lt, ne
from typing import Protocol

from trackway_server.core.search.conditions import (
    AllOf,
    AnyOf,
    Condition,
    Field,
    Negation,
    NumberTest,
    Present,
    Term,
    Test,
    TextIn,
    TextTest,
)
from trackway_server.core.search.patterns import matcher
from trackway_server.core.search.syntax import Operator

FieldValue = str | int | float


class Searched(Protocol):
    """An object under search."""

    def values(self, field: Field) -> Sequence[FieldValue]:
        """What it has in a field: none, one, or (data sets) several."""
        ...


def holds(term: Term, searched: Searched) -> bool:
    """Whether the object holds the term."""
    match term:
        case AllOf(terms):
            return all(holds(one, searched) for one in terms)
        case AnyOf(terms):
            return any(holds(one, searched) for one in terms)
        case Negation(inner):
            return not holds(inner, searched)
        case Condition(field, test):
            return any(_passes(value, test) for value in searched.values(field))


def _passes(value: FieldValue, test: Test) -> bool:
    match test:
        case Present():
            return True
        case TextIn(texts, negated):
            return (value in texts) is not negated
        case TextTest(operator, text):
            return _text_passes(str(value), operator, text)
        case NumberTest(operator, number):
            found = number_of(value) if isinstance(value, str) else value
            return found is not None and _COMPARED[operator](found, number)


def _text_passes(value: str, operator: Operator, text: str) -> bool:
    if operator.matches_pattern:
        return matcher(operator, text)(value)
    return (value == text) is (operator is Operator.EQUAL)


_COMPARED: Mapping[Operator, Callable[[int | float, int | float], bool]] = {
    Operator.EQUAL: eq,
    Operator.NOT_EQUAL: ne,
    Operator.LESS: lt,
    Operator.LESS_EQUAL: le,
    Operator.GREATER: gt,
    Operator.GREATER_EQUAL: ge,
}

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LONGEST_NUMBER = 64


def number_of(text: str) -> float | None:
    """The number that a param's text is: decimal or scientific; None for any other text, and for what overflows."""
    if len(text) > _LONGEST_NUMBER or _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    return None if math.isinf(number) else number
