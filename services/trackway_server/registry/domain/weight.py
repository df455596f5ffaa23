"""How much things take in messages and buffers, so that both can be bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def texts(values: Iterable[str]) -> int:
    """The bytes of texts as UTF-8."""
    return sum(len(value) if value.isascii() else len(value.encode()) for value in values)


def mapping(values: Mapping[str, str]) -> int:
    """The bytes of a mapping's keys and values as UTF-8."""
    return texts(values) + texts(values.values())
