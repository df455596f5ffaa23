"""Comparisons of runs and the data sets they read: over every store, then what they refuse."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.tracking_service import Clock, call
from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.metrics.v1.ingest_pb2 import DatasetInput
from trackway.api.tracking.v1 import resources_pb2 as pb
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway_server.core.auth.principal import Principal, Role
from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.domain.reading import SummarisedSeries
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.domain import comparing
from trackway_server.tracking.domain.comparing import Comparison, Kind
from trackway_server.tracking.module import serve

A, B, C = (letter * 32 for letter in "abc")
PARAM, SOURCE, TAG, METRIC = range(1, 5)


@pytest.fixture(params=ADAPTERS)
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    async with (
        open_tracking_store(request.param, tmp_path) as store,
        serve(store, TrackingSettings(), Clock()) as binding,
    ):
        yield binding.servicer


async def create(service: Any, run_id: str, experiment: str = "", **tags: str) -> None:
    start = ingest_pb2.RunStart(experiment_name=experiment, run_name=run_id[:4], start_time_us=7, tags=tags)
    await service.CreateRun(rpc.CreateRunRequest(run_id=run_id, start=start), call())


async def log(service: Any, run_id: str, *inputs: DatasetInput, **params: str) -> None:
    request = rpc.LogBatchRequest(
        run_id=run_id, params=ingest_pb2.ParamsSet(params=params), dataset_inputs=list(inputs)
    )
    await service.LogBatch(request, call())


async def compared(service: Any, *run_ids: str, **options: bool) -> tuple[list[str], dict[tuple[int, str], Any]]:
    answer = await service.CompareRuns(rpc.CompareRunsRequest(run_ids=run_ids, **options), call())
    rows = {(row.kind, row.key): (row.differs, [one.text for one in row.values]) for row in answer.rows}
    assert list(rows) == sorted(rows)
    return [run.run_id for run in answer.runs], rows


async def test_runs_of_several_experiments_side_by_side(service: Any) -> None:
    await create(service, A, team="x", **{"mlflow.source.git.commit": "1"})
    await create(service, B, "other", team="x", **{"mlflow.source.git.commit": "2", "mlflow.user": "me"})
    await log(service, A, lr="0.1", layers="3")
    await log(service, B, lr="0.2", layers="3")
    runs, rows = await compared(service, B, A, B)
    assert runs == [B, A]
    assert rows == {
        (PARAM, "layers"): (False, ["3", "3"]),
        (PARAM, "lr"): (True, ["0.2", "0.1"]),
        (SOURCE, "mlflow.source.git.commit"): (True, ["2", "1"]),
        (SOURCE, "mlflow.user"): (True, ["me", ""]),
        (TAG, "team"): (False, ["x", "x"]),
    }
    _, rows = await compared(service, B, A, only_differing=True)
    assert {key for _, key in rows} == {"lr", "mlflow.source.git.commit", "mlflow.user"}
    answer = await service.CompareRuns(rpc.CompareRunsRequest(run_ids=[A, B]), call())
    row = next(row for row in answer.rows if row.key == "mlflow.user")
    assert [one.WhichOneof("value") for one in row.values] == [None, "text"]
    assert [(run.run_name, run.experiment_id, run.start_time_us) for run in answer.runs] == [
        ("aaaa", "0", 7),
        ("bbbb", "1", 7),
    ]


async def test_long_texts_are_cut_and_still_told_apart(service: Any) -> None:
    for run_id, end in ((A, "x"), (B, "y"), (C, "x")):
        await create(service, run_id)
        await log(service, run_id, long="é" * 3_000_000 + end)
    answer = await service.CompareRuns(rpc.CompareRunsRequest(run_ids=[A, B]), call())
    assert answer.ByteSize() < 10_000
    (row,) = answer.rows
    assert (row.differs, row.values[0].text, row.values[0].cut_characters) == (True, "é" * 1000, 2_999_001)
    (row,) = (await service.CompareRuns(rpc.CompareRunsRequest(run_ids=[A, C]), call())).rows
    assert not row.differs


async def test_a_run_that_is_not_there_is_named(service: Any) -> None:
    await create(service, A)
    with pytest.raises(DomainError) as caught:
        await service.CompareRuns(rpc.CompareRunsRequest(run_ids=[A, B]), call())
    assert (caught.value.reason, caught.value.metadata["run_id"]) == (Reason.RUN_NOT_FOUND, B)
    stranger = call(Principal("stranger", {"elsewhere": Role.ADMIN}))
    with pytest.raises(DomainError) as caught:
        await service.CompareRuns(rpc.CompareRunsRequest(run_ids=[A]), stranger)
    assert (caught.value.reason, caught.value.metadata["run_id"]) == (Reason.RUN_NOT_FOUND, A)


async def test_data_sets_of_experiments(service: Any) -> None:
    await create(service, A)
    await create(service, B, "other")
    await create(service, C, "other")
    train = DatasetInput(name="d", digest="1", context="training", tags={"split": "a", "é": "ü"})
    await log(service, A, train, DatasetInput(name="d", digest="1", context="late"), DatasetInput(name="É", digest="1"))
    await log(service, B, DatasetInput(name="d", digest="1", context="training"))
    await log(service, C, DatasetInput(name="d", digest="1", context="test"))
    run = (await service.GetRun(rpc.GetRunRequest(run_id=A), call())).run
    assert list(run.dataset_inputs) == [train, DatasetInput(name="É", digest="1")]

    async def found(*experiments: str) -> list[tuple[str, str, str]]:
        request = rpc.SearchDatasetsRequest(experiment_ids=experiments)
        answer = await service.SearchDatasets(request, call())
        assert not answer.has_more
        return [(one.experiment_id, one.name, one.context) for one in answer.datasets]

    assert await found("0", "1") == [("0", "d", "training"), ("0", "É", ""), ("1", "d", "test"), ("1", "d", "training")]
    assert await found("7") == []
    await service.DeleteRun(rpc.DeleteRunRequest(run_id=C), call())
    assert await found("1") == [("1", "d", "training")]
    stranger = call(Principal("stranger", {"elsewhere": Role.ADMIN}))
    with pytest.raises(DomainError) as caught:
        await service.SearchDatasets(rpc.SearchDatasetsRequest(experiment_ids=["0"]), stranger)
    assert caught.value.reason is Reason.WORKSPACE_NOT_FOUND


async def test_more_data_sets_than_are_answered(service: Any) -> None:
    await create(service, A)
    await log(service, A, *(DatasetInput(name=f"d{number:04d}", digest="1") for number in range(1000)))
    await create(service, B)
    await log(service, B, DatasetInput(name="more", digest="1"))
    answer = await service.SearchDatasets(rpc.SearchDatasetsRequest(experiment_ids=["0"]), call())
    assert (len(answer.datasets), answer.has_more, answer.datasets[-1].name) == (1000, True, "d0999")


def series(key: str, value: float, context: str = "") -> SummarisedSeries:
    return SummarisedSeries("", key, context, 1, 0, value, 0, 0, value, 0, value, 0)


def test_metrics_differ_by_their_last_values() -> None:
    comparison = Comparison([A, B], only_differing=False)
    one = [series("nan", math.nan), series("zero", 0.0), series("same", 1.5), series("alone", 1.0)]
    comparison.add_series({A: one, B: [series("nan", math.nan), series("zero", -0.0), series("same", 1.5)]})
    assert {row.key: row.differs for row in comparison.rows()} == {
        "alone": True,
        "nan": False,
        "same": False,
        "zero": True,
    }


def test_a_comparison_that_no_message_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MAX_BYTES", 1000)
    comparison = Comparison([A, B], only_differing=True)
    comparison.add_texts(Kind.PARAM, {A: {"k": "x" * 900}, B: {"k": "x" * 900}})
    assert comparison.rows() == []  # what is left out does not count
    with pytest.raises(DomainError) as caught:
        comparison.add_texts(Kind.TAG, {A: {f"k{number}": f"{number}" * 900 for number in range(9)}})
    assert (caught.value.reason, caught.value.metadata["limit"]) == (Reason.LIMIT_EXCEEDED, "comparison_bytes")
    comparison = Comparison([A, B], only_differing=False)
    comparison.add_texts(Kind.PARAM, {A: {"k": "x" * 900}, B: {"k": "x" * 900}})
    with pytest.raises(DomainError):
        comparison.rows()


def test_kinds_are_those_of_the_contract() -> None:
    assert {kind.name: kind.value for kind in Kind} == {
        name.removeprefix("COMPARED_KIND_"): number for name, number in pb.ComparedKind.items() if number
    }
