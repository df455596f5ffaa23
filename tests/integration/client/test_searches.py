"""Searches through every door of the client, against a real server: facade, fluent, MLflow's look-alike, command."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import islice

import pytest
from typer.testing import CliRunner

import trackway
from trackway import errors
from trackway._fluent import open_runs
from trackway._ids import new_id
from trackway.aio import AsyncClient
from trackway.cli.commands import app
from trackway.client import Client
from trackway.testing import LocalServer
from trackway.tracking import MlflowClient
from trackway.types import Run

LOSSES = (0.9, 0.1, math.nan, 0.5)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKWAY_URI", running.uri)
        patch.setenv("TRACKWAY_PROFILE", str(running.profile))
        patch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path_factory.mktemp("spools")))
        yield running
        open_runs.end_open_runs(None)


@pytest.fixture(scope="module")
def experiment_id(server: LocalServer) -> str:
    """An experiment of five runs, the last without a metric."""
    experiment_id = trackway.create_experiment(f"searched-{new_id()}", tags={"team": "a"})
    for number, loss in enumerate((*LOSSES, None)):
        with trackway.start_run(experiment_id=experiment_id, run_name=f"run-{number}"):
            trackway.log_param("lr", ["10", "9", "0.1", "none", "1e1"][number])
            if loss is not None:
                trackway.log_metric("loss", loss)
    return experiment_id


def named(runs: list[Run]) -> list[str]:
    return [each.info.run_name.removeprefix("run-") for each in runs]


def test_the_facade(server: LocalServer, experiment_id: str) -> None:
    with Client(server.uri, token=server.token) as client:

        def found(text: str = "", *order: str) -> list[str]:
            listed = client.tracking.search_runs([experiment_id], filter=text, order_by=order, page_size=2)
            return named(list(listed))

        assert found("", "metrics.loss") == ["1", "3", "0", "2", "4"]
        assert found("", "metrics.loss DESC") == ["0", "3", "1", "2", "4"]
        assert found("", "params.lr DESC", "run_name") == ["4", "0", "1", "2", "3"]
        assert found("metrics.loss < 0.8 OR params.lr = 10 AND NOT metrics.loss > 0", "run_name") == ["1", "3", "4"]
        assert found() == ["4", "3", "2", "1", "0"]
        (experiment,) = client.tracking.search_experiments(f"experiment_id = '{experiment_id}' AND tags.team = 'a'")
        assert experiment.experiment_id == experiment_id
        with pytest.raises(errors.InvalidArgument) as refused:
            found("metrics.loss << 1")
        assert (refused.value.reason, refused.value.metadata["position"]) == ("FILTER_INVALID", "14")


def test_a_token_is_of_its_own_search(server: LocalServer, experiment_id: str) -> None:
    with Client(server.uri, token=server.token) as client:
        listed = client.tracking.search_runs([experiment_id], order_by=["metrics.loss"], page_size=1)
        assert named(list(islice(listed, 3))) == ["1", "3", "0"]


async def test_the_asynchronous_facade(server: LocalServer, experiment_id: str) -> None:
    async with AsyncClient(server.uri, token=server.token) as client:
        runs = client.tracking.search_runs([experiment_id], filter="metrics.loss.max <= 0.5", order_by=["run_name"])
        assert named([each async for each in runs]) == ["1", "3"]
        assert [each.experiment_id async for each in client.tracking.search_experiments("name LIKE 'searched-%'")]


def test_fluent_as_mlflow_says_it(experiment_id: str) -> None:
    frame = trackway.search_runs([experiment_id], "metrics.loss < 0.8", order_by=["metrics.loss DESC"])
    assert frame["metrics.loss"].tolist() == [0.5, 0.1]
    runs = MlflowClient().search_runs([experiment_id], "params.lr IN ('9', '10')", order_by=["attributes.start_time"])
    assert named(list(runs)) == ["0", "1"]
    everywhere = trackway.search_runs(
        filter_string=f"experiment_id = '{experiment_id}'", search_all_experiments=True, output_format="list"
    )
    assert len(everywhere) == 5
    assert [each.experiment_id for each in trackway.search_experiments(filter_string="tags.team = 'a'")] == [
        experiment_id
    ]
    with pytest.raises(errors.InvalidArgument, match="character 1"):
        trackway.search_runs([experiment_id], "= 1")


def test_the_command(experiment_id: str) -> None:
    said = ["runs", "search", "metrics.loss < 0.8", "--order-by", "metrics.loss", "-e", experiment_id, "--json"]
    answer = CliRunner().invoke(app, said)
    assert answer.exit_code == 0, answer.output
    assert [run["data"]["metrics"]["loss"] for run in json.loads(answer.output)] == [0.1, 0.5]
    refused = CliRunner().invoke(app, ["runs", "search", "loss ="])
    assert refused.exit_code == 1
