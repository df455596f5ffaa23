"""The parameters of one request, read as MLflow reads them: by the names of its protos, leniently in type."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from trackway_server.gateway.mlflow.errors import MlflowError, invalid

T = TypeVar("T")

_SPECIAL = {"nan": math.nan, "infinity": math.inf, "inf": math.inf}
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_INT64 = range(-(2**63), 2**63)
_IDS = range(2**63)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HUGE = sys.float_info.max
_RUN_ID = re.compile(r"[0-9a-f]{32}")
DOCS = "See the API docs for more information about request parameters."


def experiment_id_of(text: str) -> str:
    """An experiment's id as it was given, in its one spelling. Raises MlflowError for what can be none."""
    number = _number_of(text)
    if number not in _IDS:
        raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"No Experiment with id={number} exists")
    return str(number)


def _number_of(text: str) -> int:
    if len(text) <= 80 and re.fullmatch(r"[+-]?[0-9]+", text.strip()):
        return int(text)
    raise invalid(f"Invalid experiment ID '{text[:80]}'. Experiment ID must be a valid integer.")


class Repeated(list[str]):
    """The values of a name in an address. Whoever wants one takes the first."""


class Parameters:
    """One JSON object, or the query of an address. Names may be in snake_case or camelCase, not both."""

    def __init__(self, given: Mapping[str, Any], path: str = "") -> None:
        self._given = given
        self._path = path

    @property
    def given(self) -> Mapping[str, Any]:
        """All of them, as they were given."""
        return self._given

    def path(self, name: str) -> str:
        """Where a parameter stands in the request: `metrics[3].key`."""
        return f"{self._path}.{name}" if self._path else name

    def text(self, name: str, default: str | None = None) -> str:
        """A string. Raises MlflowError where it is none; without a default, where it is missing or empty."""
        value = self._value(name)
        if value is None or value == "":
            return _or_missing(self.path(name), default)
        if not isinstance(value, str):
            raise _wrong(self.path(name), value)
        return value

    def run_id(self) -> str:
        """`run_id`, or `run_uuid` as it was called once. Raises MlflowError also for what no run can be called."""
        run_id = self.text("run_id", "") or self.text("run_uuid", "") or self.text("run_id")
        if not _RUN_ID.fullmatch(run_id):
            raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"Run with id={run_id[:256]} not found")
        return run_id

    def experiment_id(self, default: str | None = None) -> str:
        """`experiment_id`, in its one spelling. Raises MlflowError also for what no experiment can be called."""
        return experiment_id_of(self.text("experiment_id", default))

    def experiment_ids(self) -> list[str]:
        """`experiment_ids`, without those that no experiment can have. Raises MlflowError where one is no number."""
        numbers = [_number_of(one) for one in self.texts("experiment_ids")]
        return [str(number) for number in numbers if number in _IDS]

    def page_size(self, default: int, most: int) -> int:
        """`max_results`."""
        size = self.whole("max_results", default)
        if size <= 0:
            raise invalid(f"Invalid value {size} for parameter 'max_results' supplied. It must be a positive integer")
        if size > most:
            raise invalid(f"Invalid value {size} for parameter 'max_results' supplied. It must be at most {most}")
        return size

    def whole(self, name: str, default: int | None = None) -> int:
        """A 64-bit integer, as a number or a string."""
        value = self._value(name)
        if value is None:
            return _or_missing(self.path(name), default)
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value not in _INT64:
            raise _wrong(self.path(name), value)
        return value

    def number(self, name: str) -> float:
        """A double, as a number or a string; NaN and infinities by name, however Python or JavaScript spells them."""
        value = self._value(name)
        if value is None or value == "":
            raise missing(self.path(name))
        if isinstance(value, str):
            value = value.strip()
            if (unsigned := value.lower().removeprefix("-" if value.startswith("-") else "+")) in _SPECIAL:
                return -_SPECIAL[unsigned] if value.startswith("-") else _SPECIAL[unsigned]
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -_HUGE <= value <= _HUGE:
            raise _wrong(self.path(name), value)
        return float(value)

    def flag(self, name: str, default: bool = False) -> bool:
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
        """One of the names of an enum, given by name or by number (a string, too), which begins with 1."""
        value = self._value(name)
        if value is None:
            return default
        if isinstance(value, str) and value.isdecimal() and len(value) < 4:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= len(names):
            return names[value - 1]
        if value not in names:
            raise _wrong(self.path(name), value)
        return str(value)

    def objects(self, name: str) -> list[Parameters]:
        """A list of objects."""
        value = self._value(name) or []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise _wrong(self.path(name), value)
        return [Parameters(one, f"{self.path(name)}[{number}]") for number, one in enumerate(value)]

    def inner(self, name: str) -> Parameters | None:
        """An object; None where it is missing."""
        value = self._value(name)
        if value is not None and not isinstance(value, dict):
            raise _wrong(self.path(name), value)
        return None if value is None else Parameters(value, self.path(name))

    def texts(self, name: str) -> list[str]:
        """A list of strings."""
        value = self._given_as(name) or []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise _wrong(self.path(name), value)
        return value

    def pairs(self, name: str) -> dict[str, str]:
        """A list of objects with `key` and `value`; of a key that is there twice, the last."""
        return {one.text("key"): one.text("value", "") for one in self.objects(name)}

    def has(self, name: str) -> bool:
        """Whether it is there and not empty."""
        return self._value(name) not in (None, "", [])

    def present(self, name: str) -> bool:
        """Whether it is there, be it empty."""
        return self._value(name) is not None

    def _value(self, name: str) -> Any:
        value = self._given_as(name)
        return value[0] if isinstance(value, Repeated) else value

    def _given_as(self, name: str) -> Any:
        camel = camel_case(name)
        if camel != name and name in self._given and camel in self._given:
            raise invalid(f"Request specifies both '{name}' and '{camel}'; provide only one of them.")
        return self._given.get(name, self._given.get(camel))


@cache
def camel_case(name: str) -> str:
    """The other spelling of a name."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def _or_missing(name: str, default: T | None) -> T:
    if default is None:
        raise missing(name)
    return default


def missing(name: str) -> MlflowError:
    """The refusal of a request without a parameter that it needs."""
    return invalid(f"Missing value for required parameter '{name}'. {DOCS}")


def _wrong(name: str, value: Any) -> MlflowError:
    shown, kind = json.dumps(value, separators=(",", ":"))[:100], type(value).__name__
    return invalid(f"Invalid value {shown} for parameter '{name}' supplied:  Hint: Value was of type '{kind}'. {DOCS}")
