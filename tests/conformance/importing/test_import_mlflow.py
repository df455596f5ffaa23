"""`trackway import mlflow` on what the real MLflow wrote: from each of its stores the same comes, and once only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.imported import PEER, Told, command, imported, on_server, told
from trackway.client import Client
from trackway.testing import LocalServer

pytestmark = [
    pytest.mark.skipif(not PEER.exists(), reason="MLflow has an environment of its own: make bench makes it"),
    pytest.mark.xdist_group("import-mlflow"),
    pytest.mark.timeout(600),  # MLflow takes its time to be imported where others work, too
]
KINDS = ("rest", "sql", "files")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with told(tmp_path_factory.mktemp("mlflow-story")) as one:
        yield one


def expected(answers: Any) -> dict[str, Any]:
    """What MLflow answers, as it is to be here."""
    there = in_order(answers)
    for model in there["logged"]:  # of a model's metrics, databases forget which is no number
        model["metrics"] = [[*one[:4], "nan", *one[5:]] if one[1] == "odd" else one for one in model["metrics"]]
    for run in there["runs"]:  # MLflow's folder of files answers step 0 for points that name a data set
        for points in run["metrics"].values():
            steps = {(1_700_000_003_003, "0.9"): 3, (1_700_000_004_000, "0.75"): 1}
            points[:] = [[time, steps.get((time, value), step), value] for time, step, value in points]
    return there


def in_order(answers: Any) -> dict[str, Any]:
    by_name = ("experiments", "models", "logged")
    ordered = {name: sorted(answers[name], key=lambda each: each["name"]) for name in by_name}
    return {**ordered, "runs": sorted(answers["runs"], key=lambda run: run["run_id"])}


def found(server: LocalServer) -> dict[str, Any]:
    with Client(server.uri, token=server.token) as client:
        return in_order(on_server(client))


def check_same(server: LocalServer, answers: Any) -> None:
    here, there = found(server), expected(answers)
    for name, wanted in there.items():
        assert len(here[name]) == len(wanted), name
        for mine, theirs in zip(here[name], wanted, strict=True):
            assert {key: mine[key] for key in theirs if mine[key] != theirs[key]} == {
                key: theirs[key] for key in theirs if mine[key] != theirs[key]
            }, theirs["name"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_is_what_mlflow_answers_and_comes_once(story: Told, kind: str) -> None:
    with LocalServer() as server:
        first = imported(story.sources[kind][0], server, story.sources[kind][1])
        assert first.complete, first.misses
        check_same(server, story.answers[kind])
        points = sum(len(each) for run in story.answers[kind]["runs"] for each in run["metrics"].values())
        assert first.counts["points_sent"] == points
        assert first.left_out == {"traces": 1, **({} if kind == "rest" else {"deleted logged models": 1})}
        others = {"rest": ("rest", "sql"), "sql": ("sql", "rest"), "files": ("files",)}[kind]
        for again in others:  # the same runs, read another way, are the same runs
            report = imported(story.sources[again][0], server, story.sources[again][1])
            assert report.complete, report.misses
            assert [report.counts[name] for name in ("points_sent", "records_sent", "files_sent")] == [0, 0, 0]
        check_same(server, story.answers[kind])
        if kind == "sql":
            assert report.experiment_ids == {"0": "0", "1": "1", "2": "2"}
            dry = command(
                story.sources[kind][0], "--artifacts", story.sources[kind][1], "--dry-run", "--json", server=server
            )
            counts = json.loads(dry.stdout)["counts"]
            assert (dry.returncode, counts["points"], counts["runs"]) == (0, points, first.counts["runs"])


def test_one_experiment(story: Told) -> None:
    with LocalServer() as server:
        imported(story.sources["files"][0], server, experiments=("binned experiment",))
        here = found(server)
        assert ([each["name"] for each in here["runs"]], here["models"]) == (["in the bin"], [])
