"""Room that was freed goes back to the file system, in steps, and nothing that is stored is hurt."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway_server.metrics.domain.chunks import Move
from trackway_server.metrics.domain.records import Segment, WriterCursor
from trackway_server.tracking.domain.ports import TrackingUnit

RUN, WRITER = "a" * 32, "b" * 32
MIB = 1024 * 1024


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_reclaiming_ends_and_keeps_what_is_stored(adapter: str, tmp_path: Path) -> None:
    async with open_tracking_store(adapter, tmp_path) as store:

        def fill(unit: TrackingUnit) -> None:
            unit.metrics.put_writer(WriterCursor(WRITER, RUN, "admin", "default", 1))
            for first in range(9):
                data = bytes([first]) * MIB
                unit.metrics.add_segment(WRITER, Segment(first, first + 1, 1, b"\0\0\0\0", data))

        await store.write(fill)
        gone = Move([(WRITER, first) for first in range(8)], [], [])
        assert await store.write(lambda unit: unit.metrics.move(RUN, gone))
        steps = [MIB]
        while steps[-1]:
            steps.append(await store.write(lambda unit: unit.metrics.reclaim(MIB)))
        assert await store.read(lambda unit: unit.metrics.segment_data(WRITER, [8])) == [bytes([8]) * MIB]
    if adapter == "sqlite":
        assert len(steps) >= 8
        assert (tmp_path / "tracking.db").stat().st_size < 2 * MIB
