"""Finding spools on disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def find_spools(paths: Iterable[Path]) -> list[Path]:
    """The folders of writers at or below the paths: each may be a root, the folder of a run, or of one writer."""
    found: dict[Path, None] = {}
    for path in paths:
        for pattern in ("meta.json", "*/meta.json", "*/*/meta.json"):
            found.update(dict.fromkeys(meta.parent for meta in _matching(path, pattern)))
    return list(found)


def _matching(path: Path, pattern: str) -> list[Path]:
    """What matches now. A folder that is sent and taken away while it is looked into is no error."""
    while True:
        try:
            return sorted(path.glob(pattern))
        except FileNotFoundError:
            continue
