"""Buckets, aggregates and values at steps equal a simple reference, whatever the points and however they are cut."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from trackway_server.metrics.domain.aggregates import StepAggregate, group_context, of_buckets
from trackway_server.metrics.domain.buckets import BUCKET, Bucketing, bucketed, extremes_of, level_of
from trackway_server.metrics.domain.chunks import Axis
from trackway_server.metrics.domain.points import Column
from trackway_server.metrics.domain.selecting import FIRST_INT64, LAST_INT64, Bounds, taken
from trackway_server.metrics.domain.summaries import keys_of
from trackway_server.metrics.domain.values_at import ValuesAt

VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 1.0, 5e-324]), st.floats(-1e6, 1e6, allow_nan=False)
)
PLACES = st.one_of(st.integers(-20, 20), st.integers(FIRST_INT64, LAST_INT64))
POINTS = st.lists(st.tuples(PLACES, PLACES, VALUES), max_size=40)

Points = Sequence[tuple[int, int, float]]


def column(points: Points, first: int = 0) -> Column:
    """Points as (step, time, value), each a record of its own."""
    steps, times, values = ([point[n] for point in points] for n in range(3))
    return Column(
        np.arange(first, first + len(points), dtype=np.uint64),
        np.array(times, dtype=np.int64),
        np.array(steps, dtype=np.int64),
        np.array(values, dtype=np.float64),
    )


def cut(whole: Column, places: Sequence[int]) -> list[Column]:
    """The column in pieces."""
    edges = sorted({0, len(whole), *(min(place, len(whole)) for place in places)})
    return [taken(whole, slice(start, end)) for start, end in pairwise(edges)]


def reference(points: Points, most: int, axis: Axis) -> list[dict[str, object]]:
    """The buckets of some points, one by one."""
    if not points:
        return []
    own = 0 if axis is Axis.STEP else 1
    low, high = min(point[own] for point in points), max(point[own] for point in points)
    level = next(n for n in range(64) if (high >> n) - (low >> n) < most)
    groups: dict[int, list[tuple[int, int, int, float]]] = defaultdict(list)
    for sequence, (step, time, value) in enumerate(points):
        groups[(step, time)[own] >> level].append((step, time, sequence, value))
    found = []
    for place in sorted(groups):
        group = sorted(groups[place], key=lambda point: (point[own], point[1 - own], point[2]))
        keyed = [(int(keys_of(np.array([p[3]]))[0]), p[0]) for p in group if not math.isnan(p[3])]
        found.append(
            {
                "bucket": place,
                "count": len(group),
                "nan_count": len(group) - len(keyed),
                "first": group[0][:3],
                "last": group[-1][:3],
                "min": min(keyed) if keyed else None,
                "max": max(keyed, key=lambda pair: (pair[0], -pair[1])) if keyed else None,
            }
        )
    return found


def described(buckets: np.ndarray) -> list[dict[str, object]]:
    """Buckets in the words of `reference`."""
    return [
        {
            "bucket": int(row["bucket"]),
            "count": int(row["count"]),
            "nan_count": int(row["nan_count"]),
            "first": (int(row["first_step"]), int(row["first_time"]), int(row["first_sequence"])),
            "last": (int(row["last_step"]), int(row["last_time"]), int(row["last_sequence"])),
            "min": None if row["count"] == row["nan_count"] else (int(row["min_key"]), int(row["min_step"])),
            "max": None if row["count"] == row["nan_count"] else (int(row["max_key"]), int(row["max_step"])),
        }
        for row in buckets
    ]


@settings(max_examples=examples(200), deadline=None)
@given(
    points=POINTS,
    places=st.lists(st.integers(0, 40), max_size=5),
    most=st.integers(2, 12),
    axis=st.sampled_from(Axis),
    order=st.randoms(use_true_random=False),
)
def test_buckets_equal_the_reference(
    points: Points, places: Sequence[int], most: int, axis: Axis, order: object
) -> None:
    pieces = cut(column(points), places)
    order.shuffle(pieces)  # type: ignore[attr-defined]
    bucketing = Bucketing(axis, most)
    for piece in pieces:
        bucketing.add(piece)
    found = bucketing.result()
    assert len(found) <= most
    assert described(found) == reference(points, most, axis)
    if not any(math.isinf(point[2]) for point in points):
        total = math.fsum(point[2] for point in points if not math.isnan(point[2]))
        assert found["sum"].sum() == pytest.approx(total, rel=1e-9, abs=1e-3)


@settings(max_examples=examples(100), deadline=None)
@given(points=POINTS, places=st.lists(st.integers(0, 40), max_size=8), most=st.integers(2, 12))
def test_buckets_of_finer_buckets_count_every_point_once(points: Points, places: Sequence[int], most: int) -> None:
    bucketing = Bucketing(Axis.STEP, most)
    for number, piece in enumerate(cut(column(points), places)):
        if number % 2:
            bucketing.add(piece)
        elif len(piece):
            finer = bucketed(piece, 3)
            bucketing.add_groups(finer, finer["first_step"], finer["last_step"])
    found = bucketing.result()
    assert len(found) <= most
    assert found["count"].sum() == len(points)
    assert found["nan_count"].sum() == sum(math.isnan(point[2]) for point in points)
    low, high = extremes_of(found)
    finite = [point[2] for point in points if not math.isnan(point[2])]
    assert (np.nanmin(low) if finite else None) == (min(finite) if finite else None)
    assert (np.nanmax(high) if finite else None) == (max(finite) if finite else None)


@given(low=PLACES, high=PLACES, most=st.integers(2, 5000))
def test_the_level_is_the_smallest_that_fits(low: int, high: int, most: int) -> None:
    low, high = min(low, high), max(low, high)
    level = level_of(low, high, most)
    assert (high >> level) - (low >> level) < most
    assert not level or (high >> level - 1) - (low >> level - 1) >= most


@settings(deadline=None)
@given(at=st.integers(0, 99_999), spike=st.sampled_from([1e9, -1e9, math.inf, -math.inf]), most=st.integers(2, 3000))
def test_a_spike_of_one_sample_is_seen_at_every_zoom(at: int, spike: float, most: int) -> None:
    steps = np.arange(100_000, dtype=np.int64)
    values = np.sin(steps)
    values[at] = spike
    bucketing = Bucketing(Axis.STEP, most)
    bucketing.add(Column(steps.astype(np.uint64), steps, steps, values))
    low, high = extremes_of(bucketing.result())
    assert spike in (low.min(), high.max())


def test_no_points_are_no_buckets() -> None:
    assert Bucketing(Axis.STEP, 2).result().dtype == BUCKET
    assert len(Bucketing(Axis.TIME, 2).result()) == 0


def test_memory_stays_at_the_number_of_buckets() -> None:
    bucketing = Bucketing(Axis.STEP, 4)
    for part in range(300):
        steps = np.arange(part * 500, part * 500 + 500, dtype=np.int64) * 7919
        bucketing.add(Column(steps.view(np.uint64), steps, steps, steps.astype(np.float64)))
    assert sum(len(part) for part in bucketing._parts) < 100_000
    assert bucketing.result()["count"].sum() == 150_000


# -- aggregates -------------------------------------------------------------------------------------------------------


@settings(max_examples=examples(100), deadline=None)
@given(members=st.lists(st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 3), VALUES), max_size=12), max_size=4))
def test_aggregates_equal_the_reference(members: Sequence[Points]) -> None:
    aggregate = StepAggregate()
    expected: dict[int, list[float]] = defaultdict(list)
    for points in members:
        aggregate.add(column(points))
        last: dict[int, tuple[int, int, float]] = {}
        for sequence, (step, time, value) in enumerate(points):
            last[step] = max(last.get(step, (time, sequence, value)), (time, sequence, value), key=lambda p: p[:2])
        for step, (_, _, value) in last.items():
            expected[step].append(value)
    found = aggregate.result()
    assert found.first_steps.tolist() == sorted(expected)
    for row, step in enumerate(sorted(expected)):
        values = [value for value in expected[step] if not math.isnan(value)]
        assert found.counts[row] == len(expected[step])
        assert found.nan_counts[row] == len(expected[step]) - len(values)
        if not values:
            assert np.isnan([found.minima[row], found.means[row], found.maxima[row]]).all()
            continue
        assert (found.minima[row], found.maxima[row]) == (min(values), max(values))
        with np.errstate(invalid="ignore"):
            mean = sum(values) / len(values)
        assert found.means[row] == pytest.approx(mean, rel=1e-9, abs=1e-9, nan_ok=True)


def test_aggregates_of_buckets_have_the_same_extremes() -> None:
    members = [column([(step, step, float(step * rank)) for step in range(100)]) for rank in range(4)]
    bucketing = Bucketing(Axis.STEP, 10)
    for member in members:
        bucketing.add(member)
    found = of_buckets(bucketing.result())
    assert found.counts.sum() == 400
    assert (found.minima[0], found.maxima[-1]) == (0.0, 297.0)
    assert found.first_steps.tolist() == [0, 16, 32, 48, 64, 80, 96]
    assert found.last_steps.tolist() == [15, 31, 47, 63, 79, 95, 99]
    assert found.means[0] == pytest.approx(np.mean([step * rank for step in range(16) for rank in range(4)]))


def test_members_share_the_rest_of_the_context() -> None:
    assert group_context('{"rank":"1","subset":"train"}', ["rank"]) == '{"subset":"train"}'
    assert group_context('{"rank":"1"}', ["rank"]) == ""
    assert group_context("", ["rank"]) == ""
    assert group_context('{"rank":"1"}', []) == '{"rank":"1"}'


# -- values at steps, and bounds --------------------------------------------------------------------------------------


@settings(max_examples=examples(100), deadline=None)
@given(
    points=st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 3), VALUES), max_size=20),
    asked=st.lists(st.integers(-7, 7), min_size=1, max_size=6),
    places=st.lists(st.integers(0, 20), max_size=4),
    exact=st.booleans(),
)
def test_values_at_steps_equal_the_reference(
    points: Points, asked: Sequence[int], places: Sequence[int], exact: bool
) -> None:
    values = ValuesAt(asked, exact=exact)
    for piece in cut(column(points), places):
        values.add(piece)
    found = values.result()
    expected = {}
    for step in sorted(set(asked)):
        before = [
            (own, time, sequence)
            for sequence, (own, time, _) in enumerate(points)
            if (own == step if exact else own <= step)
        ]
        if before:
            expected[step] = max(before)
    assert found.asked.tolist() == sorted(expected)
    assert found.points.sequences.tolist() == [expected[step][2] for step in sorted(expected)]
    assert found.points.steps.tolist() == [expected[step][0] for step in sorted(expected)]


@settings(max_examples=examples(100), deadline=None)
@given(points=POINTS, ends=st.lists(PLACES, min_size=4, max_size=4))
def test_bounds_include_both_ends(points: Points, ends: Sequence[int]) -> None:
    bounds = Bounds(*ends)
    inside = [
        sequence
        for sequence, (step, time, _) in enumerate(points)
        if ends[0] <= step <= ends[1] and ends[2] <= time <= ends[3]
    ]
    assert bounds.of(column(points)).sequences.tolist() == inside
