"""Metrics, params, tags and data sets reach the spool as they were logged; what is wrong is said at once."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trackway
from support.recorded import only_recorded
from trackway import data
from trackway.errors import InvalidArgument


def test_metrics_take_steps_times_and_contexts(spools: Path) -> None:
    with trackway.start_run() as run:
        trackway.log_metric("loss", 0.5, 3, timestamp=1_700_000_000_123)
        trackway.log_metric("loss", np.float32(0.25), step=np.int64(-4), context={"subset": "test"})
        run.log_metric("n", 7)
        run.log_metric("n", True)
    found = only_recorded(spools, run.info.run_id)
    assert found.points == [
        ("loss", {}, 3, 0.5),
        ("loss", {"subset": "test"}, -4, 0.25),
        ("n", {}, 0, 7.0),
        ("n", {}, 1, 1.0),
    ]
    assert found.times_us[0] == 1_700_000_000_123_000


def test_many_points_in_one_call(spools: Path) -> None:
    with trackway.start_run() as run:
        trackway.log_series("loss", [5, 6], np.array([1.0, math.inf]), times=np.array([1, 2]))
        trackway.log_series("loss", None, [2.0, 3.0], context={"rank": 1})
    found = only_recorded(spools, run.info.run_id)
    assert found.points == [
        ("loss", {}, 5, 1.0),
        ("loss", {}, 6, math.inf),
        ("loss", {"rank": "1"}, 0, 2.0),
        ("loss", {"rank": "1"}, 1, 3.0),
    ]
    assert found.times_us[:2] == [1000, 2000]


def test_params_are_texts_and_the_value_comes_back(spools: Path) -> None:
    with trackway.start_run() as run:
        assert trackway.log_param("n", 3) == 3
        trackway.log_params({"lr": 0.1, "layers": [1, 2], "none": None})
        trackway.log_param("n", 3)
    assert only_recorded(spools, run.info.run_id).params == {"n": "3", "lr": "0.1", "layers": "[1, 2]", "none": "None"}


def test_a_param_cannot_change_and_then_none_is_set(spools: Path) -> None:
    with trackway.start_run() as run:
        trackway.log_param("n", 3)
        with pytest.raises(InvalidArgument, match="Changing param values is not allowed: 'n'"):
            trackway.log_params({"m": 1, "n": 4})
    assert only_recorded(spools, run.info.run_id).params == {"n": "3"}


def test_tags_change_and_go(spools: Path) -> None:
    with trackway.start_run() as run:
        trackway.set_tag("mood", "good")
        trackway.set_tags({"mood": "better", "n": 1, "mlflow.runName": "renamed"})
        trackway.delete_tag("n")
        assert run.info.run_name == "renamed"
    found = only_recorded(spools, run.info.run_id)
    assert found.tags["mood"] == "better"
    assert found.deleted_tags == ["n"]


@pytest.mark.parametrize("key", ["", "a" * 251, "a#b", "/a", "a//b", "../a", "a\nb"])
def test_a_bad_key_is_said_in_one_line(key: str) -> None:
    for log in (trackway.log_metric, trackway.log_param, trackway.set_tag):
        with pytest.raises(ValueError) as caught:
            log(key, 1)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["text", None, [1, 2], object()])
def test_a_metric_that_is_no_number_is_said_in_one_line(value: object) -> None:
    with pytest.raises(TypeError, match="must be a number"):
        trackway.log_metric("loss", value)  # type: ignore[arg-type]


def test_what_is_no_dict_is_said_in_one_line() -> None:
    for log in (trackway.log_metrics, trackway.log_params, trackway.set_tags):
        with pytest.raises(InvalidArgument, match="must be a dict"):
            log([("a", 1)])  # type: ignore[operator]


def test_half_a_character_is_stored_as_it_is_written(spools: Path) -> None:
    with trackway.start_run() as run:
        trackway.log_param("file", "data-\udcff.txt")
    assert only_recorded(spools, run.info.run_id).params["file"] == "data-\\udcff.txt"


def test_data_sets_are_inputs(spools: Path) -> None:
    images, labels = np.zeros((3, 2)), np.array([0, 1, 0])
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    with trackway.start_run() as run:
        trackway.log_input(data.from_numpy(images, targets=labels, name="digits"), context="training")
        trackway.log_input(data.from_pandas(frame, source="https://example.org/a.csv", name="frame"))
        trackway.log_dataset("plain", "sha256:0", profile='{"rows": 3}')
    first, second, third = only_recorded(spools, run.info.run_id).datasets
    assert (first["name"], first["context"], len(first["digest"])) == ("digits", "training", 64)
    assert (second["source_type"], second["source"]) == ("http", "https://example.org/a.csv")
    assert (third["name"], third["digest"], third["profile"]) == ("plain", "sha256:0", '{"rows": 3}')


def test_the_digest_of_a_data_set_is_of_its_content() -> None:
    one = data.from_numpy(np.array([1, 2, 3]))
    assert one.digest == data.from_numpy(np.array([1, 2, 3])).digest
    assert one.digest != data.from_numpy(np.array([1, 2, 4])).digest
    assert one.digest != data.from_numpy(np.array([1.0, 2.0, 3.0])).digest
    frame = pd.DataFrame({"a": [1, 2]})
    assert data.from_pandas(frame).digest == data.from_pandas(frame.copy()).digest
    assert data.from_pandas(frame).digest != data.from_pandas(frame.rename(columns={"a": "b"})).digest
