"""Signatures inferred from data, by MLflow's rules."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from trackway.errors import InvalidArgument
from trackway.models import infer_signature


def inputs_of(data: object) -> str:
    return str(infer_signature(data).inputs)


def test_a_frame() -> None:
    frame = pd.DataFrame(
        {
            "small": np.array([1, 2], dtype=np.int8),
            "int": np.array([1, 2], dtype=np.int32),
            "long": [1, 2],
            "float": np.array([1, 2], dtype=np.float32),
            "double": [1.0, None],
            "flag": [True, False],
            "text": ["a", "b"],
            "bytes": [b"a", b"b"],
            "time": pd.to_datetime(["2026-01-01", "2026-01-02"]),
            "list": [[1.0], [2.0, 3.0]],
            "nullable": pd.array([1, None], dtype="Int64"),
        }
    )
    assert inputs_of(frame) == (
        "['small': integer (required), 'int': integer (required), 'long': long (required), 'float': float (required), "
        "'double': double (optional), 'flag': boolean (required), 'text': string (required), "
        "'bytes': binary (required), "
        "'time': datetime (required), 'list': Array(double) (required), 'nullable': long (optional)]"
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (np.zeros((3, 64)), "[Tensor(float64, (-1, 64))]"),
        (np.array(["a", "bcd"]), "[Tensor(str, (-1,))]"),
        (
            {"x": np.zeros(3), "y": np.zeros((3, 2), dtype=np.int32)},
            "['x': Tensor(float64, (-1,)), 'y': Tensor(int32, (-1, 2))]",
        ),
        (pd.Series(["a"], name="text"), "['text': string (required)]"),
        (pd.Series([1.0]), "[double (required)]"),
        (["a", "b"], "[string (required)]"),
        ([1, 2.5], "[double (required)]"),
        ("text", "[string (required)]"),
        (
            {"a": 1, "b": "x", "c": [1.5]},
            "['a': long (required), 'b': string (required), 'c': Array(double) (required)]",
        ),
        ([{"a": 1}, {"a": 2, "b": True}], "['a': long (required), 'b': boolean (optional)]"),
        ([datetime.datetime(2026, 1, 1)], "[datetime (required)]"),
        (np.float32(1), "[float (required)]"),
    ],
    ids=str,
)
def test_other_data(data: object, expected: str) -> None:
    assert inputs_of(data) == expected


def test_a_sparse_matrix() -> None:
    assert inputs_of(scipy.sparse.csr_matrix(np.eye(3))) == "[Tensor(float64, (-1, 3))]"


def test_outputs_and_params() -> None:
    signature = infer_signature(np.zeros((2, 2)), np.zeros(2), {"t": 0.5, "n": [1, 2], "s": "x"})
    assert str(signature.outputs) == "[Tensor(float64, (-1,))]"
    assert (
        str(signature.params) == "['t': double (default: 0.5), 'n': long (default: [1, 2]), 's': string (default: x)]"
    )


@pytest.mark.parametrize("data", [np.array([object()]), object(), [1, "a"], pd.DataFrame({"a": [1 + 2j]})])
def test_what_has_no_type_is_refused(data: object) -> None:
    with pytest.raises(InvalidArgument):
        infer_signature(data)
