"""Schemas inferred from data: the rules of MLflow's `infer_signature`."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from trackway.errors import InvalidArgument
from trackway.flavors.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from trackway.flavors.types import AnyType, Array, ColumnType, DataType, Object, Property

if TYPE_CHECKING:
    import pandas as pd


def infer_schema(data: Any) -> Schema:
    """The schema of a DataFrame, a Series, an array, a sparse matrix, a dict, a list or a scalar.

    A column with missing values is optional. Raises `InvalidArgument` where a type cannot be described.
    """
    if is_pandas(data, "DataFrame"):
        return Schema([_frame_column(data[name], name) for name in data.columns])
    if is_pandas(data, "Series"):
        return Schema([_frame_column(data, data.name)])
    if isinstance(data, np.ndarray) or _is_sparse(data):
        return Schema([_tensor(data, None)])
    if isinstance(data, Mapping):
        return _mapping_schema(data)
    if isinstance(data, list) and data and all(isinstance(each, Mapping) for each in data):
        return _records_schema(data)
    return Schema([ColSpec(_common_type(data) if isinstance(data, list | tuple) else _python_type(data))])


def infer_param_schema(params: Mapping[str, Any]) -> ParamSchema:
    """The schema of the parameters of `predict`, the values given being the defaults."""
    return ParamSchema([_param(name, value) for name, value in params.items()])


def is_pandas(data: object, kind: str) -> bool:
    """Whether the value is a pandas object of this kind, without importing pandas to find out."""
    return type(data).__module__.partition(".")[0] == "pandas" and type(data).__name__ == kind


def _is_sparse(data: object) -> bool:
    return type(data).__module__.startswith("scipy.sparse")


def _tensor(data: Any, name: str | None) -> TensorSpec:
    if data.dtype.kind == "O":
        raise InvalidArgument("an array of Python objects has no tensor type; give a DataFrame, or an array of numbers")
    return TensorSpec(_unsized(data.dtype), (-1, *data.shape[1:]) if data.ndim else (), name)


def _unsized(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(dtype.kind) if dtype.kind in "US" else dtype


def _mapping_schema(data: Mapping[Any, Any]) -> Schema:
    if all(isinstance(each, np.ndarray) for each in data.values()):
        return Schema([_tensor(each, str(name)) for name, each in data.items()])
    return Schema([ColSpec(_python_type(each), str(name)) for name, each in data.items()])


def _records_schema(records: Sequence[Mapping[Any, Any]]) -> Schema:
    object_type = _common_type(records)
    assert isinstance(object_type, Object)
    return Schema([ColSpec(each.dtype, each.name, each.required) for each in object_type.properties])


def _frame_column(column: pd.Series[Any], name: Any) -> ColSpec:
    label = name if name is None or isinstance(name, str | int) else str(name)
    label = int(label) if isinstance(label, np.integer) else label
    missing = bool(column.isna().any())
    return ColSpec(_series_type(column), label, required=not missing)


def _series_type(column: pd.Series[Any]) -> ColumnType:
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return _numpy_type(dtype)
    if dtype.kind in "biufM":
        return _numpy_type(np.dtype(getattr(dtype, "numpy_dtype", "datetime64[ns]")))
    values = list(column.dropna())
    return _common_type(values) if values else DataType.string


def _numpy_type(dtype: np.dtype[Any]) -> DataType:
    match dtype.kind:
        case "b":
            return DataType.boolean
        case "i" | "u":
            return DataType.integer if np.can_cast(dtype, np.int32) else _long(dtype)
        case "f":
            return DataType.float if dtype.itemsize <= 4 else DataType.double
        case "M":
            return DataType.datetime
        case "U":
            return DataType.string
        case "S":
            return DataType.binary
    raise InvalidArgument(f"the type {dtype} cannot be described in a signature; convert the column first")


def _long(dtype: np.dtype[Any]) -> DataType:
    if not np.can_cast(dtype, np.int64):
        raise InvalidArgument(f"the type {dtype} does not fit any type of a signature; convert the column to int64")
    return DataType.long


_SCALARS: tuple[tuple[tuple[type, ...], DataType], ...] = (
    ((bool, np.bool_), DataType.boolean),
    ((int,), DataType.long),
    ((float, Decimal), DataType.double),
    ((str,), DataType.string),
    ((bytes, bytearray), DataType.binary),
    ((datetime.date, np.datetime64), DataType.datetime),
)


def _python_type(value: Any) -> ColumnType:
    # numpy's float64 is a Python float and its str_ a str: the exact types go first.
    if isinstance(value, np.generic) and not isinstance(value, np.bool_ | np.datetime64):
        return _numpy_type(_unsized(value.dtype))
    for kinds, dtype in _SCALARS:
        if isinstance(value, kinds):
            return dtype
    if isinstance(value, Mapping):
        return Object(tuple(Property(str(name), _python_type(each)) for name, each in value.items()))
    if isinstance(value, list | tuple):
        return Array(_common_type(value))
    if isinstance(value, np.ndarray):
        return _nested(value.dtype, value.ndim)
    raise InvalidArgument(f"a value of type {type(value).__name__} cannot be described in a signature")


def _nested(dtype: np.dtype[Any], depth: int) -> ColumnType:
    inner: ColumnType = AnyType() if dtype.kind == "O" else _numpy_type(dtype)
    for _ in range(depth):
        inner = Array(inner)
    return inner


def _common_type(values: Iterable[Any]) -> ColumnType:
    types = list(dict.fromkeys(_python_type(each) for each in values if each is not None))
    if not types:
        return AnyType()
    if len(types) == 1:
        return types[0]
    objects = [each for each in types if isinstance(each, Object)]
    return _merged(objects) if len(objects) == len(types) else _widened(types)


def _widened(types: Sequence[ColumnType]) -> ColumnType:
    numbers = (DataType.integer, DataType.long, DataType.float, DataType.double)
    if all(each in numbers for each in types):
        return DataType.long if set(types) <= {DataType.integer, DataType.long} else DataType.double
    if all(isinstance(each, Array) for each in types):
        inner = list(dict.fromkeys(each.dtype for each in types if isinstance(each, Array)))
        known = [each for each in inner if not isinstance(each, AnyType)]
        return Array(known[0] if len(known) == 1 else _widened(known))
    raise InvalidArgument(f"values of mixed types ({', '.join(map(str, types))}) have no common type in a signature")


def _merged(objects: Sequence[Object]) -> Object:
    members: dict[str, list[Property]] = {}
    for each in objects:
        for member in each.properties:
            members.setdefault(member.name, []).append(member)
    return Object(tuple(_merged_member(name, found, len(objects)) for name, found in members.items()))


def _merged_member(name: str, found: Sequence[Property], objects: int) -> Property:
    types = list(dict.fromkeys(each.dtype for each in found))
    dtype = types[0] if len(types) == 1 else _widened(types)
    return Property(name, dtype, required=len(found) == objects and all(each.required for each in found))


def _param(name: str, value: Any) -> ParamSpec:
    if isinstance(value, list | tuple | np.ndarray):
        dtype = _common_type(value)
        default: Any = [_plain(each) for each in value]
        shape: tuple[int, ...] | None = (-1,)
    else:
        dtype, default, shape = _python_type(value), _plain(value), None
    if not isinstance(dtype, DataType):
        raise InvalidArgument(f"the parameter {name!r} must be a scalar or a flat list of scalars")
    return ParamSpec(name, dtype, default, shape)


def _plain(value: Any) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    return plain.isoformat() if isinstance(plain, datetime.date) else plain
