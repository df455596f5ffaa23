"""What filters and orders of runs and experiments mean: names, kinds, times, and where a refusal points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest

from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.search.evaluation import holds, number_of
from trackway_server.core.search.ordering import key_of
from trackway_server.metrics.domain.reading import SummarisedSeries
from trackway_server.tracking.domain.model import DatasetInput, Run, RunInfo, RunStatus
from trackway_server.tracking.domain.search import EXPERIMENTS, RUNS, SearchedRun

NOW_US = 1_800_000_000_000_000
RUN_ID = "a" * 32


def series(key: str, *values: float, context: str = "") -> SummarisedSeries:
    real = [value for value in values if not math.isnan(value)] or [math.nan]
    bounds = (values[-1], 0, 0, min(real), 0, max(real), 0, values[0], 0, 0, None)
    return SummarisedSeries(RUN_ID, key, context, len(values), len(values) - len(real), *bounds)


def searched(params: Mapping[str, str] | None = None, metrics: Sequence[SummarisedSeries] = ()) -> SearchedRun:
    start = 1_763_904_600_000_000  # 2025-11-23 13:30 UTC
    info = RunInfo(RUN_ID, "default", 3, "Calm owl", RunStatus.FINISHED, "", "me", start, 0, "", "")
    inputs = (DatasetInput("mnist", "1", context="train"), DatasetInput("cifar", "2"))
    return SearchedRun(Run(info, params or {}, {"team": "Vision", "mlflow.runName": "Calm owl"}, inputs), metrics)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("attributes.run_name = 'Calm owl' and attr.status = 'FINISHED' and run.user_id != 'you'", True),
        ("`Run name` = 'Calm owl' AND tags.mlflow.runName LIKE 'Calm%'", True),
        ("tag.team LIKE 'vision'", False),
        ("tag.team ILIKE 'vision'", True),
        ("tags.team RLIKE '^V.s'", True),
        ("tags.absent != 'x'", False),
        ("NOT tags.absent = 'x'", True),
        ("tags.absent IS NULL and tags.team IS NOT NULL", True),
        ("datasets.name = 'cifar' and dataset.context = 'train' and datasets.name IN ('mnist')", True),
        ("datasets.name NOT IN ('mnist')", True),
        ("datasets.context NOT IN ('train')", False),
        ("run_id IN ('x', '" + RUN_ID + "') and run_id NOT IN ('x')", True),
        ("end_time IS NULL and parent_run_id IS NULL", True),
        ("experiment_id = '3' AND artifact_uri LIKE 'runs:/%'", True),
        ("start_time = '2025-11-23' AND created <= 1763904600000", True),
        ("start_time = '2025-11-23T13:30' AND start_time < '2025-11-23T13:31' AND start_time != '2025-11-24'", True),
        ("start_time > '2025-11-23T13:30'", False),
        ("start_time >= 'now-500d' AND start_time < now", None),
        ("start_time BETWEEN '2025-11-22' AND '2025-11-23'", True),
        ("metrics.loss < 0.5 or params.lr < 1", True),
        ("params.lr = '1e-3' and params.lr = 0.001 and params.lr BETWEEN 0 AND 1", True),
        ("params.name > 1 OR params.name != 1", False),
        ("metrics.loss = 0.7 AND metrics.loss.min = 0.2 AND metrics.loss.first = 0.9 AND metrics.loss.count = 3", True),
        ("metrics.nan != 1 AND NOT metrics.nan = 1", True),
        ("metrics.nan > 1 OR metrics.nan < 1 OR metrics.nan.max > 0", False),
        ("metrics.ranked = 1 AND metrics.both = 5", True),
        ("metrics.odd.min = 4 AND metrics.`odd.min` = 4 AND metrics.`odd.max` IS NULL", True),
        ("metrics.`loss`.min = 0.2 AND metrics.`odd`.min = 1 AND metrics.`absent`.max IS NULL", True),
    ],
)
def test_what_a_filter_means(text: str, held: bool | None) -> None:
    run = searched(
        {"lr": "1e-3", "name": "resnet"},
        [
            series("loss", 0.9, 0.2, 0.7),
            series("nan", math.nan),
            series("ranked", 1, context='{"rank":"0"}'),
            series("both", 1, context='{"rank":"0"}'),
            series("both", 5),
            series("odd", 1),
            series("odd.min", 4),
        ],
    )
    if held is None:
        with pytest.raises(DomainError) as refused:
            RUNS.read(text, NOW_US)
        assert refused.value.reason is Reason.FILTER_INVALID
    else:
        assert holds(RUNS.read(text, NOW_US), run) is held


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("colour = 'red'", 0, "no attribute"),
        ("status = 'FINISHED' AND things.a = 1", 24, "'things'"),
        ("metrics.loss = 'low'", 15, "without quotes"),
        ("tags.team = 5", 12, "in quotes"),
        ("tags.team > 'a'", 0, "write = != LIKE"),
        ("params.lr < '0.1'", 0, "leave out the quotes"),
        ("start_time > 'yesterday'", 13, "now-7d"),
        ("start_time LIKE '2025%'", 0, "a time"),
        ("datasets.size = 'x'", 0, "digest"),
        ("tags.a RLIKE '('", 13, "regular expression"),
    ],
)
def test_a_refusal_points_at_the_place(text: str, position: int, said: str) -> None:
    with pytest.raises(DomainError) as refused:
        RUNS.read(text, NOW_US)
    assert refused.value.metadata["position"] == str(position)
    assert said in str(refused.value)


def test_orders_end_with_what_tells_runs_apart() -> None:
    fields = [(order.field.key, order.descending) for order in RUNS.read_orders(["metrics.loss DESC", "Created"])]
    assert fields == [("loss", True), ("start_time", False), ("run_id", False)]
    fields = [(order.field.key, order.descending) for order in EXPERIMENTS.read_orders(())]
    assert fields == [("creation_time", True), ("experiment_id", False)]
    for wrong in (["metrics.a", "metrics.a DESC"], ["datasets.name"], ["nothing"], ["params.a"] * 11):
        with pytest.raises(DomainError) as refused:
            RUNS.read_orders(wrong)
        assert refused.value.reason is Reason.FILTER_INVALID


def test_experiments_have_no_metrics() -> None:
    assert EXPERIMENTS.read("name LIKE 'a%' AND tags.`x y` = '1' AND creation_time > 0", NOW_US)
    with pytest.raises(DomainError, match="metrics"):
        EXPERIMENTS.read("metrics.loss < 1", NOW_US)


def test_which_texts_are_numbers() -> None:
    assert [number_of(text) for text in ("10", "-1.5e3", ".5", "+0")] == [10, -1500, 0.5, 0]
    for text in ("", "x", "1 ", "nan", "inf", "1e999", "0x10", "1_000", "\uff11", "1" * 65):
        assert number_of(text) is None


def test_keys_order_as_numbers_do() -> None:
    values = [-math.inf, -1.5, -5e-324, -0.0, 0.0, 5e-324, 1.0, math.inf, math.nan]
    assert [key_of(value) for value in values] == sorted(key_of(value) for value in values)
