"""Summaries against the obvious computation, and the order of their merging."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from support.blocks import BITS, block, blocks
from trackway_server.metrics.domain.points import Block
from trackway_server.metrics.domain.summaries import (
    NO_STEP,
    SUMMARY_1,
    keys_of,
    merge_summaries,
    of_format_1,
    summarise,
    values_of,
)


def value(key: int) -> float:
    """The value of one key."""
    return float(values_of(np.array([key], dtype=np.int64))[0])


@given(st.lists(BITS, min_size=1, max_size=20))
def test_keys_are_a_bijection_that_orders(raw: list[int]) -> None:
    values = np.array(raw, dtype=np.uint64).view(np.float64)
    assert values_of(keys_of(values)).view(np.uint64).tolist() == raw
    numbers = values[~np.isnan(values)]
    in_order = numbers[np.argsort(keys_of(numbers))]
    assert (in_order[1:] >= in_order[:-1]).all()
    assert keys_of(np.array([-0.0]))[0] < keys_of(np.array([0.0]))[0]


@given(st.lists(blocks(), min_size=1, max_size=4))
def test_a_summary_is_what_the_points_say(given_blocks: list[Block]) -> None:
    summaries = summarise(given_blocks)
    assert summaries["series"].tolist() == sorted({int(s) for one in given_blocks for s in one.series})
    for summary in summaries:
        points = [
            (int(one.steps[row]), int(one.times[row]), int(one.sequences[row]), float(one.values[row, column]))
            for one in given_blocks
            for column in np.flatnonzero(one.series == summary["series"])
            for row in range(one.row_count)
        ]
        numbers = [(number, step) for step, _, _, number in points if not math.isnan(number)]
        assert summary["count"] == len(points)
        assert summary["nan_count"] == len(points) - len(numbers)
        last = max(point[:3] for point in points)
        assert (summary["last_step"], summary["last_time"], summary["last_sequence"]) == last
        assert math.isnan(value(summary["last_key"])) or any(
            point[:3] == last and point[3] == value(summary["last_key"]) for point in points
        )
        first = min(point[:3] for point in points)
        assert (summary["first_step"], summary["first_time"], summary["first_sequence"]) == first
        assert math.isnan(value(summary["first_key"])) or any(
            point[:3] == first and point[3] == value(summary["first_key"]) for point in points
        )
        nans = [step for step, _, _, number in points if math.isnan(number)]
        assert summary["first_nan_step"] == min(nans, default=NO_STEP)
        if numbers:
            low, high = min(number for number, _ in numbers), max(number for number, _ in numbers)
            assert value(summary["min_key"]) == low
            assert value(summary["max_key"]) == high
            if low != 0:
                assert summary["min_step"] == min(step for number, step in numbers if number == low)
            if high != 0:
                assert summary["max_step"] == min(step for number, step in numbers if number == high)
        else:
            assert (summary["min_step"], summary["max_step"]) == (0, 0)


@given(st.lists(blocks(), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_merging_needs_no_order_and_no_grouping(given_blocks: list[Block], random: object) -> None:
    parts = [summarise([one]) for one in given_blocks]
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    at_once = merge_summaries(parts)
    one_by_one = merge_summaries([])
    for part in shuffled:
        one_by_one = merge_summaries([one_by_one, part])
    assert at_once.tolist() == one_by_one.tolist()


def test_what_was_summarised_before_firsts_were_kept_makes_them_unknown() -> None:
    fresh = summarise([block(10, [4, 5], {0: [math.nan, 2.0], 1: [3.0, 4.0]})])
    (old,) = summarise([block(0, [1, 2], {0: [1.0, math.nan]})])
    before = np.array([tuple(old)[: len(SUMMARY_1.names)]], dtype=SUMMARY_1)
    unknown, known = merge_summaries([fresh, of_format_1(before)])
    assert (unknown["count"], unknown["nan_count"], unknown["last_step"], unknown["firsts_known"]) == (4, 2, 5, 0)
    assert (unknown["first_step"], unknown["first_nan_step"]) == (0, 0)
    assert (known["firsts_known"], known["first_step"], known["first_nan_step"]) == (1, 4, NO_STEP)


def test_minus_zero_lies_below_zero_and_infinities_at_the_ends() -> None:
    (summary,) = summarise([block(0, [1, 2, 3], {0: [0.0, -0.0, 0.0]})])
    assert math.copysign(1, value(summary["min_key"])) == -1
    assert math.copysign(1, value(summary["max_key"])) == 1
    assert (summary["min_step"], summary["max_step"]) == (2, 1)
    (summary,) = summarise([block(0, [1, 2, 3, 4], {0: [-math.inf, math.nan, 5.0, math.inf]})])
    assert (value(summary["min_key"]), value(summary["max_key"])) == (-math.inf, math.inf)


def test_the_last_of_equal_rows_is_the_later() -> None:
    one = block(0, [5, 5, 1], {0: [1.0, 2.0, 3.0]})
    same_time = Block(one.sequences, np.full(3, 9, dtype=np.int64), one.steps, one.series, one.values)
    (summary,) = summarise([same_time])
    assert value(summary["last_key"]) == 2.0
