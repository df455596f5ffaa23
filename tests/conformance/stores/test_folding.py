"""Folding many series and many commits: in transactions of bounded size, beside commits and beside another folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from support.blocks import block
from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.domain.records import SeriesDefinition, WriterCursor
from trackway_server.metrics.domain.summaries import Summaries, merge_summaries, summarise
from trackway_server.metrics.query import MetricQueries
from trackway_server.tracking.domain.ports import TrackingUnit

RUN = "a" * 32
CURSOR = WriterCursor("b" * 32, RUN, "admin", "default", 1)
SERIES, WIDTH = 2500, 50

Store = Transactions[TrackingUnit]


@pytest.fixture(params=ADAPTERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_tracking_store(request.param, tmp_path) as opened:
        yield opened


async def test_what_was_there_is_folded_whoever_folds_beside(store: Store) -> None:
    numbers = await store.write(_define)
    first = [_commit(numbers, index) for index in range(300)]
    later = [_commit(numbers, index) for index in range(300, 340)]
    for parts in (first[:150], first[150:]):
        await store.write(lambda unit, parts=parts: _add(unit, parts))  # type: ignore[misc]

    async def append() -> None:
        for part in later:
            await store.write(lambda unit, part=part: _add(unit, [part]))  # type: ignore[misc]

    async def fold_and_check() -> None:
        assert await MetricQueries(store).fold([RUN])
        stored = await store.read(lambda unit: unit.metrics.summaries(numbers.tolist()))
        counts = dict(zip(stored["series"].tolist(), stored["count"].tolist(), strict=True))
        for one in merge_summaries(first):
            assert counts[int(one["series"])] >= one["count"]

    await asyncio.gather(fold_and_check(), append(), fold_and_check())
    while await MetricQueries(store).fold(None):
        pass
    stored = await store.read(lambda unit: unit.metrics.summaries(numbers.tolist()))
    assert stored.tobytes() == merge_summaries([*first, *later]).tobytes()


def _define(unit: TrackingUnit) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    unit.metrics.put_writer(CURSOR)
    return unit.metrics.define_series(CURSOR, [SeriesDefinition(n, n, f"k{n}", "") for n in range(SERIES)])


def _commit(numbers: np.ndarray[tuple[int], np.dtype[np.int64]], index: int) -> Summaries:
    """Of one commit: a row of some of the series, not the same as of the commits around it."""
    chosen = numbers[(np.arange(WIDTH) * 53 + index * WIDTH) % SERIES]
    return summarise([block(index, [index], {int(number): [float(index)] for number in np.sort(chosen)})])


def _add(unit: TrackingUnit, parts: list[Summaries]) -> None:
    for part in parts:
        unit.metrics.add_unfolded(RUN, part)
