"""Repeated measurements of one quantity, and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of repeated measurements, in the base unit of the quantity."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        """Of at least one sample; ValueError otherwise."""
        if not samples:
            raise ValueError("no samples: the measurement returned nothing")
        return cls(float(median(samples)), float(min(samples)), float(max(samples)), len(samples))


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that at least `percent` of all samples do not exceed (nearest rank).

    A measured value, never one between two: interpolation would invent a p99.9 that no call took.
    """
    if not samples:
        raise ValueError("no samples: the measurement returned nothing")
    rank = max(1, math.ceil(len(samples) * percent / 100))
    return float(sorted(samples)[rank - 1])
