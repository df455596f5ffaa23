"""Types of columns, in the names and the JSON form of MLflow's model signatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from trackway.errors import InvalidArgument


class DataType(Enum):
    """A scalar type of a column. The value is the name in JSON."""

    boolean = "boolean"
    integer = "integer"
    long = "long"
    float = "float"
    double = "double"
    string = "string"
    binary = "binary"
    datetime = "datetime"

    def to_dict(self) -> dict[str, Any]:
        return {"type": self.value}

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class AnyType:
    """A column that may hold anything."""

    def to_dict(self) -> dict[str, Any]:
        return {"type": "any"}

    def __str__(self) -> str:
        return "any"


@dataclass(frozen=True, slots=True)
class Array:
    """A column whose cells are lists of one type."""

    dtype: ColumnType

    def to_dict(self) -> dict[str, Any]:
        return {"type": "array", "items": self.dtype.to_dict()}

    def __str__(self) -> str:
        return f"Array({self.dtype})"


@dataclass(frozen=True, slots=True)
class Map:
    """A column whose cells map text to one type."""

    value_type: ColumnType

    def to_dict(self) -> dict[str, Any]:
        return {"type": "map", "values": self.value_type.to_dict()}

    def __str__(self) -> str:
        return f"Map(str -> {self.value_type})"


@dataclass(frozen=True, slots=True)
class Property:
    """A named member of an `Object`."""

    name: str
    dtype: ColumnType
    required: bool = True

    def to_dict(self) -> dict[str, Any]:
        return {self.name: {**self.dtype.to_dict(), "required": self.required}}


@dataclass(frozen=True, slots=True)
class Object:
    """A column whose cells have named members."""

    properties: tuple[Property, ...]

    def to_dict(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for member in sorted(self.properties, key=lambda each: each.name):
            members |= member.to_dict()
        return {"type": "object", "properties": members}

    def __str__(self) -> str:
        members = (f"{each.name}: {each.dtype} ({_required(each.required)})" for each in self.properties)
        return "{" + ", ".join(members) + "}"


ColumnType = DataType | AnyType | Array | Map | Object


def _required(required: bool) -> str:
    return "required" if required else "optional"


def column_type(form: Mapping[str, Any] | str) -> ColumnType:
    """The type that `to_dict` made `form` of. Raises `InvalidArgument` for what is none."""
    if isinstance(form, str):
        form = {"type": form}
    match form.get("type"):
        case "any":
            return AnyType()
        case "array":
            return Array(column_type(form["items"]))
        case "map":
            return Map(column_type(form["values"]))
        case "object":
            members = form["properties"].items()
            return Object(
                tuple(Property(name, column_type(each), each.get("required", True)) for name, each in members)
            )
        case name:
            return _scalar(name)


def _scalar(name: object) -> DataType:
    try:
        return DataType(name)
    except ValueError:
        raise InvalidArgument(f"{name!r} is no type of a model signature") from None
