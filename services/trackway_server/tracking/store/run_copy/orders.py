"""Orders over columns: what core/search/ordering.py says of one object, as arrays that rise."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trackway_server.core.search.conditions import (
    Ordering,
    Shape,
    Source,
)
from trackway_server.core.search.ordering import ABSENT, HEAD, NOT_A_NUMBER
from trackway_server.tracking.domain.model import RunStatus
from trackway_server.tracking.store.run_copy.columns import (
    NONE,
    NOT_A_NUMBER_KEY,
    Ids,
    Integers,
    Positions,
    Texts,
)

Values: TypeAlias = npt.NDArray[Any]

_STATUSES = sorted(status.name for status in RunStatus)


@dataclass(frozen=True, slots=True)
class Level:
    """A level of an order, the value that stands at the same place of a Place, and how one is told from the other."""

    of: Callable[[Positions], Values]
    rank: Callable[[int | float | str], int | float]
    """Of a value in a Place: on the scale of `of`."""
    shown: Callable[[int], int | float | str]
    """What stands in the Place of the run at a position."""


def integer_level(values: Values, order: Ordering) -> Level:
    """Of integers and of keys of numbers: those that are none, and what is absent, last either way."""
    descending = order.descending
    is_number = order.shape is Shape.NUMBER

    def of(at: Positions) -> Values:
        found = values[at]
        turned = ~found if descending else found
        turned = np.where(found == ABSENT, ABSENT, turned)
        return np.where(found == NOT_A_NUMBER_KEY, NOT_A_NUMBER, turned) if is_number else turned

    return Level(of, _same, lambda place: int(of(np.array([place]))[0]))


def status_level(column: Integers, order: Ordering) -> Level:
    names = {int(status): status.name for status in RunStatus}
    ranks = np.array([_STATUSES.index(names[number]) if number in names else 0 for number in range(max(names) + 1)])
    sign = -1 if order.descending else 1
    return Level(
        lambda at: sign * ranks[column.values[at]],
        lambda name: sign * _STATUSES.index(str(name)),
        lambda place: names[int(column.values[place])],
    )


def id_level(ids: Ids, *, descending: bool) -> Level:
    sign = -1 if descending else 1

    def rank(run_id: int | float | str) -> int:
        wanted = np.array([run_id], dtype="S32")
        place = int(np.searchsorted(ids, wanted)[0])
        return sign * (2 * place if place < len(ids) and ids[place] == wanted[0] else 2 * place - 1)

    return Level(lambda at: sign * 2 * at, rank, lambda place: ids[place].decode())


def text_levels(column: Texts, order: Ordering) -> list[Level]:
    """Of texts, before them whether there is one, and of typed ones also the number that it is."""
    codes, distinct, sign = column.codes, column.distinct, -1 if order.descending else 1
    numbers = np.append(np.where(np.isfinite(column.numbers), column.numbers, 0.0), 0.0)
    if order.shape is Shape.TYPED:
        kinds = np.append(np.where(np.isfinite(column.numbers), 0, 1), 2)
        first = [
            Level(lambda at: kinds[codes[at]], _same, lambda place: int(kinds[codes[place]])),
            Level(
                lambda at: sign * numbers[codes[at]],
                lambda number: sign * float(number),
                lambda place: float(numbers[codes[place]]),
            ),
        ]
    else:
        absent = Level(lambda at: (codes[at] == NONE).astype(np.int64), _same, lambda place: int(codes[place] == NONE))
        first = [absent] if order.optional else []
    heads = list(distinct)
    if order.field.source is not Source.ATTRIBUTE:
        heads = [text[:HEAD] for text in distinct]
    return [*first, _text_level(heads, column, sign)]


def _text_level(heads: list[str], column: Texts, sign: int) -> Level:
    """Of texts, which rise; twice their rank, so that what is not among them has one between."""

    def rank(text: int | float | str) -> int:
        place = bisect_left(heads, str(text))
        return sign * (2 * place if place < len(heads) and heads[place] == text else 2 * place - 1)

    codes = column.codes
    ranks = sign * 2 * np.array([*_first_alike(heads), 0])
    ranks[NONE] = rank("")
    shown = [*heads, ""]
    return Level(lambda at: ranks[codes[at]], rank, lambda place: shown[codes[place]])


def _first_alike(heads: Sequence[str]) -> list[int]:
    """For each of some texts that rise the place of the first that is the same."""
    places: list[int] = []
    for place, head in enumerate(heads):
        places.append(places[-1] if place and heads[place - 1] == head else place)
    return places


def _same(value: int | float | str) -> int | float:
    assert not isinstance(value, str)
    return value
