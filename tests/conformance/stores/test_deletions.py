"""Runs that are deleted long enough go for good, in steps that may be cut anywhere, over every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.blocks import block
from support.tracking_service import Clock
from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call
from trackway_server.metrics.compaction import CompactionLimits, SubjectCompaction
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.domain.records import Append, Opening, SeriesDefinition, SubjectRecord
from trackway_server.metrics.domain.session import WriterSession, commit_records, open_writer
from trackway_server.metrics.ingest import build_commit
from trackway_server.metrics.query import MetricQueries
from trackway_server.tracking.domain import experiments, logged_model_rules, runs
from trackway_server.tracking.domain.deletions import Stage, begin_purge, purge_some
from trackway_server.tracking.domain.logged_models import ModelStart
from trackway_server.tracking.domain.model import ParamsSet, RunsQuery, RunStart, View
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.search import RUNS as SCHEMA
from trackway_server.tracking.purging import Purged, PurgedExperiments, PurgedModel, PurgedRun, Purger

WORKSPACE = "default"
RUNS = {letter: letter * 32 for letter in "abc"}
DAY = 86_400.0
DAY_US = 86_400 * 1_000_000

Store = Transactions[TrackingUnit]


@pytest.fixture(params=ADAPTERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_tracking_store(request.param, tmp_path) as opened:
        yield opened


async def log(store: Store, run_id: str, *, epoch: int = 1, compacted: int = 2) -> None:
    """A run with a param, three commits of points, and the first of them compacted, by the run's own writer."""
    opening = Opening(run_id, run_id, "admin", WORKSPACE, epoch)
    opened = await store.write(lambda unit: open_writer(unit.metrics, opening, 1))
    session = WriterSession(opened, 10)
    start = (SubjectRecord(0, RunStart(start_time_us=1)), SubjectRecord(1, ParamsSet({"lr": "1"})))
    definitions = tuple(SeriesDefinition(2, number, f"k{number}", "") for number in range(3))
    appends = [Append(0, 3, definitions=definitions, subject_records=start)]
    columns = {number: [1.0, 2.0] for number in range(3)}
    appends += [Append(first, 2, blocks=(block(first, [first, first + 1], columns),)) for first in (3, 5, 7)]
    for place, append in enumerate(appends):
        accepted = session.accept(append)
        assert accepted is not None
        commit = build_commit([accepted])
        await store.write(lambda unit, commit=commit: commit_records(unit, opened, commit, 1))
        if place == compacted:
            limits = CompactionLimits(points_per_series=0)
            await SubjectCompaction(store, Clock(), "compactor", limits).step(run_id)
    await MetricQueries(store).fold([run_id])


async def delete(store: Store, run_id: str) -> None:
    """Delete a run softly."""
    await store.write(lambda unit: runs.delete_run(unit, WORKSPACE, run_id))


async def purged(purger: Purger, *, dry_run: bool = False) -> list[Purged]:
    """What a round of it removes."""
    return [one async for one in purger.purge(dry_run=dry_run)]


def runs_of(found: list[Purged]) -> list[str]:
    """The runs among what was removed."""
    return [one.run_id for one in found if isinstance(one, PurgedRun)]


async def size(store: Store, run_id: str) -> int:
    """The size of a run's points."""
    return await store.read(lambda unit: unit.metrics.point_bytes(run_id))


async def test_only_runs_deleted_long_enough_go(store: Store) -> None:
    clock = Clock()
    purger = Purger(store, clock, 10 * DAY)
    for run_id in RUNS.values():
        await log(store, run_id)
    await delete(store, RUNS["a"])
    assert await purged(purger) == []
    clock.time_us += 6 * DAY_US
    await delete(store, RUNS["b"])
    assert await purged(purger) == []
    clock.time_us += 5 * DAY_US
    bytes_of_a = await size(store, RUNS["a"])
    assert bytes_of_a > 0
    assert await purged(purger, dry_run=True) == [PurgedRun(RUNS["a"], bytes_of_a)]
    assert await size(store, RUNS["a"]) == bytes_of_a
    assert await purged(purger) == [PurgedRun(RUNS["a"], bytes_of_a)]
    assert await purged(purger) == []
    assert await size(store, RUNS["a"]) == 0
    assert await size(store, RUNS["b"]) == await size(store, RUNS["c"]) == bytes_of_a
    every = RunsQuery(WORKSPACE, (), View.ALL)
    listed = await store.read(lambda unit: unit.search_runs(every, SCHEMA.search("", (), 0), None, 10))
    assert {one.run.run_id for one in listed} == {RUNS["b"], RUNS["c"]}
    assert await store.read(lambda unit: unit.metrics.series_page(RUNS["a"], "", 0, 10)) == []
    assert await store.read(lambda unit: unit.metrics.writers(RUNS["a"], "", 10)) == []
    (summary, *_) = (await MetricQueries(store).page(RUNS["b"], "", 0, 10)).series
    assert summary.count == 6


async def test_a_restored_run_stays_and_its_time_begins_anew(store: Store) -> None:
    clock = Clock()
    purger = Purger(store, clock, 10 * DAY)
    await log(store, RUNS["a"])
    await delete(store, RUNS["a"])
    assert await purged(purger) == []
    clock.time_us += 9 * DAY_US
    await store.write(lambda unit: runs.restore_run(unit, WORKSPACE, RUNS["a"]))
    await delete(store, RUNS["a"])
    clock.time_us += 9 * DAY_US
    assert await purged(purger) == []
    clock.time_us += 9 * DAY_US
    assert await purged(purger) == []
    clock.time_us += 2 * DAY_US
    assert runs_of(await purged(purger)) == [RUNS["a"]]


async def test_what_was_begun_is_not_restored_and_goes_on_wherever_it_was_cut(store: Store) -> None:
    await log(store, RUNS["a"])
    await delete(store, RUNS["a"])
    clock = Clock()
    assert await purged(Purger(store, clock, DAY)) == []
    clock.time_us += 2 * DAY_US
    assert await store.write(lambda unit: begin_purge(unit, RUNS["a"], clock.now_us()))
    with pytest.raises(DomainError) as refused:
        await store.write(lambda unit: runs.restore_run(unit, WORKSPACE, RUNS["a"]))
    assert refused.value.reason is Reason.RUN_DELETED
    cut = await store.write(lambda unit: purge_some(unit, RUNS["a"], 1))
    assert runs_of(await purged(Purger(store, clock, 100 * DAY))) == ([RUNS["a"]] if cut else [])
    noted = await store.read(lambda unit: unit.deletions.get(RUNS["a"]))
    assert noted is not None and noted.stage is Stage.GONE


async def test_an_old_copy_of_a_spool_does_not_start_the_run_anew(store: Store) -> None:
    await log(store, RUNS["a"])
    await delete(store, RUNS["a"])
    assert len(await purged(Purger(store, Clock(), 0))) == 1
    with pytest.raises(DomainError) as refused:
        await log(store, RUNS["a"], epoch=2)
    assert refused.value.reason is Reason.RUN_DELETED


async def test_an_experiment_restores_its_runs_but_those_that_are_going(store: Store) -> None:
    experiment = await store.write(lambda unit: experiments.create_experiment(unit, WORKSPACE, "e", {}, 1))
    number = str(experiment.experiment_id)
    for run_id in (RUNS["a"], RUNS["b"]):
        start = RunStart(experiment_id=number, start_time_us=1)
        await store.write(lambda unit, at=run_id, start=start: runs.start_run(unit, WORKSPACE, at, start, 1))
    await store.write(lambda unit: experiments.delete_experiment(unit, WORKSPACE, number, 1))
    found = await store.read(lambda unit: unit.deletions.unnoted("", 10))
    assert found == [RUNS["a"], RUNS["b"]]
    assert await store.read(lambda unit: unit.deletions.unnoted(RUNS["a"], 10)) == [RUNS["b"]]
    await store.write(lambda unit: unit.deletions.note(found, 1))
    await store.write(lambda unit: unit.deletions.note(found, 2))
    assert await store.read(lambda unit: unit.deletions.unnoted("", 10)) == []
    await store.write(lambda unit: begin_purge(unit, RUNS["a"], 1))
    await store.write(lambda unit: experiments.restore_experiment(unit, WORKSPACE, number, 1))
    states = await store.read(lambda unit: [unit.run(run_id).deleted for run_id in (RUNS["a"], RUNS["b"])])
    assert states == [True, False]
    assert await store.read(lambda unit: unit.deletions.get(RUNS["b"])) is None


async def test_experiments_go_when_their_last_run_has_gone(store: Store) -> None:
    clock, a, b = Clock(), RUNS["a"], RUNS["b"]
    purger = Purger(store, clock, 10 * DAY)

    def fill(unit: TrackingUnit) -> None:
        for name in ("one", "two", "last"):
            experiments.create_experiment(unit, WORKSPACE, name, {"k": "v"}, clock.now_us())
        runs.start_run(unit, WORKSPACE, a, RunStart(experiment_name="one", start_time_us=1), 1)
        runs.start_run(unit, WORKSPACE, b, RunStart(experiment_name="two", start_time_us=1), 1)
        unit.bindings.put(1, "someone", 1)
        for number in ("1", "2", "3"):
            experiments.delete_experiment(unit, WORKSPACE, number, clock.now_us())

    await store.write(fill)
    assert await purged(purger) == []
    clock.time_us += 11 * DAY_US
    await store.write(lambda unit: experiments.restore_experiment(unit, WORKSPACE, "2", clock.now_us()))
    assert await store.read(lambda unit: unit.deletions.doomed([a, b], None)) == set()
    assert await purger.doomed([a, b], [], with_due=True) == {a}
    assert runs_of(await purged(purger)) == [a]
    assert await purger.doomed([a, b], [], with_due=False) == {a}

    def left(unit: TrackingUnit) -> list[str]:
        found = [unit.experiment(number) for number in range(5)]
        return [one.name for one in found if one is not None]

    # The latest stays, so that its id is never another's.
    assert await store.read(left) == ["Default", "two", "last"]
    made = await store.write(lambda unit: experiments.create_experiment(unit, WORKSPACE, "one", {}, 1))
    assert made.experiment_id == 4
    assert await store.read(lambda unit: unit.bindings.role(1, "someone")) == 0


async def test_logged_models_go_when_they_or_their_experiment_were_deleted_long_enough_ago(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackway_server.tracking.purging._MODELS_AT_ONCE", 2)
    clock, admission = Clock(), Call("")
    purger = Purger(store, clock, 10 * DAY)
    names = {letter: f"m-{letter * 32}" for letter in "abcde"}

    def make(unit: TrackingUnit, letter: str, number: str) -> None:
        start = ModelStart(number, letter, params={"p": "1"}, tags={"t": "1"})
        logged_model_rules.create(unit, names[letter], start, clock.now_us(), admission)

    def fill(unit: TrackingUnit) -> None:
        for name in ("one", "last"):
            experiments.create_experiment(unit, WORKSPACE, name, {}, clock.now_us())
        for letter, number in (("a", "0"), ("b", "0"), ("c", "1"), ("d", "2"), ("e", "1")):
            make(unit, letter, number)
        logged_model_rules.delete(unit, names["a"], clock.now_us(), admission.admits)
        for number in ("1", "2"):
            experiments.delete_experiment(unit, WORKSPACE, number, clock.now_us())

    await store.write(fill)
    assert await purged(purger, dry_run=True) == []
    clock.time_us += 11 * DAY_US
    await store.write(lambda unit: logged_model_rules.delete(unit, names["b"], clock.now_us(), admission.admits))
    going = [*(PurgedModel(names[letter]) for letter in "acde"), PurgedExperiments(1)]
    assert await purged(purger, dry_run=True) == going
    every = list(names.values())
    assert await purger.doomed([], every, with_due=False) == set()
    assert await purger.doomed([], every, with_due=True) == {names[letter] for letter in "acde"}
    assert await purged(purger) == going
    assert await purged(purger) == []
    assert await purger.doomed([], every, with_due=False) == {names[letter] for letter in "acde"}

    def left(unit: TrackingUnit) -> list[str]:
        return [letter for letter, model_id in names.items() if unit.models.get(model_id) is not None]

    assert await store.read(left) == ["b"]
    with pytest.raises(DomainError) as refused:
        await store.write(lambda unit: make(unit, "a", "0"))
    assert refused.value.reason is Reason.LOGGED_MODEL_DELETED


async def test_a_dry_run_counts_experiments_whose_runs_go_with_them(store: Store) -> None:
    clock = Clock()
    purger = Purger(store, clock, DAY)

    def fill(unit: TrackingUnit) -> None:
        for name, letter in (("one", "a"), ("two", "b"), ("last", "c")):
            number = experiments.create_experiment(unit, WORKSPACE, name, {}, clock.now_us()).experiment_id
            start = RunStart(experiment_name=name, start_time_us=1)
            runs.start_run(unit, WORKSPACE, RUNS[letter], start, 1)
            experiments.delete_experiment(unit, WORKSPACE, str(number), clock.now_us())

    await store.write(fill)
    assert await purged(purger) == []
    clock.time_us += 2 * DAY_US
    expected = [*(PurgedRun(run_id, 0) for run_id in RUNS.values()), PurgedExperiments(2)]
    assert await purged(purger, dry_run=True) == expected
    assert await purged(purger) == expected
