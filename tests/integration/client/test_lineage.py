"""Comparisons, data sets with tags, notes and long params: client, spool, fluent functions and a real server."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import trackway
from trackway._fluent import open_runs
from trackway.aio import AsyncClient
from trackway.client import Client
from trackway.entities import Dataset, DatasetInput
from trackway.errors import InvalidArgument, NotFound
from trackway.testing import LocalServer

LONG = "é" * 1_500_000


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: LocalServer) -> Iterator[Client]:
    with Client(server.uri, token=server.token) as opened:
        yield opened


@pytest.fixture(autouse=True)
def chosen(server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TRACKWAY_URI", server.uri)
    monkeypatch.setenv("TRACKWAY_PROFILE", str(server.profile))
    monkeypatch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path / "spools"))
    yield
    open_runs.end_open_runs(None)
    for name in ("TRACKWAY_EXPERIMENT_NAME", "TRACKWAY_EXPERIMENT_ID"):
        os.environ.pop(name, None)


def two_runs() -> list[str]:
    """Two runs of two experiments that differ in some."""
    ids = []
    for number, name in enumerate(("one", "two")):
        trackway.set_experiment(f"compared {name}")
        with trackway.start_run(run_name=name, tags={"team": "x"}) as run:
            trackway.log_params({"lr": 0.1 * (number + 1), "layers": 3})
            trackway.log_metrics({"loss": 0.5 - number, "same": math.nan})
            trackway.log_metric("loss", 0.25, context={"rank": 1})
            if number:
                trackway.log_param("only", "here")
        ids.append(run.info.run_id)
    return ids


async def test_runs_are_compared(server: LocalServer, client: Client) -> None:
    ids = two_runs()
    found = client.tracking.compare_runs(ids)
    assert [run.run_name for run in found.runs] == ["one", "two"]
    assert {"params.lr", "params.only", "metrics.loss"} <= {row.name for row in found.differing}
    assert found.row("params.lr").values == ("0.1", "0.2")
    assert found.row("params.only").values == (None, "here")
    assert not found.row("params.layers").differs
    assert not found.row("metrics.same").differs
    loss = found.row("metrics.loss")
    assert loss.shown == (0.5, -0.5)
    assert loss.values[0].count == 1  # type: ignore[union-attr]
    with pytest.raises(KeyError):
        found.row("metrics.loss{rank=1}")
    ranks = client.tracking.compare_runs(ids, any_context=True).row("metrics.loss{rank=1}")
    assert (ranks.shown, ranks.differs) == ((0.25, 0.25), False)
    different = client.tracking.compare_runs(ids, only_differing=True)
    assert different.rows == found.differing
    async with AsyncClient(server.uri, token=server.token) as asynchronous:
        assert await asynchronous.tracking.compare_runs(ids, only_differing=True) == different
    with pytest.raises(NotFound, match="0" * 32):
        client.tracking.compare_runs([*ids, "0" * 32])


def test_the_table_in_pandas_and_in_the_fluent_function() -> None:
    ids = two_runs()
    frame = trackway.compare_runs(ids)
    assert list(frame.columns) == ["differs", *ids]
    assert list(frame.loc["params.lr"]) == [True, "0.1", "0.2"]
    assert list(frame.loc["params.only"]) == [True, None, "here"]
    assert frame.loc["metrics.loss", ids[1]] == -0.5
    listed = trackway.compare_runs(ids, only_differing=True, output_format="list")
    assert len(listed.rows) == frame["differs"].sum()
    with pytest.raises(InvalidArgument, match="output_format"):
        trackway.compare_runs(ids, output_format="json")  # type: ignore[arg-type]


def test_data_sets_keep_all_their_tags(client: Client) -> None:
    data = trackway.data.from_numpy(np.arange(3), name="digits")
    other = trackway.data.from_numpy(np.arange(4), name="letters")
    with trackway.start_run() as run:
        trackway.log_inputs([data, other], ["training", None], [{"split": "a", "é": 1}, None])
        with pytest.raises(InvalidArgument, match="one length"):
            trackway.log_inputs([data], ["training", "test"])
        with pytest.raises(InvalidArgument, match="too long"):
            trackway.log_input(data, tags={"k": "v" * 501})
    first, second = run.inputs.dataset_inputs
    assert (first.dataset.name, first.context, first.extra_tags) == ("digits", "training", {"split": "a", "é": "1"})
    assert [(tag.key, tag.value) for tag in first.tags] == [
        ("mlflow.data.context", "training"),
        ("split", "a"),
        ("é", "1"),
    ]
    assert (second.dataset.name, second.tags) == ("letters", ())
    mlflow, again = trackway.MlflowClient(), client.tracking.create_run(experiment_name="data sets")
    mlflow.log_inputs(again.info.run_id, [first, DatasetInput(Dataset("x", "1"), "test")])
    assert mlflow.get_run(again.info.run_id).inputs.dataset_inputs == (first, DatasetInput(Dataset("x", "1"), "test"))
    summaries = client.tracking.search_datasets([again.info.experiment_id])
    assert [(one.name, one.context) for one in summaries] == [("digits", "training"), ("x", "test")]
    for condition in ("datasets.name = 'x'", "dataset.digest = '1'", "datasets.context = 'test'"):
        (found,) = client.tracking.search_runs([again.info.experiment_id], filter=condition)
        assert found.info.run_id == again.info.run_id


def test_notes(client: Client) -> None:
    made = client.tracking.create_experiment("noted", description="# Why")
    assert client.tracking.get_experiment(made.experiment_id).description == "# Why"
    assert client.tracking.update_experiment(made.experiment_id, description="# How").description == "# How"
    run = client.tracking.create_run(experiment_id=made.experiment_id, description="first")
    assert run.description == "first"
    client.tracking.describe_run(run.info.run_id, "**second**")
    assert client.tracking.get_run(run.info.run_id).data.tags["mlflow.note.content"] == "**second**"
    with pytest.raises(InvalidArgument, match="the same thing"):
        client.tracking.create_experiment("x", tags={"mlflow.note.content": "a"}, description="b")


def test_params_of_megabytes_arrive_whole(client: Client) -> None:
    with trackway.start_run() as run:
        trackway.log_params({"long": LONG, "number": "1e-3", "lr": 0.01})
    assert run.data.params == {"long": LONG, "number": "1e-3", "lr": "0.01"}
    made = client.tracking.create_run()
    client.tracking.log_params(made.info.run_id, {"long": LONG})
    assert client.tracking.get_run(made.info.run_id).data.params["long"] == LONG
    found = client.tracking.search_runs(filter=f"params.number < 0.002 AND run_id = '{run.info.run_id}'")
    assert [each.info.run_id for each in found] == [run.info.run_id]
