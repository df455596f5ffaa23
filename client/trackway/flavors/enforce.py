"""Input of `predict` checked and converted to a model's signature, by MLflow's rules.

A missing required column is an error; columns that the signature does not name are dropped with a warning; a type is
accepted as it is or where the conversion loses nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from trackway.errors import InvalidArgument
from trackway.flavors.infer import is_pandas
from trackway.flavors.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from trackway.flavors.types import DataType

if TYPE_CHECKING:
    import pandas as pd

_INTEGERS = (DataType.integer, DataType.long)
_NUMPY = {
    DataType.boolean: np.dtype(bool),
    DataType.integer: np.dtype(np.int32),
    DataType.long: np.dtype(np.int64),
    DataType.float: np.dtype(np.float32),
    DataType.double: np.dtype(np.float64),
}


def enforce_schema(data: Any, schema: Schema) -> Any:
    """The data in the form of the schema: arrays for a tensor schema, a DataFrame for columns.

    Raises `InvalidArgument` naming what does not fit.
    """
    if schema.is_tensor_spec():
        return _enforce_tensors(data, schema)
    if len(schema.inputs) == 1 and _is_flat(data, schema):
        return _enforce_flat(data, schema.inputs[0])
    return _enforce_columns(_as_frame(data, schema), schema)


def enforce_params(params: Mapping[str, Any] | None, schema: ParamSchema | None) -> dict[str, Any]:
    """The parameters with defaults filled in; unknown names are left out with a warning.

    Raises `InvalidArgument` where a value cannot be converted.
    """
    given = dict(params or {})
    specs = {each.name: each for each in schema or ()}
    if unknown := sorted(set(given) - set(specs)):
        _warn(f"parameters {unknown} are not in the model's signature and are ignored")
    return {name: _param(spec, given[name]) if name in given else spec.default for name, spec in specs.items()}


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=5)


def _is_flat(data: Any, schema: Schema) -> bool:
    """Whether one column was given as it is, without a table around it."""
    if is_pandas(data, "Series"):
        return True
    if schema.has_input_names():
        return False
    if isinstance(data, np.ndarray):
        return data.ndim == 1
    return isinstance(data, list | tuple) and not any(isinstance(each, list | tuple | Mapping) for each in data)


def _enforce_flat(data: Any, spec: ColSpec | TensorSpec) -> Any:
    """The column checked, in the container it came in: a text vectoriser takes a list, not a table."""
    import pandas as pd

    assert isinstance(spec, ColSpec)
    checked = _column(data if is_pandas(data, "Series") else pd.Series(data), spec)
    if is_pandas(data, "Series"):
        return checked
    return checked.to_numpy() if isinstance(data, np.ndarray) else checked.tolist()


def _as_frame(data: Any, schema: Schema) -> pd.DataFrame:
    import pandas as pd

    if is_pandas(data, "DataFrame"):
        return data
    if is_pandas(data, "Series"):
        return data.to_frame()
    if isinstance(data, Mapping):
        scalars = any(np.ndim(each) == 0 for each in data.values())
        return pd.DataFrame([dict(data)] if scalars else dict(data))
    if type(data).__module__.startswith("scipy.sparse"):
        data = data.toarray()
    if isinstance(data, list | tuple) and data and all(isinstance(each, Mapping) for each in data):
        return pd.DataFrame(list(data))
    values = np.atleast_1d(np.asarray(data)) if isinstance(data, np.ndarray) else data
    return _unnamed_frame(pd.DataFrame(values if np.ndim(values) else [values]), schema)


def _unnamed_frame(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    if schema.has_input_names() and frame.shape[1] == len(schema.inputs):
        frame.columns = schema.input_names()
    return frame


def _enforce_columns(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    import pandas as pd

    if not schema.has_input_names():
        return _enforce_positions(frame, schema)
    present = set(frame.columns)
    if missing := [name for name in schema.required_input_names() if name not in present]:
        raise InvalidArgument(
            f"the model's input lacks the columns {missing}; it needs {schema.required_input_names()}"
        )
    if extra := [name for name in frame.columns if name not in set(schema.input_names())]:
        _warn(f"columns {extra} are not in the model's signature and are dropped")
    specs = {spec.name: spec for spec in schema.inputs if isinstance(spec, ColSpec) and spec.name in present}
    return pd.DataFrame({name: _column(frame[name], spec) for name, spec in specs.items()}, index=frame.index)


def _enforce_positions(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    import pandas as pd

    if frame.shape[1] < len(schema.inputs):
        raise InvalidArgument(f"the model's input has {frame.shape[1]} columns; the signature has {len(schema.inputs)}")
    if frame.shape[1] > len(schema.inputs):
        _warn(f"the columns after the first {len(schema.inputs)} are not in the model's signature and are dropped")
    columns = list(frame.columns[: len(schema.inputs)])
    specs = [each for each in schema.inputs if isinstance(each, ColSpec)]
    checked = {name: _column(frame[name], spec) for name, spec in zip(columns, specs, strict=True)}
    return pd.DataFrame(checked, index=frame.index)


def _column(values: pd.Series[Any], spec: ColSpec) -> pd.Series[Any]:
    if not isinstance(spec.type, DataType):
        return values
    if not spec.required and values.isna().all():
        return values
    converted = _converted(values, spec.type)
    if converted is None:
        raise InvalidArgument(_mismatch(values, spec))
    return converted


def _mismatch(values: pd.Series[Any], spec: ColSpec) -> str:
    label = "the column" if spec.name is None else f"the column {spec.name!r}"
    text = f"{label} holds {values.dtype}, which does not convert safely to {spec.type}"
    if spec.type in _INTEGERS and values.dtype.kind == "f" and values.isna().any():
        return f"{text}: an integer column cannot hold missing values; fill them, or log the model with a double column"
    return f"{text}; convert it, or log the model with another signature"


def _converted(values: pd.Series[Any], to: DataType) -> pd.Series[Any] | None:
    """The values as this type, or None where that could lose something."""
    match to:
        case DataType.string:
            return values if _is_text(values) else None
        case DataType.binary:
            return values if values.dtype.kind in "OS" else None
        case DataType.datetime:
            return _as_datetime(values)
    if values.dtype.kind == "O":
        return _from_objects(values, to)
    return _as_number(values, to)


def _is_text(values: pd.Series[Any]) -> bool:
    return values.dtype.kind in "OU" or str(values.dtype) in ("string", "str")


def _as_datetime(values: pd.Series[Any]) -> pd.Series[Any] | None:
    import pandas as pd

    if values.dtype.kind == "M" and getattr(values.dtype, "tz", None) is None:
        return values
    if not _is_text(values):
        return None
    try:
        return pd.to_datetime(values)
    except (ValueError, TypeError):
        return None


def _from_objects(values: pd.Series[Any], to: DataType) -> pd.Series[Any] | None:
    present = values.dropna()
    if to is DataType.boolean and all(isinstance(each, bool | np.bool_) for each in present):
        return values
    if to is DataType.double and all(isinstance(each, Decimal) for each in present):
        return values.astype(np.float64)
    return None


def _as_number(values: pd.Series[Any], to: DataType) -> pd.Series[Any] | None:
    source = np.dtype(getattr(values.dtype, "numpy_dtype", values.dtype))
    target = _NUMPY[to]
    if source == target:
        return values
    if not _is_safe(source, target) and not _is_binary_target(values, source, target):
        return None
    return values.astype(target)


def _is_safe(source: np.dtype[Any], target: np.dtype[Any]) -> bool:
    """Whether each value of `source` is one of `target`, as MLflow sees it: within a kind, or (u)int32 to double."""
    kinds = source.kind + target.kind
    if kinds == "iu":
        return False
    if kinds in ("ii", "uu", "ff", "ui"):
        return bool(np.can_cast(source, target)) and target.itemsize > source.itemsize
    return kinds in ("if", "uf") and target.itemsize == 8 and source.itemsize <= 4


def _is_binary_target(values: pd.Series[Any], source: np.dtype[Any], target: np.dtype[Any]) -> bool:
    if source != np.dtype(np.int64) or target.kind != "f":
        return False
    return bool(values.dropna().isin((0, 1)).all())


def _enforce_tensors(data: Any, schema: Schema) -> Any:
    specs = [each for each in schema.inputs if isinstance(each, TensorSpec)]
    if not schema.has_input_names():
        return _tensor(data, specs[0])
    if not isinstance(data, Mapping) and not is_pandas(data, "DataFrame"):
        raise InvalidArgument(f"the model takes named arrays {schema.input_names()}; give a dict of arrays")
    if missing := [name for name in schema.required_input_names() if name not in data]:
        raise InvalidArgument(f"the model's input lacks the arrays {missing}")
    if extra := [name for name in data if name not in set(schema.input_names())]:
        _warn(f"arrays {extra} are not in the model's signature and are dropped")
    return {each.name: _tensor(_stacked(data[each.name]), each) for each in specs}


def _stacked(values: Any) -> Any:
    if is_pandas(values, "Series") and values.dtype.kind == "O":
        return np.stack([np.asarray(each) for each in values])
    return values


def _tensor(data: Any, spec: TensorSpec) -> Any:
    sparse = type(data).__module__.startswith("scipy.sparse")
    array = data if sparse else np.asarray(data)
    _check_shape(tuple(array.shape), spec)
    return array if array.dtype.kind == spec.type.kind == "U" else _as_dtype(array, spec)


def _check_shape(shape: tuple[int, ...], spec: TensorSpec) -> None:
    fits = len(shape) == len(spec.shape) and all(
        want in (-1, length) for want, length in zip(spec.shape, shape, strict=True)
    )
    if not fits:
        raise InvalidArgument(f"the model's input has the shape {shape}; the signature has {spec.shape}")


def _as_dtype(array: Any, spec: TensorSpec) -> Any:
    if array.dtype == spec.type:
        return array
    if not _is_safe(array.dtype, spec.type):
        raise InvalidArgument(
            f"the model's input holds {array.dtype}; the signature has {spec.type}; convert the array"
        )
    return array.astype(spec.type)


def _param(spec: ParamSpec, value: Any) -> Any:
    if spec.shape is None:
        return _param_value(spec, value)
    if not isinstance(value, list | tuple | np.ndarray) or np.ndim(np.asarray(value, dtype=object)) != 1:
        raise InvalidArgument(f"the parameter {spec.name!r} must be a flat list")
    return [_param_value(spec, each) for each in value]


_ACCEPTED: dict[DataType, tuple[type, ...]] = {
    DataType.boolean: (bool,),
    DataType.integer: (int,),
    DataType.long: (int,),
    DataType.float: (int, float),
    DataType.double: (int, float),
    DataType.string: (str,),
    DataType.binary: (bytes,),
}


def _param_value(spec: ParamSpec, value: Any) -> Any:
    plain: Any = value.item() if isinstance(value, np.generic) else value
    if spec.dtype is DataType.datetime:
        return _param_time(spec, plain)
    misplaced_bool = isinstance(plain, bool) and spec.dtype is not DataType.boolean
    if misplaced_bool or not isinstance(plain, _ACCEPTED[spec.dtype]):
        kind = type(plain).__name__
        raise InvalidArgument(f"the parameter {spec.name!r} is {plain!r} ({kind}); it must be of type {spec.dtype}")
    return float(cast(float, plain)) if spec.dtype in (DataType.float, DataType.double) else plain


def _param_time(spec: ParamSpec, value: Any) -> Any:
    try:
        return np.datetime64(value)
    except (ValueError, TypeError):
        raise InvalidArgument(f"the parameter {spec.name!r} is {value!r}; it must be a time (ISO 8601)") from None
