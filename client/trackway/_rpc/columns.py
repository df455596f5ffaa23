"""Repeated numbers of messages as numpy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", np.float64, np.int64, np.uint64)


def column(values: Sequence[Any], dtype: type[Number]) -> npt.NDArray[Number]:
    """The numbers as an array of their own. protobuf before 7.35 has no fast way out: there each number is visited."""
    if hasattr(values, "__array__"):
        return np.array(values, dtype=dtype)
    return np.fromiter(values, dtype=dtype, count=len(values))


def joined(parts: Sequence[npt.NDArray[Number]]) -> npt.NDArray[Number]:
    """The arrays one after another."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
