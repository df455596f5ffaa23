"""Whether values of a column pass a test: what core/search/evaluation.py says of one value."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from operator import eq, ge, gt, le, lt, ne
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trackway_server.core.search import sql
from trackway_server.core.search.conditions import (
    NumberTest,
    Test,
    TextIn,
    TextTest,
)
from trackway_server.core.search.ordering import ABSENT
from trackway_server.core.search.patterns import matcher
from trackway_server.core.search.syntax import Operator
from trackway_server.tracking.store.run_copy.columns import (
    NONE,
    Bools,
    Texts,
)

Values: TypeAlias = npt.NDArray[Any]

_COMPARED: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQUAL: eq,
    Operator.NOT_EQUAL: ne,
    Operator.LESS: lt,
    Operator.LESS_EQUAL: le,
    Operator.GREATER: gt,
    Operator.GREATER_EQUAL: ge,
}


def integers_pass(values: Values, test: Test) -> Bools:
    """Whether integers that are there pass."""
    if not isinstance(test, NumberTest):
        return np.ones(len(values), dtype=np.bool_)
    passed: Bools = _COMPARED[test.operator](values, test.number)
    return passed


def keys_pass(keys: Values, test: Test) -> Bools:
    """Whether numbers of these keys pass: NaN is only unequal to them."""
    present: Bools = keys != ABSENT
    if not isinstance(test, NumberTest):
        return present
    if test.operator is Operator.NOT_EQUAL:
        return present & ~keys_pass(keys, NumberTest(Operator.EQUAL, test.number))
    span = sql.key_range(test)
    assert span is not None
    return (keys >= span[0]) & (keys <= span[1])


def texts_pass(column: Texts, test: Test, codes: Values) -> Bools:
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


def text_passes(text: str, test: Test) -> bool:
    column = Texts(np.zeros(1, dtype=np.int32), [text], np.full(1, np.inf))
    return bool(texts_pass(column, test, column.codes)[0])
