"""Numbers as users give them, as numbers of 64 bits; off the hot path, for what `struct` alone does not take."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def to_number(key: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # what float() takes is what we take
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"the value of metric {key!r} must be a number, not {value!r:.80}") from None


def to_integer(name: str, value: object) -> int:
    try:
        number = int(value)  # type: ignore[call-overload]  # as above
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} must be an integer, not {value!r:.80}") from None
    if number != value or not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"{name} must be an integer of 64 bits, not {value!r:.80}")
    return int(number)


def double_bytes(key: str, values: Any) -> memoryview:
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(values, "__array__"):
        return memoryview(numpy.ascontiguousarray(values, dtype="<f8").reshape(-1)).cast("B")
    from array import array

    try:
        return memoryview(array("d", values)).cast("B")
    except (TypeError, OverflowError):
        raise TypeError(f"the values of metric {key!r} must be numbers") from None


def integer_bytes(name: str, values: Any, rows: int) -> memoryview:
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(values, "__array__"):
        numbers = numpy.asarray(values)
        if numbers.dtype.kind not in "iu":
            raise TypeError(f"{name} must be integers, not {numbers.dtype}")
        data = memoryview(numpy.ascontiguousarray(numbers, dtype="<i8").reshape(-1)).cast("B")
    else:
        from array import array

        try:
            data = memoryview(array("q", values)).cast("B")
        except (TypeError, OverflowError):
            raise TypeError(f"{name} must be integers of 64 bits") from None
    if len(data) != rows * 8:
        raise ValueError(f"{name} has {len(data) // 8} entries, but there are {rows} values")
    return data
