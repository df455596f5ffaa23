"""What runs say of logged models and data sets reaches the spool, from functions and runs; what is wrong is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import trackway
from support.recorded import only_recorded
from trackway.entities import Dataset, LoggedModelInput, LoggedModelOutput
from trackway.errors import InvalidArgument

ONE, TWO = "m-" + "1" * 32, "m-" + "2" * 32
MODEL: Any = SimpleNamespace(model_id=TWO)
DIGITS = trackway.data.from_numpy(np.arange(3), name="digits", digest="d1")
OF_RUN: Any = Dataset("digits", "d1")
ON_DIGITS = {"dataset_name": "digits", "dataset_digest": "d1"}


def test_metrics_are_about_models_and_on_data_sets(spools: Path) -> None:
    with trackway.start_run() as run:
        trackway.log_metric("a", 1.0, 0, model_id=ONE)
        trackway.log_metric("a", 2.0, 0, model=MODEL, dataset=DIGITS)
        trackway.log_metrics({"b": 3.0}, 0, model=MODEL, context={"rank": 1})
        trackway.log_series("c", [0, 1], [4.0, 5.0], model=MODEL, dataset=DIGITS)
        run.log_metric("d", 6.0, 0, model=f"models:/{ONE}", dataset=DIGITS)
        run.log_metrics({"e": 7.0, "f": 8.0}, 0, model=ONE)
        run.log_metric("g", 9.0, 0, dataset=OF_RUN)
    of_two = {"model_id": TWO, **ON_DIGITS}
    assert sorted(only_recorded(spools, run.info.run_id).points, key=lambda point: point[3]) == [
        ("a", {"model_id": ONE}, 0, 1.0),
        ("a", of_two, 0, 2.0),
        ("b", {"rank": "1", "model_id": TWO}, 0, 3.0),
        ("c", of_two, 0, 4.0),
        ("c", of_two, 1, 5.0),
        ("d", {"model_id": ONE, **ON_DIGITS}, 0, 6.0),
        ("e", {"model_id": ONE}, 0, 7.0),
        ("f", {"model_id": ONE}, 0, 8.0),
        ("g", ON_DIGITS, 0, 9.0),
    ]


def test_inputs_and_outputs_are_noted_from_functions_and_runs(spools: Path) -> None:
    with trackway.start_run() as run:
        trackway.log_input(DIGITS, "training", {"split": "all"}, MODEL)
        run.log_input(model=LoggedModelInput(ONE))
        trackway.log_inputs([DIGITS, None], ["test", None], models=[None, MODEL])
        run.log_inputs(models=[ONE])
        trackway.log_outputs([LoggedModelOutput(ONE, 3), MODEL])
        trackway.log_outputs([LoggedModelOutput(ONE, 3), ONE], step=4)
        run.log_outputs(MODEL, np.int64(5))
    found = only_recorded(spools, run.info.run_id)
    assert found.model_inputs == [TWO, ONE, TWO, ONE]
    assert found.model_outputs == [(ONE, 3), (TWO, 0), (ONE, 4), (ONE, 4), (TWO, 5)]
    assert [(each["name"], each["context"], each.get("tags")) for each in found.datasets] == [
        ("digits", "training", {"split": "all"}),
        ("digits", "test", None),
    ]


WRONG: list[tuple[str, Callable[[Any], Any], str]] = [
    ("a name for a model", lambda run: run.log_metric("a", 1, model="net"), "no id of a logged model"),
    ("a number for a model", lambda run: run.log_metrics({"a": 1}, model=7), "a int is no logged model"),
    ("a wrong model_id", lambda run: trackway.log_metric("a", 1, model_id="m-1"), "no id of a logged model"),
    ("two models", lambda run: trackway.log_metric("a", 1, model_id=ONE, model=MODEL), "the same thing"),
    ("a text for data", lambda run: run.log_metric("a", 1, dataset="digits"), "a str is no data set"),
    ("nothing", lambda run: trackway.log_input(), "takes a data set, a model, or both"),
    ("a name", lambda run: run.log_input("digits"), "a str is no data set"),
    ("lists of two lengths", lambda run: run.log_inputs([DIGITS], ["a", "b"], models=[ONE]), "one length"),
    ("a bad second model", lambda run: run.log_inputs([DIGITS], models=[ONE, "x"]), "no id"),
    ("a dict of models", lambda run: run.log_outputs({ONE: 3}), "must be a list, not a dict"),
    ("a step that is none", lambda run: run.log_outputs([MODEL], 0.5), "a step must be a whole number"),
    ("a step that is too great", lambda run: run.log_outputs([MODEL], 1 << 63), "of 64 bits"),
]


@pytest.mark.parametrize(("wrong", "sentence"), [pytest.param(*each[1:], id=each[0]) for each in WRONG])
def test_what_is_wrong_is_said_and_nothing_noted(wrong: Callable[[Any], Any], sentence: str, spools: Path) -> None:
    with trackway.start_run() as run, pytest.raises(InvalidArgument, match=sentence):
        wrong(run)
    found = only_recorded(spools, run.info.run_id)
    assert (found.points, found.model_inputs, found.model_outputs, found.datasets) == ([], [], [], [])
