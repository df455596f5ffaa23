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
    """The values as doubles, one after the other, copied at C speed.

    Raises TypeError for what are no numbers, ValueError where they have more than one dimension.
    """
    name = f"the values of metric {key!r}"
    numbers = _as_array(name, values)
    if numbers is not None and numbers.dtype.kind in "fiub":
        return _memory(numbers, "<f8")
    try:
        return _elements("d", values if numbers is None else _as_list(name, numbers))
    except (TypeError, OverflowError, ValueError):
        raise TypeError(f"{name} must be real numbers{_kind_of(numbers, values)}") from None


def integer_bytes(name: str, values: Any, rows: int) -> memoryview:
    """The values as signed 64-bit integers, likewise. Raises also ValueError where they are not `rows` many."""
    numbers = _as_array(name, values)
    if numbers is None:
        try:
            data = _elements("q", values)
        except (TypeError, OverflowError, ValueError):
            raise TypeError(f"{name} must be integers of 64 bits{_kind_of(None, values)}") from None
    else:
        if numbers.dtype.kind not in "iu":
            raise TypeError(f"{name} must be integers, not {numbers.dtype}; convert them first: .astype('int64')")
        if numbers.dtype.kind == "u" and numbers.size and int(numbers.max()) >= 1 << 63:
            raise ValueError(f"{name} must be integers of 64 bits, and {numbers.max()} has more")
        data = _memory(numbers, "<i8")
    if len(data) != rows * 8:
        raise ValueError(f"{name} has {len(data) // 8} entries, but there are {rows} values")
    return data


def microseconds(times: Any) -> Any:
    """Times in milliseconds since 1970, whole or not, or of numpy's `datetime64`, as microseconds.

    Raises TypeError or ValueError for what are none.
    """
    numpy = sys.modules.get("numpy")
    numbers = _as_array("times", times)
    if numpy is None or numbers is None:
        try:
            return [round(each * 1000) for each in times]
        except (TypeError, ValueError, OverflowError):
            raise TypeError("times must be numbers, milliseconds since 1970") from None
    if numbers.dtype.kind == "M":
        return numbers.astype("datetime64[us]").astype("i8")
    if numbers.dtype.kind not in "fiu":
        raise TypeError(f"times must be numbers, milliseconds since 1970, not {numbers.dtype}")
    if not bool((abs(numbers.astype("f8")) < 9e15).all()):
        raise ValueError(
            "times must be milliseconds since 1970; some are not finite, or beyond 64 bits as microseconds"
        )
    if numbers.dtype.kind == "f":
        return numpy.rint(numbers.astype("f8") * 1000).astype("i8")
    return numbers.astype("i8") * 1000


def _as_array(name: str, values: Any) -> Any:
    """What numpy makes of an array or a tensor on the CPU, without a copy where it can; None for anything else."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(values, "__array__"):
        return None
    if hasattr(values, "detach"):  # a tensor of torch, which numpy takes only as plain numbers on the CPU
        values = values.detach()
        if values.device.type != "cpu":
            raise TypeError(f"{name} are on the device {values.device}; copy them first: .cpu()")
        try:
            numbers = numpy.asarray(values)
        except TypeError:  # bfloat16, which numpy lacks
            numbers = numpy.asarray(values.double())
    else:
        numbers = numpy.asarray(values)
    if numbers.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not the shape {numbers.shape}")
    return numbers


def _as_list(name: str, numbers: Any) -> Any:
    """Objects of an array one by one (Decimal, Fraction, …); dates, text and complex numbers are no numbers here."""
    if numbers.dtype.kind != "O":
        raise TypeError(name)
    return numbers.tolist()


def _memory(numbers: Any, dtype: str) -> memoryview:
    if not numbers.size:
        return memoryview(b"")
    numpy = sys.modules["numpy"]
    return memoryview(numpy.ascontiguousarray(numbers, dtype=dtype)).cast("B")


def _elements(code: str, values: Any) -> memoryview:
    """A sequence of numbers. `array` would take bytes for raw memory and a dict for its keys."""
    from array import array

    if isinstance(values, (str, bytes, bytearray, dict, set, frozenset)):
        raise TypeError
    numbers = array(code, values)
    return memoryview(numbers).cast("B") if numbers else memoryview(b"")


def _kind_of(numbers: Any, values: Any) -> str:
    if numbers is not None:
        return f", not {numbers.dtype}"
    return f", not a {type(values).__name__}" if isinstance(values, (str, bytes, dict, set)) else ""
