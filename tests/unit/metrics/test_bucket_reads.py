"""Buckets of stored series: through segments and chunks alike, and through roll-ups where they are fine enough."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from support.metric_worlds import ACTIONS, WRITERS, Action, Logged, MetricWorld
from trackway_server.metrics import windows
from trackway_server.metrics.bucket_reads import BucketsWanted, bucketings
from trackway_server.metrics.domain.buckets import Bucketing, extremes_of
from trackway_server.metrics.domain.chunks import Axis
from trackway_server.metrics.domain.points import Block, Column
from trackway_server.metrics.domain.selecting import EVERYTHING, Bounds
from trackway_server.metrics.value_reads import values_at

SPIKE = 12_345.0


def column(points: Sequence[Logged]) -> Column:
    return Column(
        np.array([point[1] for point in points], dtype=np.uint64),
        np.array([point[2] for point in points], dtype=np.int64),
        np.array([point[3] for point in points], dtype=np.int64),
        np.array([point[4] for point in points], dtype=np.float64),
    )


@settings(max_examples=examples(100), deadline=None)
@given(
    actions=ACTIONS,
    axis=st.sampled_from(Axis),
    most=st.integers(2, 9),
    by_writer=st.booleans(),
    bounds=st.builds(Bounds, st.integers(-5, 2), st.integers(2, 13), st.integers(-1, 1), st.integers(1, 4)),
)
def test_stored_series_have_the_buckets_of_their_points(
    actions: Sequence[Action], axis: Axis, most: int, by_writer: bool, bounds: Bounds
) -> None:
    async def run() -> None:
        world = MetricWorld()
        await world.begin()
        for action in actions:
            await world.act(action)
        wanted = BucketsWanted(bounds, axis, most, by_writer)
        found = await bucketings(world.store, world.series["loss"], wanted)
        groups = {writer: world.logged[writer] for writer in WRITERS} if by_writer else {"": world.of_key("loss")}
        for writer, points in groups.items():
            expected = Bucketing(axis, most)
            expected.add(bounds.of(column([point for point in points if point[0] == "loss"])))
            buckets = expected.result()
            assert (writer in found) == bool(len(buckets))
            if not len(buckets):
                continue
            stored = found[writer].result()
            assert found[writer].level == expected.level
            exact = [name for name in buckets.dtype.names or () if "first_" not in name and "last_" not in name]
            assert stored[exact].tolist() == buckets[exact].tolist()
            # Writers that are equal in step, time and sequence have no order among themselves.
            for name in ("first_step", "first_time", "last_step", "last_time"):
                assert stored[name].tolist() == buckets[name].tolist()

    asyncio.run(run())


def long_block(count: int, first: int, spike: int) -> Block:
    steps = np.arange(first, first + count, dtype=np.int64)
    values = np.sin(steps / 1000)
    values[::1000] = math.nan
    values[spike] = SPIKE
    return Block(
        steps.astype(np.uint64), steps * 1_000_000, steps, np.array([0], dtype=np.uint32), values.reshape(-1, 1)
    )


@pytest.mark.parametrize("axis", Axis)
async def test_a_long_series_is_told_by_its_rollups(axis: Axis, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    decode_values = windows.decode_values

    def counting(data: bytes) -> Any:
        values = decode_values(data)
        decoded.append(len(values))
        return values

    monkeypatch.setattr(windows, "decode_values", counting)
    world, count = MetricWorld(), 65_536
    await world.begin()
    for part in range(6):
        await world.commit(0, long_block(count, part * count, 777), (part + 1) * count)
    await world.compact_all()
    await world.commit(0, long_block(100, 6 * count, 50), 6 * count + 100)
    wanted = BucketsWanted(EVERYTHING, axis, 200)
    (bucketing,) = (await bucketings(world.store, world.series["loss"], wanted)).values()
    buckets = bucketing.result()
    assert not decoded
    assert 100 <= len(buckets) <= 200
    assert buckets["count"].sum() == 6 * count + 100
    assert buckets["nan_count"].sum() == 6 * 66 + 1
    _, high = extremes_of(buckets)
    assert np.count_nonzero(high == SPIKE) == 7
    spikes = buckets["max_step"][high == SPIKE].tolist()
    assert spikes == [*(part * count + 777 for part in range(6)), 6 * count + 50]
    assert (buckets["first_step"][1:] > buckets["last_step"][:-1]).all()
    zoomed = BucketsWanted(Bounds(min_step=3 * count - 10, max_step=5 * count + 9), axis, 20)
    (bucketing,) = (await bucketings(world.store, world.series["loss"], zoomed)).values()
    assert bucketing.result()["count"].sum() == 2 * count + 20
    assert decoded == [count, count], "the chunks at both ends of the range"


async def test_writers_apart_and_many_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows.windows, "__defaults__", (10,))
    world = MetricWorld()
    await world.begin()
    for turn in range(20):
        await world.append(turn % 3, [[(turn * 10 + at, turn)] for at in range(7)], [0, 1])
        if turn == 10:
            await world.compact_all()
    found = await bucketings(world.store, world.series["loss"], BucketsWanted(EVERYTHING, Axis.STEP, 8, True))
    assert {writer: int(one.result()["count"].sum()) for writer, one in found.items()} == {
        WRITERS[0]: 49,
        WRITERS[1]: 49,
        WRITERS[2]: 42,
    }


@settings(max_examples=examples(100), deadline=None)
@given(
    actions=ACTIONS,
    asked=st.lists(st.integers(-6, 14), min_size=1, max_size=5),
    exact=st.booleans(),
)
def test_stored_series_have_the_values_of_their_points(
    actions: Sequence[Action], asked: Sequence[int], exact: bool
) -> None:
    async def run() -> None:
        world = MetricWorld()
        await world.begin()
        for action in actions:
            await world.act(action)
        values = await values_at(world.store, world.series["loss"], asked, exact=exact)
        assert values is not None
        expected = {}
        for step in sorted(set(asked)):
            chosen = [p for p in world.of_key("loss") if (p[3] == step if exact else p[3] <= step)]
            if chosen:
                # Writers that are equal in step, time and sequence have no order among themselves.
                best = max((p[3], p[2], p[1]) for p in chosen)
                expected[step] = (best, {p[4] for p in chosen if (p[3], p[2], p[1]) == best})
        assert values.asked.tolist() == list(expected)
        points = values.points
        for row, (best, among) in enumerate(expected.values()):
            assert (points.steps[row], points.times[row], points.sequences[row]) == best
            assert points.values[row] in among

    asyncio.run(run())


async def test_a_value_is_found_without_reading_all(monkeypatch: pytest.MonkeyPatch) -> None:
    world, count, decoded = MetricWorld(), 65_536, []
    await world.begin()
    for part in range(4):
        await world.commit(0, long_block(count, part * count, 777), (part + 1) * count)
    await world.compact_all()
    decode_values = windows.decode_values
    monkeypatch.setattr(windows, "decode_values", lambda data: decoded.append(1) or decode_values(data))
    for step, found in ((2 * count + 777, 2 * count + 777), (9 * count, 4 * count - 1)):
        values = await values_at(world.store, world.series["loss"], [step], exact=False)
        assert values is not None
        assert values.points.steps.tolist() == [found]
    assert len(decoded) == 2
