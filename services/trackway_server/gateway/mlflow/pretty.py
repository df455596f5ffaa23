"""JSON as MLflow's server prints it, indented by two. `json.dumps` does so in pure Python, piece by piece through
nested generators, and takes three times as long: pages of runs and histories have tens of thousands of values."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as quoted
from math import isfinite
from typing import Any

_INDENT = "  "


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
    if kind is dict and value:
        inner = line + _INDENT
        members = [f"{quoted(name)}: {_text(one, inner)}" for name, one in value.items()]
        return f"{{{inner}{f',{inner}'.join(members)}{line}}}"
    if kind in (list, tuple) and value:
        inner = line + _INDENT
        items = [_text(one, inner) for one in value]
        return f"[{inner}{f',{inner}'.join(items)}{line}]"
    return json.dumps(value, indent=2).replace("\n", line)
