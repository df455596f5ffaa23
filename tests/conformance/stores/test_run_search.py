"""SQL answers searches of runs as the reference does: random runs, random filters and orders, page by page."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.searched import Recorded, filters, orders, recorded, store
from support.tracking_stores import open_tracking_store
from trackway_server.core.search.conditions import Search
from trackway_server.core.search.ordering import Place
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.tracking.domain.model import RunsQuery
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.search import RUNS
from trackway_server.tracking.store import sql_run_search
from trackway_server.tracking.store.memory import MemoryTrackingUnit

Store = Transactions[TrackingUnit]
NOW_US = 1_000_000
NUMBERS = itertools.count()


@pytest.fixture(params=("sqlite", "postgres"))
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_tracking_store(request.param, tmp_path) as opened:
        yield opened


async def listed(store: Store, query: RunsQuery, search: Search, size: int) -> list[tuple[str, Place]]:
    """Everything, page by page."""
    found: list[tuple[str, Place]] = []
    while True:
        after = found[-1][1] if found else None
        page = await store.read(lambda unit, after=after: unit.search_runs(query, search, after, size))
        found += [(each.run.run_id, each.place) for each in page]
        if len(page) < size:
            return found


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(recorded, max_size=6),
    st.lists(st.tuples(filters, orders), min_size=1, max_size=6),
    st.integers(1, 7),
    st.sampled_from([300, 3, 1]),
    st.sampled_from([20_000, 4, 0]),
    st.sampled_from([2, 100, 0.01]),
    st.sampled_from([0, 3]),
)
async def test_sql_answers_what_the_reference_does(
    database: Store,
    runs: list[Recorded],
    searches: list[tuple[str, list[str]]],
    size: int,
    budget: int,
    most_along: int,
    worth: float,
    worth_of_a_lookup: int,
) -> None:
    made = await database.write(lambda unit: unit.add_experiment("default", f"e{next(NUMBERS)}", {}, 1))
    await database.write(lambda unit: store(unit, runs, made.experiment_id))
    reference = MemoryTrackingUnit()
    store(reference, runs, made.experiment_id)
    query = RunsQuery("default", (made.experiment_id,))
    with pytest.MonkeyPatch.context() as patch:
        # So small that every way is gone.
        patch.setattr(sql_run_search, "BUDGET", budget)
        patch.setattr(sql_run_search, "MOST_ALONG", most_along)
        patch.setattr(sql_run_search, "WORTH_OF_A_PLACE", worth)
        patch.setattr(sql_run_search, "WORTH_OF_A_LOOKUP", worth_of_a_lookup)
        for text, order in searches:
            search = RUNS.search(text, order, NOW_US)
            wanted = [(one.run.run_id, one.place) for one in reference.search_runs(query, search, None, 100)]
            assert await listed(database, query, search, size) == wanted, (text, order)
