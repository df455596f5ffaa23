"""Schemas of a model's inputs, outputs and parameters, in MLflow's JSON form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trackway.errors import InvalidArgument
from trackway.flavors.types import ColumnType, DataType, column_type

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class ColSpec:
    """A column: its type, its name (None in a schema without names) and whether it must be there."""

    type: ColumnType
    name: str | int | None = None
    required: bool = True

    def __post_init__(self) -> None:
        given: object = self.type
        if isinstance(given, str):
            object.__setattr__(self, "type", column_type(given))

    def to_dict(self) -> dict[str, Any]:
        named = {} if self.name is None else {"name": self.name}
        return {**self.type.to_dict(), **named, "required": self.required}

    def __str__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}: "
        return f"{name}{self.type} ({'required' if self.required else 'optional'})"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An array: its numpy dtype, its shape (-1: any length) and its name (None: the only one)."""

    type: np.dtype[Any]
    shape: tuple[int, ...]
    name: str | None = None
    required: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(length) for length in self.shape))

    def to_dict(self) -> dict[str, Any]:
        named = {} if self.name is None else {"name": self.name}
        return {"type": "tensor", "tensor-spec": {"dtype": _dtype_name(self.type), "shape": list(self.shape)}, **named}

    def __str__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}: "
        return f"{name}Tensor({_dtype_name(self.type)}, {self.shape})"


@dataclass(frozen=True, slots=True)
class Schema:
    """What a model takes or answers: columns, or arrays."""

    inputs: Sequence[ColSpec | TensorSpec]

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", tuple(self.inputs))
        named = {each.name is not None for each in self.inputs}
        if len({type(each) for each in self.inputs}) > 1 or len(named) > 1:
            raise InvalidArgument("a schema holds either columns or arrays, all of them named or none of them")
        if len(self.inputs) > 1 and self.is_tensor_spec() and named == {False}:
            raise InvalidArgument("a schema of several arrays must name them")

    def __iter__(self) -> Iterator[ColSpec | TensorSpec]:
        return iter(self.inputs)

    def is_tensor_spec(self) -> bool:
        """Whether the schema describes arrays, not columns."""
        return bool(self.inputs) and isinstance(self.inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        return bool(self.inputs) and self.inputs[0].name is not None

    def input_names(self) -> list[Any]:
        """The names, or where there are none the positions."""
        return [position if each.name is None else each.name for position, each in enumerate(self.inputs)]

    def required_input_names(self) -> list[Any]:
        return [name for name, each in zip(self.input_names(), self.inputs, strict=True) if each.required]

    def to_dict(self) -> list[dict[str, Any]]:
        return [each.to_dict() for each in self.inputs]

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """Raises `InvalidArgument` where the text is no schema."""
        return cls([_spec(form) for form in _parse(text)])

    def __str__(self) -> str:
        return "[" + ", ".join(str(each) for each in self.inputs) + "]"


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """A parameter of `predict`: name, type, default, and shape (None: a scalar, `(-1,)`: a list)."""

    name: str
    dtype: DataType
    default: Any
    shape: tuple[int, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        shape = None if self.shape is None else list(self.shape)
        return {"name": self.name, "default": self.default, "shape": shape, **self.dtype.to_dict()}

    def __str__(self) -> str:
        return f"{self.name!r}: {self.dtype} (default: {self.default})"


@dataclass(frozen=True, slots=True)
class ParamSchema:
    """The parameters of `predict`."""

    params: Sequence[ParamSpec]

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", tuple(self.params))

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self.params)

    def to_dict(self) -> list[dict[str, Any]]:
        return [each.to_dict() for each in self.params]

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> ParamSchema:
        """Raises `InvalidArgument` where the text is no schema."""
        return cls([_param(form) for form in _parse(text)])

    def __str__(self) -> str:
        return "[" + ", ".join(str(each) for each in self.params) + "]"


def _dtype_name(dtype: np.dtype[Any]) -> str:
    return dtype.name if dtype.kind not in "US" else {"U": "str", "S": "bytes"}[dtype.kind]


def _parse(text: str) -> list[Mapping[str, Any]]:
    try:
        forms = json.loads(text)
    except ValueError:
        forms = None
    if not isinstance(forms, list):
        raise InvalidArgument("the model's signature is not a JSON list")
    return forms


def _spec(form: Mapping[str, Any]) -> ColSpec | TensorSpec:
    if form.get("type") != "tensor":
        return ColSpec(column_type(form), form.get("name"), form.get("required", not form.get("optional", False)))
    import numpy as np

    inner = form["tensor-spec"]
    return TensorSpec(np.dtype(inner["dtype"]), tuple(inner["shape"]), form.get("name"))


def _param(form: Mapping[str, Any]) -> ParamSpec:
    shape = form.get("shape")
    dtype = column_type(form.get("type") or form["dtype"])
    if not isinstance(dtype, DataType):
        raise InvalidArgument(f"the parameter {form.get('name')!r} of the signature is no scalar or list of scalars")
    return ParamSpec(form["name"], dtype, form.get("default"), None if shape is None else tuple(shape))
