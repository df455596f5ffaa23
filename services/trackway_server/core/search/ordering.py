"""Orders: where an object stands in one, as a tuple that compares, and goes into page tokens.

Every term of an order has one to three columns in that tuple, none of them ever null:

    NUMBER    one integer: the key of the double, NaN and what is absent above all
    INTEGER   one integer, what is absent above all
    TEXT      the text; before it, where it may be absent, 1 for what is and else 0
    TYPED     0 for numbers, 1 for other texts, 2 for what is absent; the number, else 0; the text, else empty

A descending integer is inverted bit by bit, so that these columns always rise; descending numbers and texts of the
other columns fall. Of texts of params and tags the first HEAD characters count.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from functools import cmp_to_key
from typing import Any, TypeVar

from trackway_server.core.search.conditions import Ordering, Shape, Source
from trackway_server.core.search.evaluation import Searched, number_of

T = TypeVar("T")

HEAD = 128
ABSENT = 2**63 - 1
NOT_A_NUMBER = ABSENT - 1
_MAGNITUDE = 2**63 - 1

Place = tuple[int | float | str, ...]


def key_of(value: float) -> int:
    """The int64 that orders as IEEE 754's totalOrder does, see metrics/domain/summaries.py."""
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits ^ ((bits >> 63) & _MAGNITUDE)


LEAST_NUMBER, GREATEST_NUMBER = key_of(-math.inf), key_of(math.inf)


def column_types(order: Ordering) -> list[type[int] | type[float] | type[str]]:
    """The types of a term's columns."""
    match order.shape:
        case Shape.NUMBER | Shape.INTEGER:
            return [int]
        case Shape.TEXT:
            return [int, str] if order.optional else [str]
        case Shape.TYPED:
            return [int, float, str]


def falling(order: Ordering) -> list[bool]:
    """Which of a term's columns fall."""
    match order.shape:
        case Shape.NUMBER | Shape.INTEGER:
            return [False]
        case Shape.TEXT:
            return [False, order.descending] if order.optional else [order.descending]
        case Shape.TYPED:
            return [False, order.descending, order.descending]


def place_of(orders: Sequence[Ordering], searched: Searched) -> Place:
    """Where an object stands."""
    return tuple(column for order in orders for column in _columns(order, searched))


def ordered(
    places: Sequence[tuple[Place, T]], orders: Sequence[Ordering], after: Place | None
) -> list[tuple[Place, T]]:
    """What stands after a place (None: all), in order."""
    directions = [fall for order in orders for fall in falling(order)]
    found = [each for each in places if after is None or _compare(each[0], after, directions) > 0]
    by_place = cmp_to_key(lambda one, other: _compare(one, other, directions))
    return sorted(found, key=lambda each: by_place(each[0]))


def _compare(one: Any, other: Any, directions: Sequence[bool]) -> int:
    for mine, yours, fall in zip(one, other, directions, strict=True):
        if mine != yours:
            return 1 if (mine > yours) is not fall else -1
    return 0


def _columns(order: Ordering, searched: Searched) -> Place:
    values = searched.values(order.field)
    value = values[0] if values else None
    match order.shape:
        case Shape.NUMBER:
            return (_number(None if value is None else float(value), descending=order.descending),)
        case Shape.INTEGER:
            return (ABSENT if value is None else _turned(int(value), descending=order.descending),)
        case Shape.TEXT:
            text = "" if value is None else str(value)
            text = text if order.field.source is Source.ATTRIBUTE else text[:HEAD]
            return (int(value is None), text) if order.optional else (text,)
        case Shape.TYPED:
            return (2, 0.0, "") if value is None else _typed(str(value))


def _number(value: float | None, *, descending: bool) -> int:
    if value is None:
        return ABSENT
    return NOT_A_NUMBER if math.isnan(value) else _turned(key_of(value), descending=descending)


def _turned(number: int, *, descending: bool) -> int:
    return ~number if descending else number


def _typed(text: str) -> Place:
    number = number_of(text)
    return (1, 0.0, text[:HEAD]) if number is None else (0, number, text[:HEAD])
