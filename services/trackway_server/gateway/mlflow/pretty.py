"""JSON as MLflow's server prints it, indented by two. `json.dumps` does so in pure Python, piece by piece through
nested generators, and takes three times as long: pages of runs and histories have tens of thousands of values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from json.encoder import encode_basestring_ascii as quoted
from math import isfinite
from typing import Any

_INDENT = "  "
_NAMED = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}


class Table:
    """A list of objects with the same members: what pages of runs and histories are made of. `rows` hold the values of
    each object, printed, in the order of `names`."""

    __slots__ = ("_names", "_rows")

    def __init__(self, names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
        self._names = names
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def text(self, line: str) -> str:
        """The text of the list; `line` is a line break and the indent of where it stands."""
        outer, inner = line + _INDENT, line + 2 * _INDENT
        members = f",{inner}".join(f"{quoted(name)}: %s" for name in self._names)
        item = f"{{{inner}{members}{outer}}}"
        # All rows in one formatting: one by one takes twice as long.
        text = f",{outer}".join([item] * len(self._rows)) % tuple(chain.from_iterable(self._rows))
        return f"[{outer}{text}{line}]"


def pairs_table(values: Mapping[str, str]) -> Table:
    """Objects of `key` and `value`, by key."""
    return Table(("key", "value"), [(quoted(key), quoted(value)) for key, value in sorted(values.items())])


def printed_number(value: float) -> str:
    """A double, as MLflow writes it: what JSON has no number for by its name."""
    text = repr(value)
    return _NAMED.get(text, text)


def pretty_json(value: Any) -> bytes:
    """What `json.dumps(value, indent=2)` answers; names of members must be strings."""
    return _text(value, "\n").encode()


def _text(value: Any, line: str) -> str:
    """The text of a value; `line` is a line break and the indent of where it stands."""
    kind = type(value)
    if kind is str:
        return quoted(value)
    if kind is int or (kind is float and isfinite(value)):
        return repr(value)
    if kind is Table:
        text: str = value.text(line) if value else "[]"
        return text
    if kind is dict and value:
        inner = line + _INDENT
        members = [f"{quoted(name)}: {_text(one, inner)}" for name, one in value.items()]
        return f"{{{inner}{f',{inner}'.join(members)}{line}}}"
    if kind in (list, tuple) and value:
        inner = line + _INDENT
        items = [_text(one, inner) for one in value]
        return f"[{inner}{f',{inner}'.join(items)}{line}]"
    return json.dumps(value, indent=2).replace("\n", line)
