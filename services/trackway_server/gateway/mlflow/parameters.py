"""The parameters of one request, read as MLflow reads them: by the names of its protos, leniently in type."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from trackway_server.gateway.mlflow.errors import MlflowError, invalid

T = TypeVar("T")

_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_INT64 = range(-(2**63), 2**63)


class Parameters:
    """One JSON object, or the query of an address. Names may be in snake_case or camelCase, not both."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def text(self, name: str, default: str | None = None) -> str:
        """A string. Raises MlflowError where it is none; without a default, where it is missing or empty."""
        value = self._value(name)
        if value is None or value == "":
            return _or_missing(name, default)
        if not isinstance(value, str):
            raise _wrong(name, value)
        return value

    def run_id(self) -> str:
        """`run_id`, or `run_uuid` as it was called once."""
        return self.text("run_id", "") or self.text("run_uuid", "") or self.text("run_id")

    def whole(self, name: str, default: int | None = None) -> int:
        """A 64-bit integer, as a number or a string."""
        value = self._value(name)
        if value is None:
            return _or_missing(name, default)
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value not in _INT64:
            raise _wrong(name, value)
        return value

    def number(self, name: str) -> float:
        """A double; NaN and infinities by name."""
        value = self._value(name)
        if value is None:
            raise _missing(name)
        if isinstance(value, str) and value in _SPECIAL:
            return _SPECIAL[value]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(name, value)
        try:
            return float(value)
        except OverflowError:
            raise _wrong(name, value) from None

    def flag(self, name: str, default: bool) -> bool:
        """A truth value; in an address, as a word."""
        value = self._value(name)
        if value is None or value == "":
            return default
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise _wrong(name, value)
        return value

    def choice(self, name: str, names: Sequence[str], default: str) -> str:
        """One of the names of an enum, given by name or by number, which begins with 1."""
        value = self._value(name)
        if value is None:
            return default
        if isinstance(value, int) and 1 <= value <= len(names):
            return names[value - 1]
        if value not in names:
            raise _wrong(name, value)
        return str(value)

    def objects(self, name: str) -> list[Parameters]:
        """A list of objects."""
        value = self._value(name) or []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise _wrong(name, value)
        return [Parameters(one) for one in value]

    def part(self, name: str) -> Parameters:
        """An object."""
        value = self._value(name)
        if value is None:
            raise _missing(name)
        if not isinstance(value, dict):
            raise _wrong(name, value)
        return Parameters(value)

    def texts(self, name: str) -> list[str]:
        """A list of strings; of an address, one alone."""
        value = self._value(name) or []
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise _wrong(name, value)
        return listed

    def pairs(self, name: str) -> dict[str, str]:
        """A list of objects with `key` and `value`; of a key that is there twice, the last."""
        return {one.text("key"): one.text("value", "") for one in self.objects(name)}

    def has(self, name: str) -> bool:
        """Whether it is there and not empty."""
        return self._value(name) not in (None, "", [])

    def _value(self, name: str) -> Any:
        camel = re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
        if camel != name and name in self._given and camel in self._given:
            raise invalid(f"Request specifies both '{name}' and '{camel}'; provide only one of them.")
        return self._given.get(name, self._given.get(camel))


def _or_missing(name: str, default: T | None) -> T:
    if default is None:
        raise _missing(name)
    return default


def _missing(name: str) -> MlflowError:
    return invalid(
        f"Missing value for required parameter '{name}'. "
        "See the API docs for more information about request parameters."
    )


def _wrong(name: str, value: Any) -> MlflowError:
    return invalid(
        f"Invalid value {json.dumps(value)[:100]} for parameter '{name}' supplied: "
        f" Hint: Value was of type '{type(value).__name__}'. "
        "See the API docs for more information about request parameters."
    )
