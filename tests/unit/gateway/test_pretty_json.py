"""JSON of the MLflow routes is printed as `json.dumps` prints it."""

from __future__ import annotations

import json
from enum import IntEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_server.gateway.mlflow.pretty import pretty_json

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
