"""Schemas have MLflow's JSON form, there and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.errors import InvalidArgument
from trackway.flavors.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from trackway.flavors.signature import ModelSignature
from trackway.flavors.types import AnyType, Array, ColumnType, DataType, Map, Object, Property

MLFLOW_COLUMNS = (
    '[{"type": "double", "name": "a", "required": true}, {"type": "long", "name": "b", "required": false},'
    ' {"type": "array", "items": {"type": "string"}, "name": "c", "required": true},'
    ' {"type": "object", "properties": {"x": {"type": "long", "required": true}}, "name": "d", "required": true},'
    ' {"type": "map", "values": {"type": "double"}, "name": "e", "required": true},'
    ' {"type": "any", "name": "f", "required": true}]'
)
MLFLOW_TENSOR = '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 64]}}]'
MLFLOW_PARAMS = '[{"name": "n", "default": [1, 2], "shape": [-1], "type": "long"}]'


@pytest.mark.parametrize("text", [MLFLOW_COLUMNS, MLFLOW_TENSOR])
def test_mlflows_schemas_are_read_and_written_alike(text: str) -> None:
    assert json.loads(Schema.from_json(text).to_json()) == json.loads(text)


def test_mlflows_params_are_read_and_written_alike() -> None:
    assert json.loads(ParamSchema.from_json(MLFLOW_PARAMS).to_json()) == json.loads(MLFLOW_PARAMS)


scalars = st.sampled_from(list(DataType))
types: st.SearchStrategy[ColumnType] = st.recursive(
    scalars | st.just(AnyType()),
    lambda inner: st.one_of(
        inner.map(Array),
        inner.map(Map),
        st.dictionaries(st.text("ab", min_size=1), inner, min_size=1, max_size=3).map(
            lambda members: Object(tuple(Property(name, dtype) for name, dtype in sorted(members.items())))
        ),
    ),
    max_leaves=4,
)


@given(st.lists(types, min_size=1, max_size=4))
def test_any_schema_comes_back(columns: list[ColumnType]) -> None:
    schema = Schema([ColSpec(dtype, f"c{number}") for number, dtype in enumerate(columns)])
    assert Schema.from_json(schema.to_json()) == schema


@pytest.mark.parametrize("text", ["", "{}", "[1", '[{"type": "complex", "name": "a"}]', '"x"'])
def test_what_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        Schema.from_json(text)


def test_columns_may_be_written_by_name_of_their_type() -> None:
    assert ColSpec("double", "x") == ColSpec(DataType.double, "x")  # type: ignore[arg-type]


def test_mixed_schemas_are_refused() -> None:
    tensor = TensorSpec(np.dtype(np.float64), (-1,), "t")
    for inputs in ([ColSpec(DataType.long, "a"), ColSpec(DataType.long)], [ColSpec(DataType.long, "a"), tensor]):
        with pytest.raises(InvalidArgument):
            Schema(inputs)


def test_a_signature_has_strings_of_json() -> None:
    params = ParamSchema([ParamSpec("t", DataType.double, 0.5)])
    signature = ModelSignature(inputs=Schema([ColSpec(DataType.long)]), params=params)
    form = signature.to_dict()
    assert form["inputs"] == '[{"type": "long", "required": true}]'
    assert form["outputs"] is None
    assert ModelSignature.from_dict(form) == signature
    with pytest.raises(InvalidArgument, match="at least one"):
        ModelSignature()
