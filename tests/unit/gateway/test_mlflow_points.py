"""MLflow's Metrics as records of a writer: by columns and one by one they are the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.api.metrics.v1 import ingest_pb2
from trackway_server.gateway.mlflow.errors import MlflowError
from trackway_server.gateway.mlflow.parameters import Parameters
from trackway_server.gateway.mlflow.points import append_of, points_of

POINT = st.fixed_dictionaries(
    {
        "key": st.sampled_from(["loss", "a b", "x.y", "train/acc"]),
        "value": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 3),
        "timestamp": st.integers(0, 3),
        "step": st.integers(-2, 2) | st.sampled_from([-(2**63), 2**63 - 1]),
    }
)


def append(metrics: list[dict[str, Any]]) -> ingest_pb2.AppendRecords:
    return append_of(points_of([Parameters(one, f"metrics[{number}]") for number, one in enumerate(metrics)]))


def told(appended: ingest_pb2.AppendRecords) -> dict[str, list[tuple[int, int, float]]]:
    """Step, time and value of every point, by key, in the order of the records."""
    keys = {record.series.series_id: record.series.key for record in appended.records if record.HasField("series")}
    found: dict[str, list[tuple[int, int, float]]] = {}
    for block in (record.points for record in appended.records if record.HasField("points")):
        times = np.cumsum([block.first_time_us, *block.time_deltas]).tolist()
        steps = [block.first_step]
        for delta in block.step_deltas:
            steps.append((steps[-1] + delta + 2**63) % 2**64 - 2**63)
        rows = np.array(block.values).reshape(block.row_count, -1)
        for column, number in enumerate(block.series_ids):
            found[keys[number]] = list(zip(steps, times, rows[:, column].tolist(), strict=True))
    return found


@settings(max_examples=60, deadline=None)
@given(metrics=st.lists(POINT, min_size=1, max_size=12))
def test_no_point_is_lost_and_ties_rise(metrics: list[dict[str, Any]]) -> None:
    appended = append(metrics)
    assert appended == append([{**one, "value": str(one["value"])} for one in metrics])  # one by one
    found = told(appended)
    for key, points in found.items():
        sent = [(one["step"], 1000 * one["timestamp"], float(one["value"])) for one in metrics if one["key"] == key]
        assert [point[:2] for point in points] == [point[:2] for point in sent]
        assert sorted(points) == sorted(sent)
        last: dict[tuple[int, int], float] = {}
        for step, time_us, value in points:
            assert last.get((step, time_us), -math.inf) <= value
            last[step, time_us] = value


def test_a_dict_of_metrics_is_one_block() -> None:
    appended = append([{"key": f"m{n}", "value": n, "timestamp": 5, "step": 7} for n in range(100)])
    assert (len(appended.records), appended.records[-1].points.row_count) == (101, 1)
    assert list(appended.records[-1].points.values) == list(range(100))


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": ".."},
        {"key": "../x"},
        {"key": "a//b"},
        {"key": "a\n"},
        {"key": "x" * 251},
        {"key": 5},
        {"value": True},
        {"value": math.inf},
        {"value": 10**400},
        {"timestamp": -1},
        {"timestamp": 2**53},
        {"timestamp": 1.5},
        {"step": 2**63},
        {"step": True},
    ],
)
def test_one_wrong_point_among_right_ones_is_named(wrong: dict[str, Any]) -> None:
    right = {"key": "loss", "value": 0.5, "timestamp": 1, "step": 1}
    with pytest.raises(MlflowError) as refused:
        append([right, {**right, **wrong}])
    assert "metrics[1]" in refused.value.message or "Metric name" in refused.value.message


def test_names_of_values_fields_and_contexts_may_be_spelled_otherwise() -> None:
    odd = {"key": "loss", "value": "NaN", "timestamp": "1", "model_id": "m-1", "datasetName": "d", "datasetDigest": "e"}
    appended = append([odd, {"key": "loss", "value": 1, "timestamp": 2.0, "step": "3"}])
    contexts = [dict(record.series.context) for record in appended.records if record.HasField("series")]
    assert contexts == [{"model_id": "m-1", "dataset_name": "d", "dataset_digest": "e"}, {}]
