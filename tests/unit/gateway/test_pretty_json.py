"""JSON of the MLflow routes is printed as `json.dumps` prints it."""

from __future__ import annotations

import json
from enum import IntEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_server.gateway.mlflow.pretty import Table, pairs_table, pretty_json, printed_number

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


class Number(IntEnum):
    ONE = 1


@settings(max_examples=100, deadline=None)
@given(value=VALUES)
def test_any_value_is_printed_as_the_standard_library_does(value: object) -> None:
    assert pretty_json(value) == json.dumps(value, indent=2).encode()


@pytest.mark.parametrize("value", [{}, [], {"a": {}, "b": [], "c": [[]]}, (1, 2), Number.ONE, {"x": Number.ONE}])
def test_empty_ones_and_subclasses(value: object) -> None:
    assert pretty_json(value) == json.dumps(value, indent=2).encode()


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        pretty_json({"x": object()})


def test_a_table_is_a_list_of_objects() -> None:
    printed = {"runs": [{"tags": pairs_table({"b": "100 %s", "a": "ü"})}], "none": Table(("x",), [])}
    plain = {"runs": [{"tags": [{"key": "a", "value": "ü"}, {"key": "b", "value": "100 %s"}]}], "none": []}
    assert pretty_json(printed) == json.dumps(plain, indent=2).encode()
    numbers = [printed_number(value) for value in (1.0, -0.0, float("nan"), float("inf"), float("-inf"))]
    assert numbers == ["1.0", "-0.0", '"NaN"', '"Infinity"', '"-Infinity"']
