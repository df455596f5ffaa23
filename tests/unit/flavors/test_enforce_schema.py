"""Input is checked against the signature and converted where that loses nothing, by MLflow's rules."""

from __future__ import annotations

import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from trackway.errors import InvalidArgument
from trackway.flavors.enforce import enforce_params, enforce_schema
from trackway.flavors.infer import infer_param_schema, infer_schema
from trackway.flavors.schema import ColSpec, Schema, TensorSpec
from trackway.flavors.types import DataType


def columns(**types: DataType) -> Schema:
    return Schema([ColSpec(dtype, name) for name, dtype in types.items()])


TWO = columns(a=DataType.double, b=DataType.long)


def test_columns_come_in_the_order_of_the_schema() -> None:
    checked = enforce_schema(pd.DataFrame({"b": [1], "a": [1.5]}), TWO)
    assert list(checked.columns) == ["a", "b"]


def test_a_missing_column_is_an_error_unless_it_is_optional() -> None:
    with pytest.raises(InvalidArgument, match=r"lacks the columns \['b'\]"):
        enforce_schema(pd.DataFrame({"a": [1.5]}), TWO)
    optional = Schema([ColSpec(DataType.double, "a"), ColSpec(DataType.long, "b", required=False)])
    assert list(enforce_schema(pd.DataFrame({"a": [1.5]}), optional).columns) == ["a"]


def test_extra_columns_are_dropped_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"\['c'\]"):
        checked = enforce_schema(pd.DataFrame({"a": [1.5], "b": [1], "c": [2]}), TWO)
    assert list(checked.columns) == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "to", "dtype"),
    [
        (np.array([1], dtype=np.int32), DataType.long, "int64"),
        (np.array([1], dtype=np.uint8), DataType.integer, "int32"),
        (np.array([1], dtype=np.uint32), DataType.long, "int64"),
        (np.array([1.5], dtype=np.float32), DataType.double, "float64"),
        (np.array([1], dtype=np.int32), DataType.double, "float64"),
        (np.array([1], dtype=np.uint32), DataType.double, "float64"),
        (np.array([0, 1], dtype=np.int64), DataType.double, "float64"),
        ([Decimal("1.5")], DataType.double, "float64"),
        (["2026-01-01"], DataType.datetime, "datetime64"),
        (pd.to_datetime(["2026-01-01"]).as_unit("s"), DataType.datetime, "datetime64"),
        (pd.array([1, None], dtype="Int64"), DataType.long, "Int64"),
        ([True, False], DataType.boolean, "bool"),
        ([b"x"], DataType.binary, "object"),
    ],
    ids=str,
)
def test_safe_conversions(values: Any, to: DataType, dtype: str) -> None:
    checked = enforce_schema(pd.DataFrame({"x": values}), columns(x=to))
    assert str(checked["x"].dtype).startswith(dtype)


@pytest.mark.parametrize(
    ("values", "to"),
    [
        ([1.5], DataType.long),
        ([7], DataType.double),
        (np.array([1], dtype=np.int64), DataType.integer),
        (np.array([1.5]), DataType.float),
        ([True], DataType.long),
        ([1], DataType.boolean),
        ([1], DataType.string),
        (["x"], DataType.double),
        (["no time"], DataType.datetime),
        (pd.to_datetime(["2026-01-01"], utc=True), DataType.datetime),
        (np.array([1], dtype=np.uint64), DataType.long),
        (np.array([1], dtype=np.int32), DataType.float),
    ],
    ids=str,
)
def test_conversions_that_could_lose_something_are_refused(values: Any, to: DataType) -> None:
    with pytest.raises(InvalidArgument, match="'x' holds"):
        enforce_schema(pd.DataFrame({"x": values}), columns(x=to))


def test_missing_values_in_an_integer_column_get_a_hint() -> None:
    with pytest.raises(InvalidArgument, match="missing values"):
        enforce_schema(pd.DataFrame({"x": [1.0, None]}), columns(x=DataType.long))


def test_a_schema_without_names_counts_columns() -> None:
    schema = Schema([ColSpec(DataType.double), ColSpec(DataType.double)])
    assert enforce_schema(pd.DataFrame([[1.5, 2.5]]), schema).shape == (1, 2)
    with pytest.raises(InvalidArgument, match="has 1 columns"):
        enforce_schema(pd.DataFrame([[1.5]]), schema)
    with pytest.warns(UserWarning, match="after the first 2"):
        assert enforce_schema(pd.DataFrame([[1.5, 2.5, 3.5]]), schema).shape == (1, 2)


def test_arrays_dicts_and_records_become_frames() -> None:
    for data in (np.array([[1.5, 2.5]]), {"a": 1.5, "b": 2.5}, {"a": [1.5], "b": [2.5]}, [{"a": 1.5, "b": 2.5}]):
        checked = enforce_schema(data, columns(a=DataType.double, b=DataType.double))
        assert checked.to_dict("list") == {"a": [1.5], "b": [2.5]}


def test_one_column_keeps_its_container() -> None:
    texts = infer_schema(["a", "b"])
    assert enforce_schema(["c"], texts) == ["c"]
    assert isinstance(enforce_schema(pd.Series(["c"]), texts), pd.Series)
    assert isinstance(enforce_schema(np.array([1.5]), infer_schema([1.0])), np.ndarray)
    with pytest.raises(InvalidArgument):
        enforce_schema([1], texts)


def test_tensors_check_shape_and_type() -> None:
    schema = infer_schema(np.zeros((3, 2)))
    assert enforce_schema(np.ones((5, 2), dtype=np.float32), schema).dtype == np.float64
    assert enforce_schema(pd.DataFrame(np.ones((5, 2))), schema).shape == (5, 2)
    assert enforce_schema(scipy.sparse.csr_matrix(np.ones((5, 2))), schema).shape == (5, 2)
    with pytest.raises(InvalidArgument, match=r"shape \(5, 3\)"):
        enforce_schema(np.ones((5, 3)), schema)
    with pytest.raises(InvalidArgument, match="int64"):
        enforce_schema(np.ones((5, 2), dtype=np.int64), schema)


def test_named_tensors() -> None:
    schema = Schema([TensorSpec(np.dtype(np.float64), (-1,), "x"), TensorSpec(np.dtype(np.int64), (-1, 2), "y")])
    data = {"x": np.zeros(2), "y": np.zeros((2, 2), dtype=np.int64)}
    assert list(enforce_schema(data, schema)) == ["x", "y"]
    with pytest.raises(InvalidArgument, match=r"lacks the arrays \['y'\]"):
        enforce_schema({"x": np.zeros(2)}, schema)
    with pytest.warns(UserWarning, match=r"\['z'\]"):
        enforce_schema({**data, "z": np.zeros(1)}, schema)
    with pytest.raises(InvalidArgument, match="dict of arrays"):
        enforce_schema(np.zeros(2), schema)


def test_params_have_defaults_and_types() -> None:
    schema = infer_param_schema({"t": 0.5, "n": [1, 2], "s": "x", "flag": True})
    assert enforce_params(None, schema) == {"t": 0.5, "n": [1, 2], "s": "x", "flag": True}
    assert enforce_params({"t": 1, "n": np.array([3])}, schema) == {"t": 1.0, "n": [3], "s": "x", "flag": True}
    with pytest.warns(UserWarning, match=r"\['other'\]"):
        assert "other" not in enforce_params({"other": 1}, schema)
    for wrong in ({"t": "hot"}, {"n": 3}, {"n": [[1]]}, {"s": 1}, {"flag": 1}, {"t": True}):
        with pytest.raises(InvalidArgument, match="the parameter"):
            enforce_params(wrong, schema)


def test_nothing_warns_where_all_is_well() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        enforce_schema(pd.DataFrame({"a": [1.5], "b": [1]}), TWO)
        enforce_params({}, None)
