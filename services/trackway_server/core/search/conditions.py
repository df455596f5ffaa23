"""A filter with its meaning: fields of the searched objects, each with a test of the right type.

A test of something that an object does not have is false, and its negation true. NaN equals nothing and is neither less
nor greater than anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from trackway_server.core.search.syntax import Operator


class Source(Enum):
    """Where the values of a field are kept."""

    ATTRIBUTE = "attribute"
    PARAM = "param"
    TAG = "tag"
    METRIC = "metric"
    DATASET = "dataset"


class Statistic(Enum):
    """What of a metric's points a condition tests."""

    LAST = "last"
    FIRST = "first"
    MIN = "min"
    MAX = "max"
    COUNT = "count"


Scope = tuple[tuple[str, str], ...]
"""Data sets by name and digest (empty: any), of which one must be that of a metric; none: whatever it is."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the searched objects, by its canonical name.

    `whole_key`: of a metric `loss.min` that was written without quotes, so that it may also be a metric of just that
    name, which then is what is meant. `scope`: on which data sets a metric was measured, for objects that know.
    """

    source: Source
    key: str
    statistic: Statistic = Statistic.LAST
    whole_key: str | None = None
    scope: Scope = ()


@dataclass(frozen=True, slots=True)
class TextTest:
    """Compares text: equal, not equal, or matches a pattern."""

    operator: Operator
    text: str


@dataclass(frozen=True, slots=True)
class TextIn:
    """Is one of some texts; `negated`: is none of them."""

    texts: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class NumberTest:
    """Compares a number. Of a param: the number that its text is, if it is one. Of a time: microseconds since 1970."""

    operator: Operator
    number: int | float


@dataclass(frozen=True, slots=True)
class Present:
    """Is there."""


Test = TextTest | TextIn | NumberTest | Present


@dataclass(frozen=True, slots=True)
class Condition:
    """The object has a value in this field that passes the test."""

    field: Field
    test: Test


@dataclass(frozen=True, slots=True)
class Negation:
    """Holds where `term` does not."""

    term: Term


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds where all of `terms` do; of none: always."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds where any of `terms` does."""

    terms: tuple[Term, ...]


Term = Condition | Negation | AllOf | AnyOf

EVERYTHING = AllOf(())


class Shape(Enum):
    """What the values of a field are in an order, see ordering.py."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    TYPED = "typed"


@dataclass(frozen=True, slots=True)
class Ordering:
    """Orders by a field; objects without it come last either way, NaN before them. `optional`: some may be without."""

    field: Field
    descending: bool
    shape: Shape
    optional: bool


@dataclass(frozen=True, slots=True)
class Search:
    """Which objects, and in what order; the last term of `orders` tells every two of them apart."""

    term: Term
    orders: tuple[Ordering, ...]

    def fields(self) -> set[Field]:
        """All fields that are tested or ordered by."""
        return {*fields_of(self.term), *(order.field for order in self.orders)}


def fields_of(term: Term) -> Iterator[Field]:
    """The fields that a term tests."""
    match term:
        case Condition(field, _):
            yield field
        case Negation(inner):
            yield from fields_of(inner)
        case AllOf(terms) | AnyOf(terms):
            for each in terms:
                yield from fields_of(each)
