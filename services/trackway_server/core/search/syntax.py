"""A filter as it was written: names and values with their place in the text, no meaning yet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from trackway_server.core.errors import DomainError, Reason


class Operator(Enum):
    """How a name is compared with one value."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    RLIKE = "RLIKE"

    @property
    def matches_pattern(self) -> bool:
        """Whether its value is a pattern."""
        return self in (Operator.LIKE, Operator.ILIKE, Operator.RLIKE)


@dataclass(frozen=True, slots=True)
class Name:
    """`entity.key`, or a `key` alone. `bare` says that the key was written without quotes; behind one in quotes there
    may be the word of a `statistic`."""

    entity: str | None
    key: str
    bare: bool
    position: int
    statistic: str = ""

    def __str__(self) -> str:
        named = self.key if self.entity is None else f"{self.entity}.{self.key}"
        return f"{named}.{self.statistic}" if self.statistic else named


@dataclass(frozen=True, slots=True)
class Value:
    """Text (it was quoted) or a number."""

    content: str | int | float
    position: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`name operator value`."""

    name: Name
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Membership:
    """`name IN (values)`; `negated`: `name NOT IN (values)`."""

    name: Name
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """`name BETWEEN low AND high`, both included."""

    name: Name
    low: Value
    high: Value


@dataclass(frozen=True, slots=True)
class IsNull:
    """`name IS NULL`: nothing of that name is there."""

    name: Name


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    operand: Filter


@dataclass(frozen=True, slots=True)
class And:
    """All of at least two."""

    operands: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of at least two."""

    operands: tuple[Filter, ...]


Filter = Comparison | Membership | Between | IsNull | Not | And | Or


@dataclass(frozen=True, slots=True)
class Order:
    """One term of an order."""

    name: Name
    descending: bool | None
    """None: neither ASC nor DESC was written."""


def invalid(problem: str, position: int) -> DomainError:
    """The refusal of a filter or order for what stands at `position`, counted from 0."""
    return DomainError(
        Reason.FILTER_INVALID, f"The filter {problem} (at character {position + 1}).", position=str(position)
    )
