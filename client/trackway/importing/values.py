"""What a source says, taken for what it is only after a look: databases, folders and servers are others'."""

from __future__ import annotations

import contextlib
import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackway.errors import InvalidArgument

Refused = Callable[[str, str, str], None]
"""Told of something that cannot be taken: what, where, and why."""
_MOST_MS = 2**53
"""Of a time, as MLflow has it, too."""
_GREATEST = 1.7976931348623157e308
"""What MLflow's databases have for infinity."""
_WORDS = {"nan": math.nan, "infinity": math.inf, "-infinity": -math.inf}


class Malformed(InvalidArgument):
    """The source does not say it as MLflow does."""


def ignore(what: str, where: str, reason: str) -> None:
    """A Refused that tells nobody."""


def text(value: object) -> str:
    """A text, empty for nothing; halves of characters, which no message can carry, are replaced. Raises Malformed."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if not isinstance(value, str | int | float | datetime.date):
        raise Malformed(f"it has a {type(value).__name__} where a text belongs")
    try:
        found = str(value)
        found.encode()
    except UnicodeEncodeError:
        return found.encode("utf-8", "replace").decode()
    except ValueError:
        raise Malformed("it has a number of thousands of digits") from None
    return found


def whole(value: object) -> int:
    """A whole number of 64 bits, 0 for nothing. Raises Malformed."""
    if value is None or value == "":
        return 0
    number: int | None = None
    with contextlib.suppress(ValueError, OverflowError):
        number = int(value) if isinstance(value, int | float | str) else None
    if number is None:
        raise Malformed(f"it has {_start(value)} where a whole number belongs")
    if not -(2**63) <= number < 2**63:
        raise Malformed("it has a number of more than 64 bits")
    return number


def time_us(value: object) -> int:
    """A time in microseconds, of one in milliseconds; 0 for nothing. Raises Malformed."""
    number = whole(value)
    if not 0 <= number < _MOST_MS:
        raise Malformed(f"it has the time {number}, which is none")
    return 1000 * number


def number(value: object) -> float:
    """A value of a metric: nothing is NaN, and what databases have for infinity is infinity. Raises Malformed."""
    if value is None:
        return math.nan
    found: float | None = None
    with contextlib.suppress(ValueError, OverflowError):
        if isinstance(value, str):
            found = _WORDS[value.lower()] if value.lower() in _WORDS else float(value)
        elif isinstance(value, int | float):
            found = float(value)
    if found is None:
        raise Malformed(f"it has {_start(value)} where a number belongs")
    return math.copysign(math.inf, found) if abs(found) >= _GREATEST else found


def mapping(value: object) -> Mapping[str, Any]:
    """An object with named fields, empty for nothing. Raises Malformed."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"it has a {type(value).__name__} where an object belongs")
    return value


def several(value: object) -> Sequence[Mapping[str, Any]]:
    """A list of objects, empty for nothing. Raises Malformed."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Malformed(f"it has a {type(value).__name__} where a list belongs")
    return [mapping(each) for each in value]


def points(
    times: Sequence[Any], steps: Sequence[Any], values: Sequence[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], int]:
    """Points as columns, with times in microseconds, of ones in milliseconds; and how many malformed are left out."""
    bad = 0
    try:
        columns = (np.array(times, np.int64), np.array(steps, np.int64), np.array(values, np.float64))
    except (ValueError, TypeError, OverflowError):
        rows = []
        for row in zip(times, steps, values, strict=True):
            try:
                rows.append((whole(row[0]), whole(row[1]), number(row[2])))
            except Malformed:
                bad += 1
        columns = (
            np.array([row[0] for row in rows], np.int64),
            np.array([row[1] for row in rows], np.int64),
            np.array([row[2] for row in rows], np.float64),
        )
    fine = np.abs(columns[0]) < _MOST_MS
    fine &= columns[0] != np.iinfo(np.int64).min  # whose absolute value is itself
    if not fine.all():
        bad += int(len(fine) - fine.sum())
        columns = (columns[0][fine], columns[1][fine], columns[2][fine])
    numbers = columns[2]
    numbers[numbers >= _GREATEST] = np.inf
    numbers[numbers <= -_GREATEST] = -np.inf
    return 1000 * columns[0], columns[1], numbers, bad


def or_nothing(read: Callable[[object], int], value: object, what: str, where: str, refused: Refused) -> int:
    """A number that can do without: what is malformed is told of, and 0."""
    try:
        return read(value)
    except Malformed as error:
        refused(what, where, error.message)
        return 0


def _start(value: object) -> str:
    try:
        return repr(str(value)[:40])
    except ValueError:
        return "thousands of digits"
