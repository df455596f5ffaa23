"""Which points are new, and in which order they come."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.importing.job import with_paths
from trackway.importing.plan import points
from trackway.importing.run import _beyond, _rows
from trackway.importing.source import CHUNK_ROWS, SourceLoggedModel, in_order

POINTS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(-1, 1),
        st.sampled_from([0.0, -0.0, 1.5, float("nan"), float("inf"), -float("inf")]),
    ),
    max_size=12,
)


def columns(given_points: list[tuple[int, int, float]]):
    return (
        np.array([each[0] for each in given_points], np.int64),
        np.array([each[1] for each in given_points], np.int64),
        np.array([each[2] for each in given_points], np.float64),
    )


@given(POINTS.filter(bool), POINTS)
@settings(max_examples=60, deadline=None)
def test_what_is_beyond_is_the_difference_of_the_multisets(source, held) -> None:
    rows, there = _rows(*columns(source)), _rows(*columns(held))
    new = Counter(map(tuple, rows[_beyond(rows, there)].tolist()))
    assert new == Counter(map(tuple, rows.tolist())) - Counter(map(tuple, there.tolist()))


@given(POINTS, st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_order_does_not_depend_on_where_points_come_from(given_points, random) -> None:
    shuffled = list(given_points)
    random.shuffle(shuffled)

    def ordered(some):
        return [
            (*map(int, row[:2]), str(row[2]))
            for each in in_order("k", *columns(some))
            for row in zip(each.times, each.steps, each.values, strict=True)
        ]

    def without_sign(rows):
        return [(*row[:2], row[2].replace("-0.0", "0.0")) for row in rows]

    assert without_sign(ordered(given_points)) == without_sign(ordered(shuffled))


def test_chunks_are_full_and_a_series_is_defined_once() -> None:
    count = CHUNK_ROWS + 3
    chunks = list(in_order("a", np.arange(count), np.arange(count), np.zeros(count)))
    assert [len(each.values) for each in chunks] == [CHUNK_ROWS, 3]
    records = list(points([*chunks, *in_order("b", *columns([(0, 0, 1.0)]))]))
    assert [(each.what, each.columns is None, each.series) for each in records] == [
        ("metric 'a'", True, 0),
        ("metric 'a'", False, 0),
        ("metric 'a'", False, 0),
        ("metric 'b'", True, 0),
        ("metric 'b'", False, 1),
    ]
    assert len({each.checksum for each in records}) == len(records)


def test_the_oldest_logged_model_of_a_name_has_it() -> None:
    found = [SourceLoggedModel(f"m-{n}", "net", "run", "", created_us=9 - n) for n in range(3)]
    assert {model.model_id: path for model, path in with_paths(found)} == {
        "m-2": "net",
        "m-1": "net-m-1",
        "m-0": "net-m-0",
    }
