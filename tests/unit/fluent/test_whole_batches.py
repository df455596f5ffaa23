"""A batch of which one part is wrong leaves nothing of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import trackway
from support.recorded import only_recorded
from trackway.entities import Metric, Param, RunTag
from trackway.errors import InvalidArgument

GOOD = {"metrics": [Metric("m", 1.0, 2, 1_000)], "params": [Param("p", "1")], "tags": [RunTag("t", "1")]}


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"metrics": [Metric("m", 1.0, 2, 1), Metric("k" * 251, 1.0, 2, 1)]}, ValueError),
        ({"metrics": [Metric("m", "one", 2, 1)]}, TypeError),  # type: ignore[arg-type]
        ({"metrics": [Metric("m", 1.0, 2, 1.5)]}, ValueError),  # type: ignore[arg-type]
        ({"tags": [RunTag("t", "1"), RunTag("", "2")]}, ValueError),
        ({"params": [Param("new", "1"), Param("set", "2")]}, InvalidArgument),
    ],
)
def test_a_batch_is_recorded_whole_or_not(spools: Path, wrong: dict[str, Any], refusal: type[Exception]) -> None:
    with trackway.start_run() as run:
        trackway.log_param("set", "1")
        client = trackway.MlflowClient()
        with pytest.raises(refusal):
            client.log_batch(run.info.run_id, **{**GOOD, **wrong})
    found = only_recorded(spools, run.info.run_id)
    assert (found.points, found.params) == ([], {"set": "1"}) and "t" not in found.tags


def test_a_whole_batch_is_recorded(spools: Path) -> None:
    with trackway.start_run() as run:
        trackway.MlflowClient().log_batch(run.info.run_id, **GOOD)  # type: ignore[arg-type]
    found = only_recorded(spools, run.info.run_id)
    assert (found.points, found.params, found.tags["t"]) == ([("m", {}, 1_000, 1.0)], {"p": "1"}, "1")
