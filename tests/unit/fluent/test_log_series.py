"""`log_series`: arrays of every kind as they are, steps in any order, and clear words for what is none."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import trackway
from support.recorded import only_recorded
from trackway._ingest.coercion import double_bytes, integer_bytes, microseconds

LOWEST, HIGHEST = -(2**63), 2**63 - 1


def logged(spools: Path, steps: Any, values: Any, times: Any = None) -> list[tuple[int, float]]:
    """The (step, value) pairs that one call recorded."""
    with trackway.start_run() as run:
        run.log_series("loss", steps, values, times)
    return [(step, value) for _, _, step, value in only_recorded(spools, run.info.run_id).points]


@pytest.mark.parametrize(
    "values",
    [
        [1.5, 2, True],
        (1.5, 2.0, 1.0),
        range(3),
        np.array([0.1, 0.2, 0.3], np.float32),
        np.array([1, 2, 3], np.uint8),
        np.array([True, False, True]),
        np.arange(6.0)[::2],
        np.array([1, 2, 3], ">i4"),
        np.array([1.5, 2.5, 3.5], np.float16),
        np.array([Fraction(1, 2), 1, 2.5], dtype=object),
        [np.float32(0.1), np.int64(2), np.bool_(True)],
    ],
    ids=repr,
)
def test_all_kinds_of_numbers_are_kept(spools: Path, values: Any) -> None:
    assert logged(spools, None, values) == list(enumerate(float(value) for value in values))


@settings(max_examples=30, deadline=None)
@given(
    arrays.arrays(
        st.sampled_from(["<f8", "<f4", "<i4", "<u2", "?"]), st.integers(0, 50), elements={"allow_subnormal": False}
    )
)
def test_an_array_becomes_the_same_doubles_as_its_numbers_one_by_one(values: Any) -> None:
    one_by_one = np.array([float(value) for value in values], "<f8")
    assert bytes(double_bytes("loss", values)) == one_by_one.tobytes()


def test_steps_come_in_any_order_repeated_and_negative(spools: Path) -> None:
    steps = [5, 5, -3, HIGHEST, LOWEST, 0]
    assert logged(spools, np.array(steps), np.arange(6)) == list(zip(steps, range(6), strict=True))
    assert logged(spools, steps, range(6)) == list(zip(steps, range(6), strict=True))
    assert logged(spools, np.array([1, 2], np.uint64), [0.0, 1.0]) == [(1, 0.0), (2, 1.0)]


def test_nothing_to_log_is_no_point(spools: Path) -> None:
    assert logged(spools, None, []) == logged(spools, [], np.empty(0)) == []


def test_times_are_milliseconds_or_dates() -> None:
    expected = [1_700_000_000_123_000, 1_700_000_000_124_500]
    milliseconds = [1_700_000_000_123, 1_700_000_000_124.5]
    assert microseconds(milliseconds) == expected
    assert microseconds(np.array(milliseconds)).tolist() == expected
    assert microseconds(np.array(milliseconds[:1], np.int64)).tolist() == expected[:1]
    dates = np.array(["2023-11-14T22:13:20.123", "2023-11-14T22:13:20.1245"], "datetime64[ns]")
    assert microseconds(dates).tolist() == expected


@pytest.mark.parametrize(
    ("steps", "values", "times", "kind", "words"),
    [
        (None, np.zeros((2, 3)), None, ValueError, r"one dimension, not the shape \(2, 3\)"),
        (None, np.float64(1), None, ValueError, "one dimension"),
        (None, np.array([1j]), None, TypeError, "real numbers, not complex128"),
        (None, np.array(["1"]), None, TypeError, "real numbers, not <U1"),
        (None, np.array(["2026-11-23"], "datetime64[D]"), None, TypeError, "real numbers, not datetime64"),
        (None, ["x"], None, TypeError, "the values of metric 'loss' must be real numbers"),
        (None, b"12345678", None, TypeError, "not a bytes"),
        (None, {1.0: 2.0}, None, TypeError, "not a dict"),
        (None, 3.5, None, TypeError, "real numbers"),
        ([0.5], [1.0], None, TypeError, "steps must be integers of 64 bits"),
        ([2**63], [1.0], None, TypeError, "steps must be integers of 64 bits"),
        (np.array([1.0]), [1.0], None, TypeError, r"integers, not float64; convert them first: \.astype\('int64'\)"),
        (np.array([2**63], np.uint64), [1.0], None, ValueError, "9223372036854775808 has more"),
        ([1, 2], [1.0], None, ValueError, "steps has 2 entries, but there are 1 values"),
        (None, [1.0], [1, 2], ValueError, "times has 2 entries, but there are 1 values"),
        (None, [1.0], np.array([np.nan]), ValueError, "some are not finite"),
        (None, [1.0], ["now"], TypeError, "times must be numbers"),
        (None, [1.0], np.array([True]), TypeError, "not bool"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_logged(
    spools: Path, steps: Any, values: Any, times: Any, kind: type[Exception], words: str
) -> None:
    with trackway.start_run() as run, pytest.raises(kind, match=words):
        run.log_series("loss", steps, values, times)
    assert only_recorded(spools, run.info.run_id).points == []


def test_tensors_are_arrays(spools: Path) -> None:
    torch = pytest.importorskip("torch")
    values = torch.tensor([0.5, 0.25], requires_grad=True)
    assert logged(spools, torch.tensor([3, 1]), values) == [(3, 0.5), (1, 0.25)]
    assert logged(spools, None, values.detach().to(torch.bfloat16)) == [(0, 0.5), (1, 0.25)]
    with pytest.raises(TypeError, match=r"on the device meta; copy them first: \.cpu\(\)"):
        double_bytes("loss", torch.empty(2, device="meta"))
    with pytest.raises(TypeError, match="integers, not float32"):
        integer_bytes("steps", values, 2)
    with trackway.start_run() as run:
        run.log_metrics({"a": torch.tensor(1.5, requires_grad=True), "b": torch.tensor(2), "c": np.float32(3)}, 1)
        run.log_metric("d", torch.tensor(4.0, dtype=torch.bfloat16), torch.tensor(2))
    found = [(key, step, value) for key, _, step, value in only_recorded(spools, run.info.run_id).points]
    assert found == [("a", 1, 1.5), ("b", 1, 2.0), ("c", 1, 3.0), ("d", 2, 4.0)]
