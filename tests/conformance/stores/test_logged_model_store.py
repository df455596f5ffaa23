"""What LoggedModels promises (tracking/domain/logged_models.py), over every adapter; SQL searches as the reference."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.searched_models import SCOPES, RecordedModel, filters, orders, recorded, store
from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway_server.core.search.conditions import Scope, Search
from trackway_server.core.search.ordering import Place
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.tracking.domain.logged_model_search import ModelOrder, read_search
from trackway_server.tracking.domain.logged_models import LoggedModelStatus, ModelInfo, ModelsQuery
from trackway_server.tracking.domain.model import ModelOutput, RunInfo, RunStatus, View
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.store.memory import MemoryTrackingUnit

Store = Transactions[TrackingUnit]
NOW_US = 1_000_000
NUMBERS = itertools.count()
A, B = "m-" + "a" * 32, "m-" + "b" * 32
RUN = "c" * 32


@pytest.fixture(params=ADAPTERS)
async def tracking(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_tracking_store(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture(params=("sqlite", "postgres"))
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_tracking_store(request.param, tmp_path) as opened:
        yield opened


def model(model_id: str, time_us: int = 5, experiment_id: int = 0) -> ModelInfo:
    ready = LoggedModelStatus.READY
    return ModelInfo(model_id, "default", experiment_id, "ü", "", RUN, ready, "", time_us, time_us, "digest")


async def test_models_come_back_and_change(tracking: Store) -> None:
    one = model(A)

    def work(unit: TrackingUnit) -> None:
        unit.models.add(one)
        unit.models.add_params(A, {"p": "1"})
        unit.models.add_params(A, {"q": "é"})
        unit.models.put_tags(A, {"a": "1", "b": "2"})
        unit.models.put_tags(A, {"b": "34"})
        unit.models.delete_tags(A, ["a", "absent"])

    await tracking.write(work)
    assert await tracking.read(lambda unit: unit.models.get(A)) == one
    assert await tracking.read(lambda unit: unit.models.get(B)) is None
    assert await tracking.read(lambda unit: unit.models.params([B, A])) == {A: {"p": "1", "q": "é"}}
    assert await tracking.read(lambda unit: unit.models.tags([A, B])) == {A: {"b": "34"}}
    assert await tracking.read(lambda unit: unit.models.text_sizes([A, B])) == {A: 4}
    changed = replace(one, status=LoggedModelStatus.PENDING, status_message="x", update_time_us=9, deleted=True)
    await tracking.write(lambda unit: unit.models.save(changed))
    assert await tracking.read(lambda unit: unit.models.get(A)) == changed


async def test_edges_are_noted_once_and_go_with_their_run(tracking: Store) -> None:
    def work(unit: TrackingUnit) -> None:
        unit.add_run(RunInfo(RUN, "default", 0, "r", RunStatus.RUNNING, "", "me", 1, 0, "", "digest"))
        for _ in range(2):
            unit.models.add_inputs(RUN, [B, A, B])
            unit.models.add_outputs(RUN, [ModelOutput(A, 7), ModelOutput(B, -1), ModelOutput(A, 7), ModelOutput(A)])

    await tracking.write(work)
    inputs = await tracking.read(lambda unit: unit.models.inputs([RUN, "d" * 32]))
    assert inputs == {RUN: [A, B]}
    outputs = await tracking.read(lambda unit: unit.models.outputs([RUN]))
    assert outputs == {RUN: [ModelOutput(B, -1), ModelOutput(A, 0), ModelOutput(A, 7)]}
    assert await tracking.read(lambda unit: unit.text_sizes([RUN])) == {RUN: 5 * 34}
    await tracking.write(lambda unit: unit.deletions.note([RUN], 1))
    await tracking.write(lambda unit: unit.deletions.drop_run(RUN))
    assert await tracking.read(lambda unit: (unit.models.inputs([RUN]), unit.models.outputs([RUN]))) == ({}, {})


async def test_metrics_are_those_of_runs_of_the_workspace_and_go_with_their_run(tracking: Store) -> None:
    metrics = {("loss", 0, ("", "")): (1.0,), ("loss", 1, ("d", "1")): (2.0,), ("acc", 1, ("", "")): (3.0,)}
    one = RecordedModel("n", "", LoggedModelStatus.READY, False, 1, metrics=metrics)
    await tracking.write(lambda unit: store(unit, [one], 0))
    model_id = "m-" + "0" * 32

    async def found(workspace: str, limit: int = 10) -> list[tuple[str, str]]:
        series = await tracking.read(lambda unit: unit.models.series(workspace, [model_id, A], limit))
        return [(each.key, each.subject_id[-1]) for each in series]

    assert await found("default") == [("acc", "1"), ("loss", "0"), ("loss", "1")]
    assert await found("default", 2) == [("acc", "1"), ("loss", "0")]
    assert await found("other") == []
    of_runs = await tracking.read(lambda unit: unit.models.series_of_runs(["0" * 31 + "1", "0" * 32, RUN], 2))
    assert [(one.subject_id[-1], one.key) for one in of_runs] == [("0", "loss"), ("1", "acc")]
    while await tracking.write(lambda unit: unit.metrics.purge("0" * 31 + "1", 100)):
        pass
    assert await found("default") == [("loss", "0")]


async def test_lists_are_of_experiments_and_of_those_one_is_bound_to(tracking: Store) -> None:
    def work(unit: TrackingUnit) -> None:
        other = unit.add_experiment("default", "other", {}, 1).experiment_id
        unit.models.add(model(A))
        unit.models.add(model(B, 9, other))
        unit.models.add(replace(model("m-" + "c" * 32), deleted=True))
        unit.bindings.put(other, "me", 1)

    await tracking.write(work)
    search = read_search("", (), (), 0)

    async def found(**chosen: object) -> list[str]:
        query = replace(ModelsQuery("default"), **chosen)  # type: ignore[arg-type]
        page = await tracking.read(lambda unit: unit.models.search(query, search, None, 10))
        return [each.model.model_id[2] for each in page]

    assert await found() == ["b", "a"]
    assert await found(experiment_ids=(0, 7)) == ["a"]
    assert await found(bound_to="me") == ["b"]
    assert await found(bound_to="her") == []
    assert await found(view=View.DELETED_ONLY) == ["c"]
    assert await found(workspace="other") == []


async def listed(database: Store, query: ModelsQuery, search: Search, size: int) -> list[tuple[str, Place]]:
    """Everything, page by page."""
    found: list[tuple[str, Place]] = []
    while True:
        after = found[-1][1] if found else None
        page = await database.read(lambda unit, after=after: unit.models.search(query, search, after, size))
        found += [(each.model.model_id, each.place) for each in page]
        if len(page) < size:
            return found


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(recorded, max_size=6),
    st.lists(st.tuples(filters, st.sampled_from(SCOPES), orders), min_size=1, max_size=6),
    st.integers(1, 7),
)
async def test_sql_answers_what_the_reference_does(
    database: Store,
    models: list[RecordedModel],
    searches: list[tuple[str, Scope, list[ModelOrder]]],
    size: int,
) -> None:
    made = await database.write(lambda unit: unit.add_experiment("default", f"e{next(NUMBERS)}", {}, 1))
    await database.write(lambda unit: store(unit, models, made.experiment_id))
    reference = MemoryTrackingUnit()
    store(reference, models, made.experiment_id)
    query = ModelsQuery("default", (made.experiment_id,))
    for text, scope, order in searches:
        search = read_search(text, scope, order, NOW_US)
        wanted = [(one.model.model_id, one.place) for one in reference.models.search(query, search, None, 100)]
        assert await listed(database, query, search, size) == wanted, (text, scope, order)
