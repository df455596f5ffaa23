"""Data that the pages load from the net, where there is none: of the same columns and types, made here, and small."""

from __future__ import annotations

import gzip
import random
import struct
import subprocess
from pathlib import Path

_ROWS = 400
_WINE = (
    ("fixed acidity", 4.6, 15.9),
    ("volatile acidity", 0.12, 1.58),
    ("citric acid", 0.0, 1.0),
    ("residual sugar", 0.9, 15.5),
    ("chlorides", 0.012, 0.611),
    ("free sulfur dioxide", 1.0, 72.0),
    ("total sulfur dioxide", 6.0, 289.0),
    ("density", 0.99, 1.0037),
    ("pH", 2.74, 4.01),
    ("sulphates", 0.33, 2.0),
    ("alcohol", 8.4, 14.9),
)
_CENSUS = (
    (17, 90),
    ("Private", "State-gov", "Self-emp-not-inc", "?"),
    (20000, 900000),
    ("Bachelors", "HS-grad", "Masters", "Some-college"),
    (1, 16),
    ("Never-married", "Married-civ-spouse", "Divorced"),
    ("Adm-clerical", "Sales", "Craft-repair", "?"),
    ("Not-in-family", "Husband", "Wife", "Own-child", "Unmarried", "Other-relative"),
    ("White", "Black", "Other"),
    ("Male", "Female"),
    (0, 5000),
    (0, 2000),
    (10, 60),
    ("United-States", "Mexico", "?"),
    ("<=50K", ">50K"),
)
_HOUSING = """
import sys, numpy as np, joblib
chance = np.random.RandomState(0)
low = np.array([-124.35, 32.54, 1.0, 100.0, 20.0, 50.0, 20.0, 0.5, 14999.0])
high = np.array([-114.31, 41.95, 52.0, 9000.0, 1800.0, 6000.0, 1700.0, 15.0, 500001.0])
joblib.dump(low + chance.rand(400, 9) * (high - low), sys.argv[1], compress=6)
"""
_IMAGES = {"train": 640, "t10k": 100}


def made(folder: Path, python: Path) -> None:
    """Make them: files by the names at the ends of their addresses, and what scikit-learn keeps in its own folder."""
    chance = random.Random(0)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("winequality-red.csv", "winequality-white.csv", "wine-quality.csv"):
        (folder / name).write_text(_wine(chance, "," if name == "wine-quality.csv" else ";"))
    (folder / "example_wp_log_peyton_manning.csv").write_text(_by_day(chance))
    (folder / "example_retail_sales.csv").write_text(_by_day(chance))
    (folder / "adult.data").write_text("".join(_census(chance) for _ in range(_ROWS)))
    subprocess.run([python, "-c", _HOUSING, folder / "cal_housing_py3.pkz"], check=True)
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for kind, count in _IMAGES.items():
        images = struct.pack(">iiii", 2051, count, 28, 28) + chance.randbytes(count * 28 * 28)
        labels = struct.pack(">ii", 2049, count) + bytes(chance.randrange(10) for _ in range(count))
        for name, data in ((f"{kind}-images-idx3-ubyte", images), (f"{kind}-labels-idx1-ubyte", labels)):
            (raw / name).write_bytes(data)
            (raw / f"{name}.gz").write_bytes(gzip.compress(data, 1))


def _wine(chance: random.Random, between: str) -> str:
    lines = [between.join(f'"{name}"' for name in [*(name for name, _, _ in _WINE), "quality"])]
    for _ in range(_ROWS):
        row = [f"{chance.uniform(low, high):.4g}" for _, low, high in _WINE]
        lines.append(between.join([*row, str(chance.randint(3, 8))]))
    return "\n".join(lines) + "\n"


def _census(chance: random.Random) -> str:
    said = (chance.choice(each) if isinstance(each[0], str) else chance.randint(*each) for each in _CENSUS)
    return ", ".join(map(str, said)) + "\n"


def _by_day(chance: random.Random) -> str:
    days = [f"20{year:02d}-{month:02d}-01" for year in range(7, 17) for month in range(1, 13)]
    return "ds,y\n" + "".join(f"{day},{chance.uniform(7, 12):.6f}\n" for day in days)
