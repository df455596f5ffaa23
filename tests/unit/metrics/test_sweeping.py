"""Writers that were opened and never wrote are forgotten, in batches, and may come back."""

from __future__ import annotations

from pathlib import Path

from support.tracking_service import Clock
from support.tracking_stores import open_tracking_store
from trackway_server.metrics.domain.records import Opening
from trackway_server.metrics.domain.session import open_writer
from trackway_server.metrics.sweeping import Sweeper

RUN = "a" * 32
DAY_US = 86_400 * 1_000_000


async def test_a_run_that_never_starts_leaves_nothing(tmp_path: Path) -> None:
    clock = Clock()
    async with open_tracking_store("memory", tmp_path) as store:
        sweeper = Sweeper(store, clock, 86_400)

        def open_many(unit: object) -> None:
            for number in range(2_500):
                open_writer(unit.metrics, Opening(f"{number:032x}", RUN, "admin", "default", 1, {}), clock.now_us())

        await store.write(open_many)
        assert await sweeper.sweep() == 0
        clock.time_us += DAY_US
        assert await sweeper.sweep() == 2_500
        again = Opening("0" * 32, RUN, "admin", "default", 1, {})
        opened = await store.write(lambda unit: open_writer(unit.metrics, again, clock.now_us()))
        assert opened.cursor.durable_sequence == 0
