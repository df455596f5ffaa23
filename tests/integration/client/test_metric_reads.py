"""Reads of metrics through the client, against a real server: columns, buckets, aggregates, values, and Follow."""

from __future__ import annotations

import asyncio
import json
import math
import multiprocessing
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import trackway
from trackway import errors
from trackway.aio import AsyncClient
from trackway.cli.commands import app
from trackway.client import Client
from trackway.testing import LocalServer

RANKS = 3
STEPS = 1000
SPIKE = 99.0


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def client(server: LocalServer) -> Iterator[Client]:
    with Client(server.uri, token=server.token) as connected:
        yield connected


@pytest.fixture(scope="module")
def recording(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The fluent functions record to a spool of these tests and send to the server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path_factory.mktemp("spool")))
        patch.setenv("TRACKWAY_URI", server.uri)
        patch.setenv("TRACKWAY_TOKEN", server.token)
        yield


def train(run_id: str, rank: int) -> None:
    with trackway.attach_run(run_id, context={"rank": rank}) as run:
        values = np.arange(STEPS, dtype=np.float64) + rank
        values[500 + rank] = SPIKE * 1000
        run.log_series("loss", np.arange(STEPS), values)


@pytest.fixture(scope="module")
def run_id(recording: None) -> str:
    """A run of three ranks, whose first process logs one metric more."""
    with trackway.start_run() as run:
        context = multiprocessing.get_context("spawn")
        ranks = [context.Process(target=train, args=(run.info.run_id, rank)) for rank in range(RANKS)]
        for process in ranks:
            process.start()
        for step, value in enumerate([1.0, math.nan, math.inf]):
            run.log_metric("odd", value, step=step)
        for process in ranks:
            process.join()
        assert [process.exitcode for process in ranks] == [0] * RANKS
        (odd,) = run.metric_history("odd")
        assert odd.values.tolist()[::2] == [1.0, math.inf]
    return str(run.info.run_id)


def test_every_shape_of_a_read(client: Client, run_id: str) -> None:
    by_rank = client.tracking.read_series(run_id, "loss")
    assert [(each.run_id, each.context, len(each)) for each in by_rank] == [
        (run_id, {"rank": str(rank)}, STEPS) for rank in range(RANKS)
    ]
    assert {each.key for each in client.tracking.read_series([run_id], ["loss", "odd"])} == {"loss", "odd"}
    assert {each.key for each in client.tracking.read_series(run_id)} >= {"loss", "odd"}
    (some,) = client.tracking.read_series(run_id, "loss", context={"rank": "1"}, steps=(10, 12))
    assert (some.steps.tolist(), some.values.tolist()) == ([10, 11, 12], [11.0, 12.0, 13.0])
    assert some.to_pandas().columns.tolist() == ["step", "time", "value"]
    with pytest.raises(errors.NotFound):
        client.tracking.read_series(run_id, "absent")

    buckets = client.tracking.read_buckets(run_id, "loss", max_buckets=50)
    assert [len(each) <= 50 and int(each.counts.sum()) == STEPS for each in buckets] == [True] * RANKS
    assert [each.max_values.max() for each in buckets] == [SPIKE * 1000] * RANKS
    (odd,) = client.tracking.read_buckets(run_id, "odd", axis="time", max_buckets=2)
    assert (int(odd.counts.sum()), int(odd.nan_counts.sum()), odd.max_values.max()) == (3, 1, math.inf)
    assert len(odd.to_pandas()) == len(odd)

    (ranks,) = client.tracking.read_aggregates(run_id, "loss")
    assert (ranks.member_count, ranks.context, len(ranks)) == (RANKS, {}, STEPS)
    assert ranks.mean_values[:3].tolist() == [1.0, 2.0, 3.0]
    assert (ranks.max_values - ranks.min_values)[:3].tolist() == [2.0] * 3
    (coarse,) = client.tracking.read_aggregates(run_id, "loss", max_buckets=10, steps=(0, 99))
    assert int(coarse.counts.sum()) == 100 * RANKS
    assert len(ranks.to_pandas()) == STEPS

    values = client.tracking.read_values(run_id, [5, STEPS + 5], "loss", match="at_or_before")
    assert [each.steps.tolist() for each in values] == [[5, STEPS - 1]] * RANKS
    assert [each.asked_steps.tolist() for each in client.tracking.read_values(run_id, [5, 5000], match="exact")] == [
        [5]
    ] * RANKS
    with pytest.raises(errors.InvalidArgument):
        client.tracking.read_values(run_id, 5, match="near")  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidArgument):
        client.tracking.read_buckets(run_id, axis="rank")  # type: ignore[arg-type]


def test_an_ended_run_is_followed_to_its_end(client: Client, run_id: str) -> None:
    found: dict[str, list[float]] = {}
    for update in client.tracking.follow(run_id, "loss", until_end=True):
        for part in update.points:
            found.setdefault(part.context["rank"], []).extend(part.values.tolist())
    assert {rank: len(values) for rank, values in found.items()} == {str(rank): STEPS for rank in range(RANKS)}


def test_a_follower_sees_a_run_through_a_restart_of_the_server(
    recording: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalServer(tmp_path / "data") as server, Client(server.uri, token=server.token) as client:
        run_id = client.tracking.create_run().info.run_id
        seen = threading.Event()
        found: list[float] = []

        def log() -> None:
            with trackway.attach_run(run_id) as run:
                run.log_series("loss", np.arange(100), np.arange(100.0))
                run.flush(timeout=60)
                seen.wait(120)
                run.log_series("loss", np.arange(100, 200), np.arange(100.0, 200.0))
                run.flush(timeout=60)
            client.tracking.update_run(run_id, status="FINISHED")

        monkeypatch.setenv("TRACKWAY_TOKEN", server.token)
        monkeypatch.setenv("TRACKWAY_URI", server.uri)
        monkeypatch.setenv("TRACKWAY_SPOOL_DIR", str(tmp_path / "spool"))
        writing = threading.Thread(target=log)
        writing.start()
        for update in client.tracking.follow(run_id, "loss", until_end=True):
            for part in update.points:
                found += part.values.tolist()
            if len(found) == 100 and not seen.is_set():
                server.restart()
                seen.set()
        writing.join(120)
    assert found == [float(value) for value in range(200)]


async def test_a_position_goes_on_in_another_client(server: LocalServer, run_id: str) -> None:
    async with AsyncClient(server.uri, token=server.token) as client, asyncio.timeout(120):
        position, first = b"", 0
        async for update in client.tracking.follow(run_id, "loss"):
            first += sum(len(part) for part in update.points)
            position = update.position
            if update.caught_up:
                break
        assert first == RANKS * STEPS
        async for update in client.tracking.follow(run_id, "loss", position=position):
            assert not update.points
            assert update.caught_up
            break
        async for update in client.tracking.follow(run_id, "loss", only_new=True):
            assert not update.points
            break
        with pytest.raises(errors.InvalidArgument):
            await anext(aiter(client.tracking.follow(run_id, "odd", position=position)))


def test_metrics_are_drawn(server: LocalServer, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_TOKEN", server.token)

    def shown(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["runs", "metrics", run_id, "--uri", server.uri, *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    drawn = shown("loss", "--height", "4")
    assert "(rank=0)  1,000 points" in drawn
    assert sum("┤" in line for line in drawn.splitlines()) == 4 * RANKS
    assert "of 3 series" in shown("loss", "--across", "rank")
    assert "1 NaN" in shown("odd")
    (ranks,) = json.loads(shown("loss", "--across", "rank", "--steps", "0:9", "--json"))
    assert ranks["mean_values"] == [float(step + 1) for step in range(10)]
    many: list[Any] = json.loads(shown("--json"))
    assert {"loss", "odd"} <= {each["key"] for each in many}
    assert CliRunner().invoke(app, ["runs", "metrics", run_id, "--steps", "a:b"]).exit_code == 2


def test_a_run_is_followed_by_its_handle(recording: None) -> None:
    with trackway.start_run() as run:
        for step in range(3):
            trackway.log_metric("acc", step / 2, step=step)
        update = next(iter(islice(run.follow("acc", until_end=False), 1)))
        assert [value for part in update.points for value in part.values.tolist()] == [0.0, 0.5, 1.0]
