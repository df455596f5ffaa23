"""JSON text without the `json` module, whose import would cost the training process five milliseconds."""

from __future__ import annotations

from _json import encode_basestring_ascii

type_error = "a spool record holds text, integers, lists and mappings only"


def to_json(value: object) -> str:
    """`value` as JSON in ASCII. Raises TypeError for what a spool record never holds."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, dict):
        return "{" + ",".join(f"{encode_basestring_ascii(k)}:{to_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(to_json, value)) + "]"
    raise TypeError(type_error)
