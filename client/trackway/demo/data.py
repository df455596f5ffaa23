"""The digits: 1,797 real scans of handwritten digits, 8 × 8 pixels (Alpaydin and Kaynak, UCI), from scikit-learn."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]
Labels = NDArray[np.int64]

_SPLIT_SEED = 20261123
_HELD_OUT_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Digits:
    """The data set, split once and for all by a fixed seed."""

    train_x: Features
    """(n, 64) brightness of each pixel, 0 to 1."""
    train_y: Labels
    held_out_x: Features
    held_out_y: Labels
    digest: str
    """SHA-256 of the whole data set as it came from the library, 64 hexadecimal digits."""


def load_digits() -> Digits:
    """The data set. Raises ModuleNotFoundError where scikit-learn is missing."""
    from sklearn.datasets import load_digits as load

    pixels, labels = load(return_X_y=True)
    pixels, labels = np.ascontiguousarray(pixels, np.float64), np.ascontiguousarray(labels, np.int64)
    digest = hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(labels))
    cut = round(len(labels) * _HELD_OUT_SHARE)
    held_out, train = order[:cut], order[cut:]
    scaled = pixels / 16.0
    return Digits(scaled[train], labels[train], scaled[held_out], labels[held_out], digest)


def write_shards(digits: Digits, folder: Path, count: int) -> list[Path]:
    """Cut the training part into `count` shards of nearly equal size, one file each, every example in exactly one."""
    paths = [folder / f"shard-{rank}.npz" for rank in range(count)]
    for rank, path in enumerate(paths):
        np.savez(path, x=digits.train_x[rank::count], y=digits.train_y[rank::count])
    return paths


def read_shard(path: Path) -> tuple[Features, Labels]:
    """The examples of one shard."""
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["x"], arrays["y"]
