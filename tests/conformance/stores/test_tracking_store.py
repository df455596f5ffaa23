"""What TrackingUnit promises (tracking/domain/ports.py), over every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway_server.core.errors import Reason
from trackway_server.core.search.ordering import Place
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.tracking.domain.model import (
    DatasetInput,
    RefusedRecord,
    RunInfo,
    RunsQuery,
    RunStatus,
    View,
)
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.search import EXPERIMENTS, RUNS, FoundExperiment

Store = Transactions[TrackingUnit]
LATEST_FIRST = RUNS.search("", (), 0)


@pytest.fixture(params=ADAPTERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_tracking_store(request.param, tmp_path) as opened:
        yield opened


def run(letter: str, start: int = 1, experiment_id: int = 0, parent: str = "") -> RunInfo:
    return RunInfo(
        letter * 32, "default", experiment_id, f"run {letter}", RunStatus.RUNNING, "", "me", start, 0, parent, "digest"
    )


async def test_default_exists_and_ids_rise(store: Store) -> None:
    default = await store.read(lambda unit: unit.experiment(0))
    assert default is not None
    assert (default.name, default.deleted, default.tags) == ("Default", False, {})
    made = [await store.write(lambda unit, n=n: unit.add_experiment("default", n, {"k": n}, 5)) for n in ("x", "y")]
    assert [one.experiment_id for one in made] == [1, 2]
    assert await store.read(lambda unit: unit.experiment_by_name("default", "x")) == made[0]
    assert await store.read(lambda unit: unit.experiment_by_name("other", "x")) is None
    assert await store.read(lambda unit: unit.experiment(9)) is None


async def test_experiments_change_and_are_listed_newest_first(store: Store) -> None:
    for name in "xyz":
        await store.write(lambda unit, n=name: unit.add_experiment("default", n, {}, 5))

    def change(unit: TrackingUnit) -> None:
        two = unit.experiment(2)
        assert two is not None
        unit.put_experiment_tags(2, {"a": "1", "b": "2"})
        unit.put_experiment_tags(2, {"b": "3"})
        unit.delete_experiment_tags(2, ["a", "absent"])
        unit.save_experiment(replace(two, name="why", deleted=True, update_time_us=8))

    await store.write(change)
    changed = await store.read(lambda unit: unit.experiment(2))
    assert changed is not None
    assert (changed.name, changed.deleted, changed.update_time_us, changed.tags) == ("why", True, 8, {"b": "3"})

    newest_first = EXPERIMENTS.search("", ["experiment_id DESC"], 0)

    async def listed(view: View, after: Place | None = None, limit: int = 10) -> list[FoundExperiment]:
        return await store.read(lambda unit: unit.search_experiments("default", view, newest_first, after, limit))

    def ids(found: list[FoundExperiment]) -> list[int]:
        return [one.experiment.experiment_id for one in found]

    assert ids(await listed(View.ACTIVE_ONLY)) == [3, 1, 0]
    assert ids(await listed(View.DELETED_ONLY)) == [2]
    (first,) = await listed(View.ALL, limit=1)
    assert ids(await listed(View.ALL, first.place, 2)) == [2, 1]


async def test_runs_come_back_and_change(store: Store) -> None:
    one = run("a")
    await store.write(lambda unit: unit.add_run(one))
    assert await store.read(lambda unit: unit.run(one.run_id)) == one
    changed = replace(one, status=RunStatus.FAILED, end_time_us=2**62, deleted=True, refused_count=3, name="ü")
    await store.write(lambda unit: unit.save_run(changed))
    assert await store.read(lambda unit: unit.run(one.run_id)) == changed
    assert await store.read(lambda unit: unit.run("f" * 32)) is None


async def test_runs_are_listed_latest_first_and_chosen(store: Store) -> None:
    await store.write(lambda unit: unit.add_experiment("default", "x", {}, 5))
    rows = [run("a", 5), run("b", 7), run("c", 5, 1), run("d", 5, parent="a" * 32), replace(run("e", 9), deleted=True)]

    def add(unit: TrackingUnit) -> None:
        for row in rows:
            unit.add_run(row)

    await store.write(add)

    async def listed(query: RunsQuery, after: Place | None = None, limit: int = 10) -> str:
        found = await store.read(lambda unit: unit.search_runs(query, LATEST_FIRST, after, limit))
        return "".join(one.run.run_id[0] for one in found)

    assert await listed(RunsQuery("default")) == "bacd"
    assert await listed(RunsQuery("default", view=View.ALL), limit=2) == "eb"
    assert await listed(RunsQuery("default", view=View.DELETED_ONLY)) == "e"
    assert await listed(RunsQuery("default"), after=(~5, "a" * 32)) == "cd"
    assert await listed(RunsQuery("default", experiment_ids=(1, 7))) == "c"
    assert await listed(RunsQuery("default", parent_run_id="a" * 32)) == "d"
    assert await listed(RunsQuery("other")) == ""


async def test_runs_go_and_come_with_their_experiment(store: Store) -> None:
    rows = [run("a"), replace(run("b"), deleted=True), run("c")]

    def add_and_delete(unit: TrackingUnit) -> None:
        for row in rows:
            unit.add_run(row)
        unit.delete_runs_of(0)

    await store.write(add_and_delete)
    everything = RunsQuery("default", view=View.ALL)
    gone = await store.read(lambda unit: unit.search_runs(everything, LATEST_FIRST, None, 10))
    marks = [(one.run.deleted, one.run.deleted_with_experiment) for one in gone]
    assert marks == [(True, True), (True, False), (True, True)]
    await store.write(lambda unit: unit.restore_runs_of(0))
    back = await store.read(lambda unit: unit.search_runs(RunsQuery("default"), LATEST_FIRST, None, 10))
    assert [one.run.run_id[0] for one in back] == ["a", "c"]


async def test_params_tags_and_data_sets(store: Store) -> None:
    a, b, none = "a" * 32, "b" * 32, "c" * 32
    many = {f"k{n}": str(n) for n in range(1000)}
    first, second = DatasetInput("d", "1", source="s"), DatasetInput("d", "2", "t", "s", "{}", "{}", "training")

    def record(unit: TrackingUnit) -> None:
        for letter in "abc":
            unit.add_run(run(letter))
        unit.add_params(a, many)
        unit.put_tags(a, {"x": "1", "y": "2"})
        unit.put_tags(a, {"y": "3"})
        unit.put_tags(b, {"z": ""})
        unit.delete_tags(a, ["x", "absent"])
        unit.add_dataset_inputs(b, [second, first, replace(first, source="other")])

    await store.write(record)
    assert await store.read(lambda unit: unit.params([a, b, none])) == {a: many}
    assert await store.read(lambda unit: unit.params_of(a, {"k3", "absent"})) == {"k3": "3"}
    assert await store.read(lambda unit: len(unit.params_of(a, many.keys()))) == 1000
    assert await store.read(lambda unit: unit.tags([a, b, none])) == {a: {"y": "3"}, b: {"z": ""}}
    assert await store.read(lambda unit: unit.tags_of(a, ["y"])) == {"y": "3"}
    assert await store.read(lambda unit: unit.dataset_inputs([a, b])) == {b: [first, second]}


async def test_refusals_are_kept_in_order(store: Store) -> None:
    await store.write(lambda unit: unit.add_run(run("a")))
    rows = [RefusedRecord("w" * 32, n, Reason.PARAM_IMMUTABLE, f"no {n}") for n in (5, 2, 9)]
    await store.write(lambda unit: unit.add_refusals("a" * 32, rows[:2]))
    await store.write(lambda unit: unit.add_refusals("a" * 32, rows[2:]))
    assert await store.read(lambda unit: unit.refusals("a" * 32)) == rows


async def test_roles_on_single_experiments(store: Store) -> None:
    for workspace, name in (("default", "x"), ("default", "y"), ("other", "z")):
        await store.write(lambda unit, w=workspace, n=name: unit.add_experiment(w, n, {}, 5))
    for experiment_id, principal, role in ((1, "ann", 1), (1, "bob", 4), (2, "ann", 3), (3, "ann", 4), (1, "Zed", 2)):
        await store.write(lambda unit, e=experiment_id, p=principal, r=role: unit.bindings.put(e, p, r))
    await store.write(lambda unit: unit.bindings.put(1, "ann", 2))

    def looked_up(unit: TrackingUnit) -> list[int]:
        held = unit.bindings
        return [held.role(1, "ann"), held.role(1, "Ann"), held.role_in("default", "ann"), held.role_in("other", "bob")]

    assert await store.read(looked_up) == [2, 0, 3, 0]
    assert await store.read(lambda unit: unit.bindings.page(1, "", 2)) == [("Zed", 2), ("ann", 2)]
    assert await store.read(lambda unit: unit.bindings.page(1, "ann", 2)) == [("bob", 4)]
    assert await store.read(lambda unit: unit.bindings.count(1)) == 3
    assert await store.write(lambda unit: unit.bindings.drop(1, "ann"))
    assert not await store.write(lambda unit: unit.bindings.drop(1, "ann"))
    assert await store.read(lambda unit: unit.bindings.role(1, "ann")) == 0


async def test_lists_are_confined_to_the_experiments_of_a_principal(store: Store) -> None:
    for name in "xyz":
        await store.write(lambda unit, n=name: unit.add_experiment("default", n, {}, 5))
    for letter, experiment_id in (("a", 1), ("b", 2), ("c", 3)):
        made = run(letter, experiment_id=experiment_id)
        await store.write(lambda unit, r=made: unit.add_run(r))
    for experiment_id in (1, 3):
        await store.write(lambda unit, e=experiment_id: unit.bindings.put(e, "ann", 1))

    async def experiments(bound_to: str, before: int | None = None) -> list[int]:
        after = None if before is None else (~before,)
        found = await store.read(
            lambda unit: unit.search_experiments("default", View.ALL, newest_first, after, 10, bound_to)
        )
        return [each.experiment.experiment_id for each in found]

    newest_first = EXPERIMENTS.search("", ["experiment_id DESC"], 0)
    newest_first = replace(newest_first, orders=newest_first.orders[:1])
    assert await experiments("ann") == [3, 1]
    assert await experiments("ann", before=3) == [1]
    assert await experiments("bob") == []
    assert await experiments("") == [3, 2, 1, 0]
    hers = RunsQuery("default", bound_to="ann")
    found = await store.read(lambda unit: unit.search_runs(hers, LATEST_FIRST, None, 10))
    assert [each.run.run_id[0] for each in found] == ["a", "c"]
    chosen = RunsQuery("default", experiment_ids=(1, 2), bound_to="ann")
    found = await store.read(lambda unit: unit.search_runs(chosen, LATEST_FIRST, None, 10))
    assert [each.run.run_id[0] for each in found] == ["a"]


async def test_texts_are_counted_in_characters(store: Store) -> None:
    def fill(unit: TrackingUnit) -> None:
        for letter in "abc":
            unit.add_run(run(letter))
        unit.add_params("a" * 32, {"k": "é" * 10, "l": "🐾" * 5})
        unit.put_tags("a" * 32, {"t": "x" * 100})
        unit.put_tags("b" * 32, {"t": "y" * 7})
        inputs = [DatasetInput("n", digest, source="s" * 20, schema="c" * 30, profile="p" * 50) for digest in "de"]
        unit.add_dataset_inputs("b" * 32, inputs)

    await store.write(fill)
    sizes = await store.read(lambda unit: unit.text_sizes([letter * 32 for letter in "abc"]))
    assert sizes == {"a" * 32: 115, "b" * 32: 207}
    assert await store.read(lambda unit: unit.text_sizes([])) == {}
