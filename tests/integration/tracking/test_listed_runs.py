"""Lists show runs as they are, whatever was kept of them from an earlier list: after every kind of change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from support.tracking_service import RUN, Clock, append, call, ingest, open_writer, params, points, series, start
from support.tracking_stores import open_tracking_store
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.tracking.v1 import resources_pb2 as pb
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.module import serve
from trackway_server.tracking.run_cards import Card, RunCards

WRITERS = iter(range(1, 1000))
MODEL = f"m-{'5' * 32}"


@pytest.fixture(params=("sqlite", "postgres"))
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    async with (
        open_tracking_store(request.param, tmp_path) as store,
        serve(store, TrackingSettings(), Clock()) as binding,
    ):
        yield binding.servicer


async def listed(service: Any) -> pb.Run:
    page = await service.SearchRuns(rpc.SearchRunsRequest(view=pb.VIEW_TYPE_ALL), call())
    (run,) = page.runs
    return run


async def log(service: Any, **fields: Any) -> None:
    await service.LogBatch(rpc.LogBatchRequest(run_id=RUN, **fields), call())


async def more_points(service: Any, *records: Any) -> None:
    writer = f"{next(WRITERS):032x}"
    answers = await ingest(service, [open_writer(1, writer_id=writer), append(0, *records)])
    assert answers.error is None


CHANGES: dict[str, Callable[[Any], Awaitable[object]]] = {
    "params": lambda service: log(service, params=ingest_pb2.ParamsSet(params={"late": "1"})),
    "tags": lambda service: log(service, tags=ingest_pb2.TagsChange(set={"team": "b"})),
    "a tag less": lambda service: log(service, tags=ingest_pb2.TagsChange(delete=["team"])),
    "a data set": lambda service: log(service, dataset_inputs=[ingest_pb2.DatasetInput(name="d", digest="1")]),
    "a model": lambda service: log(service, model_outputs=[ingest_pb2.ModelOutput(model_id=MODEL, step=3)]),
    "points": lambda service: more_points(service, series(0), points([0.5, 0.25], 0, at=7)),
    "a series": lambda service: more_points(service, series(0, "acc"), points([0.75], 0)),
    "a name": lambda service: service.UpdateRun(rpc.UpdateRunRequest(run_id=RUN, run_name="new"), call()),
    "a state": lambda service: service.UpdateRun(
        rpc.UpdateRunRequest(run_id=RUN, status=pb.RUN_STATUS_FAILED, status_message="out of memory"), call()
    ),
    "a refused record": lambda service: more_points(service, params(lr="2")),
    "deletion": lambda service: service.DeleteRun(rpc.DeleteRunRequest(run_id=RUN), call()),
    "restoration": lambda service: service.RestoreRun(rpc.RestoreRunRequest(run_id=RUN), call()),
    "its experiment's deletion": lambda service: service.DeleteExperiment(
        rpc.DeleteExperimentRequest(experiment_id="1"), call()
    ),
    "its experiment's restoration": lambda service: service.RestoreExperiment(
        rpc.RestoreExperimentRequest(experiment_id="1"), call()
    ),
}


async def test_a_list_shows_every_change_at_once(service: Any) -> None:
    first = [start(experiment_name="e", tags={"team": "a"}), params(lr="1"), series(0), points([1.0], 0)]
    await more_points(service, *first)
    model = rpc.CreateLoggedModelRequest(model_id=MODEL, experiment_id="1", name="model")
    await service.CreateLoggedModel(model, call())
    await service.UpdateRun(rpc.UpdateRunRequest(run_id=RUN, status=pb.RUN_STATUS_FINISHED), call())
    before = await listed(service)
    for name, change in CHANGES.items():
        await change(service)
        shown = await listed(service)
        assert shown != before, name
        assert shown == (await service.GetRun(rpc.GetRunRequest(run_id=RUN), call())).run, name
        assert await listed(service) == shown, name
        before = shown


async def test_a_run_that_was_listed_is_not_read_again(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []
    kept = RunCards.keep
    monkeypatch.setattr(RunCards, "keep", lambda self, look, made, of: (used.extend(of), kept(self, look, made, of)))
    await more_points(service, start(), params(lr="1"), series(0), points([1.0], 0))
    await listed(service)
    await listed(service)
    assert used == [], "it still runs"
    await service.UpdateRun(rpc.UpdateRunRequest(run_id=RUN, status=pb.RUN_STATUS_FINISHED), call())
    shown = [await listed(service) for _ in range(3)]
    assert used == [RUN, RUN]
    assert shown[0] == shown[1] == shown[2]


class _Unit:
    """A ChangeLog that says what it is told."""

    def __init__(self, horizon: int, changed: frozenset[str] | None) -> None:
        self.changes = self
        self._horizon, self._changed = horizon, changed

    def horizon(self) -> int:
        return self._horizon

    def since(self, _horizon: int, _limit: int) -> Any:
        from trackway_server.tracking.domain.change_log import ChangedRuns

        return None if self._changed is None else ChangedRuns(self._changed)


def look(cards: RunCards, horizon: int, *changed: str) -> Any:
    return cards.look(_Unit(horizon, frozenset(changed)))  # type: ignore[arg-type]


def test_a_card_of_older_reading_is_not_kept() -> None:
    cards = RunCards()
    slow, quick = look(cards, 5), look(cards, 7, "a")
    cards.keep(quick, {"b": Card(b"b", 1)}, ())
    cards.keep(slow, {"a": Card(b"a", 1)}, ())
    assert (cards.get("a"), cards.get("b")) == (None, Card(b"b", 1))
    assert look(cards, 8, "b").of(["a", "b"]) == {}


def test_cards_are_bounded_and_the_last_used_are_kept() -> None:
    cards = RunCards(most_bytes=10)
    for number, name in enumerate("abc"):
        cards.keep(look(cards, number), {name: Card(b"1234", 1)}, ["a"])
    assert [name for name in "abc" if cards.get(name)] == ["a", "c"]
    cards.keep(cards.look(_Unit(9, None)), {}, ())  # type: ignore[arg-type]
    assert [name for name in "abc" if cards.get(name)] == [], "nothing is known of what changed"
