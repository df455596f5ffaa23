"""Searches from the copy of runs in memory answer what the reference does, while runs come, change and go."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.searched import NUMBERS as VALUES
from support.searched import Recorded, filters, orders, recorded, store, summary_of
from support.tracking_stores import open_tracking_store
from trackway_server.core.search.conditions import Search
from trackway_server.core.search.ordering import Place
from trackway_server.metrics.domain.records import SeriesDefinition, WriterCursor
from trackway_server.tracking.domain.model import RunsQuery, RunStatus, View
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.search import RUNS
from trackway_server.tracking.store.memory import MemoryTrackingUnit
from trackway_server.tracking.store.run_copy import keeping
from trackway_server.tracking.store.run_copy.search import ColumnSearch
from trackway_server.tracking.store.sql import SqlTracking

NOW_US = 1_000_000
NUMBERS = itertools.count()


@pytest.fixture(params=("sqlite", "postgres"))
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlTracking]:
    async with open_tracking_store(request.param, tmp_path) as opened:
        assert isinstance(opened, SqlTracking)
        yield opened


async def listed(store: SqlTracking, query: RunsQuery, search: Search, size: int) -> list[tuple[str, Place]]:
    """Everything, page by page."""
    found: list[tuple[str, Place]] = []
    while True:
        after = found[-1][1] if found else None
        page = await store.read(lambda unit, after=after: unit.search_runs(query, search, after, size))
        found += [(each.run.run_id, each.place) for each in page]
        if len(page) < size:
            return found


class Change:
    """One change of a run, told by its number among the stored ones."""

    def __init__(self, number: int, what: int, key: str, text: str, value: float) -> None:
        self.run, self.what, self.key, self.text, self.value = number, what, key, text, value

    def __repr__(self) -> str:
        return f"Change({self.run}, {self.what}, {self.key!r}, {self.text!r}, {self.value})"

    def make(self, unit: TrackingUnit, run_id: str) -> None:
        """Make it, in one store or another."""
        run = unit.run(run_id)
        assert run is not None
        match self.what:
            case 0:
                unit.put_tags(run_id, {self.key: self.text})
            case 1:
                unit.delete_tags(run_id, [self.key])
            case 2 if not unit.params_of(run_id, [self.key]):
                unit.add_params(run_id, {self.key: self.text})
            case 3:
                unit.save_run(replace(run, name=self.text or "n", status=RunStatus.FAILED, end_time_us=7))
            case 4:
                unit.save_run(replace(run, deleted=not run.deleted))
            case _:
                cursor = WriterCursor(run_id, run_id, "me", "default", 1, 0, 0, {}, 0)
                series_id = next(NUMBERS) + 100
                definition = SeriesDefinition(series_id, series_id, self.key, '{"z":"1"}')
                (number,) = unit.metrics.define_series(cursor, [definition])
                unit.metrics.put_summaries(summary_of(int(number), (self.value,)))


changes = st.lists(
    st.builds(
        Change,
        st.integers(0, 5),
        st.integers(0, 5),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["", "x", "9", "new", "Ü"]),
        st.sampled_from(VALUES),
    ),
    max_size=5,
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(recorded, min_size=1, max_size=6),
    st.lists(recorded, max_size=3),
    changes,
    st.lists(st.tuples(filters, orders), min_size=1, max_size=6),
    st.integers(1, 7),
    st.sampled_from(View),
    st.sampled_from([1, 2, 1000]),
)
async def test_a_copy_answers_what_the_reference_does(
    database: SqlTracking,
    before: list[Recorded],
    later: list[Recorded],
    changed: list[Change],
    searches: list[tuple[str, list[str]]],
    size: int,
    view: View,
    part: int,
) -> None:
    made = await database.write(lambda unit: unit.add_experiment("default", f"e{next(NUMBERS)}", {}, 1))
    other = await database.write(lambda unit: unit.add_experiment("default", f"e{next(NUMBERS)}", {}, 1))
    reference = MemoryTrackingUnit()
    query = RunsQuery("default", (made.experiment_id, other.experiment_id), view)
    parsed = [RUNS.search(text, order, NOW_US) for text, order in searches]
    await database.write(lambda unit: store(unit, before, made.experiment_id))
    store(reference, before, made.experiment_id)

    async def agrees() -> None:
        for search, written in zip(parsed, searches, strict=True):
            wanted = [(one.run.run_id, one.place) for one in reference.search_runs(query, search, None, 100)]
            assert await listed(database, query, search, size) == wanted, written

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeping, "SLOW_SECONDS", 0.0)
        patch.setattr(keeping, "_PART", part)
        await agrees()
        await database.copy.bring_up_to_date()
        await agrees()
        for change in changed:
            run_id = f"{made.experiment_id:016x}{change.run % len(before):016x}"
            await database.write(lambda unit, change=change, run_id=run_id: change.make(unit, run_id))
            change.make(reference, run_id)
        await database.write(lambda unit: store(unit, later, other.experiment_id))
        store(reference, later, other.experiment_id)
        await agrees()
        patch.setattr(keeping, "_REFRESHED_AT", 0)
        await agrees()
        await database.copy.bring_up_to_date()
        await agrees()


async def test_searches_are_answered_from_the_copy(database: SqlTracking, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Recorded("n", RunStatus.FINISHED, 1, 2, "me", False, {"a": "1"}, {}, (), {("b", ""): (1.0,)})
    await database.write(lambda unit: store(unit, [run] * 3, 0))
    search = RUNS.search("params.a > 0 AND status = 'FINISHED'", ["metrics.b DESC"], NOW_US)
    monkeypatch.setattr(keeping, "SLOW_SECONDS", 0.0)
    query, answered = RunsQuery("default"), []
    page = ColumnSearch.page
    monkeypatch.setattr(ColumnSearch, "page", lambda self, *args: answered.append(found := page(self, *args)) or found)
    assert len(await listed(database, query, search, 10)) == 3
    assert not answered
    await database.copy.bring_up_to_date()
    assert len(await listed(database, query, search, 10)) == 3
    assert len(answered[0]) == 3
    await database.write(lambda unit: unit.put_tags(f"{0:032x}", {"t": "1"}))
    assert len(await listed(database, query, search, 10)) == 3
    assert len(answered[1]) == 2, "one of them has changed since"


async def test_a_deleted_experiments_runs_are_not_found(database: SqlTracking, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Recorded("n", RunStatus.FINISHED, 1, 2, "me", False)
    await database.write(lambda unit: store(unit, [run] * 3, 0))
    search, query = RUNS.search("status = 'FINISHED'", [], NOW_US), RunsQuery("default")
    monkeypatch.setattr(keeping, "SLOW_SECONDS", 0.0)
    await listed(database, query, search, 10)
    await database.copy.bring_up_to_date()
    await database.write(lambda unit: unit.delete_runs_of(0))
    assert await listed(database, query, search, 10) == []
    await database.copy.bring_up_to_date()
    assert await listed(database, query, search, 10) == []
    await database.write(lambda unit: unit.restore_runs_of(0))
    assert len(await listed(database, query, search, 10)) == 3
