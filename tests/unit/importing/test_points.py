"""Which points are new, and in which order they come."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.importing.measured import apart, beyond, context_of, model_id_here, rows
from trackway.importing.plan import points
from trackway.importing.source import CHUNK_ROWS, MetricColumns, in_order

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
    points, there = rows(*columns(source)), rows(*columns(held))
    new = Counter(map(tuple, points[beyond(points, there)].tolist()))
    assert new == Counter(map(tuple, points.tolist())) - Counter(map(tuple, there.tolist()))


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


NAN = float("nan")


def chunk(given_points: list[tuple[int, int, float]], key: str = "k", **context: str) -> MetricColumns:
    return MetricColumns(key, *columns(given_points), context)


def told(chunks) -> dict[tuple[str, str], list[tuple[int, int, str]]]:
    found: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
    for each in chunks:
        rows_of = zip(each.times.tolist(), each.steps.tolist(), map(repr, each.values.tolist()), strict=True)
        found.setdefault((each.key, str(sorted(each.context.items()))), []).extend(rows_of)
    return found


PLACES = st.tuples(st.integers(0, 3), st.integers(0, 2))


@given(st.dictionaries(PLACES, st.tuples(st.sampled_from([0.0, 1.5, NAN, float("inf")]), st.booleans()), min_size=1))
@settings(max_examples=40, deadline=None)
def test_points_of_models_are_told_apart_and_none_is_lost_or_twice(points_there) -> None:
    of_run = sorted((time, step, value, of_model) for (time, step), (value, of_model) in points_there.items())
    # MLflow's databases have 0 for NaN among the metrics of models
    stored = [(time, step, 0.0 if np.isnan(value) else value) for time, step, value, of_model in of_run if of_model]
    measured = [chunk(stored, model_id="m")] if stored else []
    found = told(apart([chunk([one[:3] for one in of_run]), chunk([(1, 1, 1.0)], key="other")], measured))
    wanted: dict[tuple[str, str], list[tuple[int, int, str]]] = {("other", "[]"): [(1, 1, "1.0")]}
    for time, step, value, of_model in of_run:
        context = "[('model_id', 'm')]" if of_model else "[]"
        wanted.setdefault(("k", context), []).append((time, step, repr(value)))
    assert found == wanted


def test_points_of_models_where_the_run_tells_of_data_sets_or_of_nothing() -> None:
    on_data = {"dataset_name": "d", "dataset_digest": "1"}
    model = {"model_id": "m", **on_data}
    of_run = [chunk([(1, 1, 1.0)]), chunk([(1, 1, 1.0), (2, 2, 2.0)], **on_data)]
    assert told(apart(of_run, [chunk([(1, 1, 1.0)], **model)])) == {
        ("k", "[]"): [(1, 1, "1.0")],
        ("k", str(sorted(on_data.items()))): [(2, 2, "2.0")],
        ("k", str(sorted(model.items()))): [(1, 1, "1.0")],
    }
    assert told(apart([], [chunk([(1, 1, 1.0)], **model)])) == {("k", str(sorted(model.items()))): [(1, 1, "1.0")]}


def test_ids_and_names_of_a_context() -> None:
    ours = f"m-{7:032x}"
    assert (model_id_here(ours), len(model_id_here("models/other"))) == (ours, len(ours))
    context = context_of("x", "d" * 500, "1")
    assert (context["model_id"], len(context["dataset_name"])) == (model_id_here("x"), 250)
