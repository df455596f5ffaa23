"""Metrics, batches and histories."""

from __future__ import annotations

from typing import Any

from conformance.mlflow.differential.corpus.values import KEYS, RUNS
from conformance.mlflow.differential.language import (
    LEFT_OUT,
    MISSING_RUN,
    T0,
    Story,
    experiment,
    get,
    gets,
    post,
    posts,
    raw,
    run,
    shown,
)

LOG, BATCH, HISTORY = "/runs/log-metric", "/runs/log-batch", "/metrics/get-history"


def _point(key: str, value: Any, at: int = 0, step: int = 0, **more: Any) -> dict[str, Any]:
    return {"key": key, "value": value, "timestamp": T0 + at, "step": step, **more}


VALUES = Story(
    "metrics",
    experiment("metrics"),
    run(),
    run("beside"),
    posts(
        LOG,
        {"run_id": "{run}", "key": "k", "value": 0.5, "timestamp": T0, "step": 1},
        {
            "first": {},
            "again": {},
            "whole": {"key": "whole", "value": 3},
            "zero": {"key": "zero", "value": 0},
            "minus zero": {"key": "minus zero", "value": -0.0},
            "tiny": {"key": "tiny", "value": 5e-324},
            "huge": {"key": "huge", "value": 1.7976931348623157e308},
            "NaN": {"key": "nan", "value": "NaN"},
            "infinity": {"key": "inf", "value": "Infinity"},
            "minus infinity": {"key": "minus inf", "value": "-Infinity"},
            "number as text": {"key": "text", "value": "1.5"},
            "words": {"key": "words", "value": "much"},
            "null": {"key": "null", "value": None},
            "value a list": {"key": "list", "value": [1]},
            "no value": {"key": "none", "value": LEFT_OUT},
            "no time": {"timestamp": LEFT_OUT},
            "time zero": {"key": "time zero", "timestamp": 0},
            "time negative": {"key": "time negative", "timestamp": -1},
            "time a text": {"key": "time text", "timestamp": str(T0)},
            "time in words": {"key": "time words", "timestamp": "now"},
            "time whole float": {"key": "time float", "timestamp": float(T0)},
            "no step": {"key": "no step", "step": LEFT_OUT},
            "step negative": {"key": "step negative", "step": -5},
            "step a text": {"key": "step text", "step": "7"},
            "step whole float": {"key": "step float", "step": 2.0},
            "step greatest": {"key": "step greatest", "step": 2**63 - 1},
            "step null": {"key": "step null", "step": None},
            "data set": {"key": "data", "dataset_name": "d", "dataset_digest": "x"},
            "data set without digest": {"key": "half data", "dataset_name": "d"},
            **KEYS,
            **RUNS,
        },
    ),
    posts(
        LOG,
        {"run_id": "{beside}", "key": "k", "value": 0.5, "timestamp": T0, "step": 1},
        {
            "true": {"key": "true", "value": True},
            "time broken": {"key": "time broken", "timestamp": 1.5},
            "time great": {"key": "time great", "timestamp": 2**53},
            "time greatest": {"key": "time greatest", "timestamp": 2**63 - 1},
            "time too great": {"key": "time too great", "timestamp": 2**63},
            "step broken": {"key": "step broken", "step": 1.5},
            "step too great": {"key": "step too great", "step": 2**63},
        },
    ),
    raw("bare NaN", LOG, '{"run_id": "{beside}", "key": "bare nan", "value": NaN, "timestamp": 5}'),
    raw("bare infinity", LOG, '{"run_id": "{beside}", "key": "bare inf", "value": Infinity, "timestamp": 5}'),
    get("history with a data set", HISTORY, run_id="{run}", metric_key="data"),
    raw("overflowing", LOG, '{"run_id": "{beside}", "key": "overflow", "value": 1e400, "timestamp": 5}'),
    shown(),
)

_LATEST = {
    "by step": [_point("by step", 1, 0, 2), _point("by step", 2, 9, 1)],
    "by time": [_point("by time", 1, 5, 1), _point("by time", 2, 4, 1)],
    "by value": [_point("by value", 3, 0, 1), _point("by value", 2, 0, 1)],
    "NaN last": [_point("NaN last", 3, 0, 1), _point("NaN last", "NaN", 0, 2)],
    "NaN beside": [_point("NaN beside", "NaN", 0, 1), _point("NaN beside", -3, 0, 1)],
    "negative steps": [_point("negative", 1, 0, -2), _point("negative", 2, 0, -1)],
}

LATEST = Story(
    "latest",
    experiment("latest"),
    run("one by one"),
    run("together"),
    [
        post(f"{name} {number}", LOG, run_id="{one by one}", **point)
        for name, points in _LATEST.items()
        for number, point in enumerate(points)
    ],
    shown("one by one"),
    [post(f"together {name}", BATCH, run_id="{together}", metrics=points) for name, points in _LATEST.items()],
    shown("together"),
    get("history by value", HISTORY, run_id="{together}", metric_key="by value"),
    get("history with NaN", HISTORY, run_id="{together}", metric_key="NaN beside"),
)

_GOOD = {"key": "m", "value": 1, "timestamp": T0, "step": 0}
_PAIR = {"key": "p", "value": "1"}


def _pairs(count: int) -> list[dict[str, str]]:
    return [{"key": f"k{number:04}", "value": "v"} for number in range(count)]


def _points(count: int) -> list[dict[str, Any]]:
    return [_point("many", number / 4, number, number) for number in range(count)]


BATCHES = Story(
    "batches",
    experiment("batches"),
    run(),
    run("kept", tags=[{"key": "t", "value": "old"}]),
    posts(
        BATCH,
        {"run_id": "{run}"},
        {
            "nothing": {},
            "empty lists": {"metrics": [], "params": [], "tags": []},
            "all three": {"metrics": [_GOOD], "params": [_PAIR], "tags": [_PAIR]},
            "all three again": {"metrics": [_GOOD], "params": [_PAIR], "tags": [_PAIR]},
            "param twice the same": {"params": [{"key": "q", "value": "1"}, {"key": "q", "value": "1"}]},
            "param twice": {"params": [{"key": "r", "value": "1"}, {"key": "r", "value": "2"}]},
            "tag twice": {"tags": [{"key": "u", "value": "1"}, {"key": "u", "value": "2"}]},
            "metric twice": {"metrics": [_GOOD, _GOOD]},
            "100 params": {"params": _pairs(100)},
            "101 params": {"params": _pairs(101)},
            "100 tags": {"tags": _pairs(100)},
            "101 tags": {"tags": _pairs(101)},
            "1000 metrics": {"metrics": _points(1000)},
            "1001 metrics": {"metrics": _points(1001)},
            "1001 in all": {"metrics": _points(951), "params": _pairs(50)},
            "metrics a number": {"metrics": 5},
            "metrics of numbers": {"metrics": [5]},
            "metrics an object": {"metrics": {"a": 1}},
            "metric without key": {"metrics": [{"value": 1, "timestamp": T0}]},
            "metric without value": {"metrics": [{"key": "m", "timestamp": T0}]},
            "metric without time": {"metrics": [{"key": "m", "value": 1}]},
            "metric without step": {"metrics": [{"key": "no step", "value": 1, "timestamp": T0}]},
            "param without key": {"params": [{"value": "1"}]},
            "param without value": {"params": [{"key": "no value"}]},
            "tag without key": {"tags": [{"value": "1"}]},
            "param of 6001": {"params": [{"key": "long", "value": "v" * 6001}]},
            "tag of 8001": {"tags": [{"key": "long", "value": "v" * 8001}]},
            "key of 251": {"tags": [{"key": "k" * 251, "value": "v"}]},
            "missing run": {"run_id": MISSING_RUN, "metrics": [_GOOD]},
            "missing run, nothing": {"run_id": MISSING_RUN},
            "no run": {"run_id": LEFT_OUT, "metrics": [_GOOD]},
            "no run id": {"run_id": "a/b", "metrics": [_GOOD]},
            "by run_uuid": {"run_id": LEFT_OUT, "run_uuid": "{run}", "metrics": [_GOOD]},
        },
    ),
    shown(),
    post("first", BATCH, run_id="{kept}", params=[_PAIR]),
    posts(
        BATCH,
        {"run_id": "{kept}", "metrics": [_GOOD], "tags": [{"key": "t", "value": "new"}]},
        {
            "param changed": {"params": [{"key": "p", "value": "2"}, {"key": "fresh", "value": "1"}]},
            "time negative": {"metrics": [_GOOD, {**_GOOD, "timestamp": -1}]},
            "metric key strange": {"metrics": [_GOOD, {**_GOOD, "key": "../m"}]},
            "value in words": {"metrics": [_GOOD, {**_GOOD, "value": "much"}]},
            "tag key strange": {"tags": [{"key": "t", "value": "new"}, {"key": "a*b", "value": "v"}]},
            "param key strange": {"params": [{"key": "fresh", "value": "1"}, {"key": "a*b", "value": "v"}]},
        },
    ),
    shown("kept"),
)

HISTORIES = Story(
    "histories",
    experiment("histories"),
    run(),
    run("second"),
    run("empty"),
    post("points", BATCH, run_id="{run}", metrics=[_point("m", n / 2, (7 * n) % 10, (3 * n) % 10) for n in range(10)]),
    post("more points", BATCH, run_id="{second}", metrics=[_point("m", -n, n, n) for n in range(4)]),
    post("at one step", BATCH, run_id="{run}", metrics=[_point("same", n, n, 0) for n in range(7)]),
    post("not numbers", BATCH, run_id="{run}", metrics=[_point("nan", v, 0, 1) for v in ("NaN", 1, -1)]),
    gets(
        HISTORY,
        {"run_id": "{run}", "metric_key": "m"},
        {
            "all": {},
            "by run_uuid": {"run_id": LEFT_OUT, "run_uuid": "{run}"},
            "unknown key": {"metric_key": "none"},
            "key empty": {"metric_key": ""},
            "no key": {"metric_key": LEFT_OUT},
            "strange key": {"metric_key": "a*b"},
            "no run": {"run_id": LEFT_OUT},
            "missing run": {"run_id": MISSING_RUN},
            "no run id": {"run_id": "nobody"},
            "nan": {"metric_key": "nan"},
            "page of 0": {"max_results": 0},
            "page negative": {"max_results": -1},
            "page in words": {"max_results": "x"},
            "page of all": {"max_results": 10},
            "page of more": {"max_results": 11},
            "page beyond int32": {"max_results": 2**31},
            "token in words": {"max_results": 3, "page_token": "nonsense"},
            "token alone": {"page_token": "nonsense"},
            "token empty": {"max_results": 3, "page_token": ""},
        },
    ),
    get("page 1", HISTORY, run_id="{run}", metric_key="m", max_results=4, keep={"token": "next_page_token"}),
    get(
        "page 2", HISTORY, run_id="{run}", metric_key="m", max_results=4, page_token="{token}",
        keep={"token": "next_page_token"},
    ),
    get("page 3", HISTORY, run_id="{run}", metric_key="m", max_results=4, page_token="{token}"),
)  # fmt: skip

_AJAX = "=/ajax-api/2.0/mlflow/metrics/get-history-bulk"
_INTERVAL = {
    "all": {},
    "one run": {"run_ids": ["{run}"]},
    "unknown key": {"metric_key": "none"},
    "no key": {"metric_key": LEFT_OUT},
    "no run": {"run_ids": LEFT_OUT},
    "missing run": {"run_ids": ["{run}", MISSING_RUN]},
    "no run id": {"run_ids": ["nobody"]},
    "101 runs": {"run_ids": ["{run}"] * 101},
    "run twice": {"run_ids": ["{run}", "{run}"]},
    "1 point": {"max_results": 1},
    "2 points": {"max_results": 2},
    "3 points": {"max_results": 3},
    "4 points": {"max_results": 4},
    "7 points": {"max_results": 7},
    "9 points": {"max_results": 9},
    "10 points": {"max_results": 10},
    "0 points": {"max_results": 0},
    "2501 points": {"max_results": 2501},
    "points in words": {"max_results": "x"},
    "at one step": {"metric_key": "same", "max_results": 3},
    "nan": {"metric_key": "nan"},
    "steps": {"start_step": 2, "end_step": 6},
    "steps, 2 points": {"start_step": 2, "end_step": 6, "max_results": 2},
    "steps empty": {"start_step": 20, "end_step": 60},
    "one step": {"start_step": 3, "end_step": 3},
    "steps turned": {"start_step": 6, "end_step": 2},
    "start alone": {"start_step": 2},
    "end alone": {"end_step": 2},
    "start in words": {"start_step": "x", "end_step": 5},
    "negative steps": {"start_step": -5, "end_step": 1},
}

BULK = Story(
    "bulk histories",
    experiment("bulk histories"),
    run(),
    run("second"),
    post("points", BATCH, run_id="{run}", metrics=[_point("m", n / 2, (7 * n) % 10, (3 * n) % 10) for n in range(10)]),
    post("more points", BATCH, run_id="{second}", metrics=[_point("m", -n, n, n) for n in range(4)]),
    post("at one step 0", BATCH, run_id="{run}", metrics=[_point("same", n, n, 0) for n in range(7)]),
    post("not numbers", BATCH, run_id="{run}", metrics=[_point("nan", v, 0, 1) for v in ("NaN", 1, -1)]),
    gets(
        _AJAX,
        {"run_id": ["{second}"], "metric_key": "m"},
        {
            "bulk": {},
            "bulk of missing": {"run_id": [MISSING_RUN]},
            "bulk without run": {"run_id": LEFT_OUT},
            "bulk without key": {"metric_key": LEFT_OUT},
            "bulk of 2": {"max_results": 2},
            "bulk of 101 runs": {"run_id": ["{run}"] * 101},
            "bulk of unknown key": {"metric_key": "none"},
            "bulk of run twice": {"run_id": ["{run}", "{run}"]},
            "bulk in words": {"max_results": "x"},
        },
    ),
    gets("/metrics/get-history-bulk-interval", {"run_ids": ["{run}", "{second}"], "metric_key": "m"}, _INTERVAL),
    get("ajax interval", f"{_AJAX}-interval", run_ids=["{run}"], metric_key="m", max_results=5),
)

OF_MODELS = Story(
    "histories of models",
    experiment("histories of models"),
    run(),
    post("model", "/logged-models", experiment_id="{experiment}", name="m", keep={"model": "model.info.model_id"}),
    post("points", BATCH, run_id="{run}", metrics=[_point("m", n, 7, n) for n in range(3)]),
    post("as the model's", BATCH, run_id="{run}", metrics=[{**_point("m", 1, 7, 1), "model_id": "{model}"}]),
    post("the model's alone", BATCH, run_id="{run}", metrics=[{**_point("alone", 1, 7, 1), "model_id": "{model}"}]),
    gets(HISTORY, {"run_id": "{run}"}, {"both": {"metric_key": "m"}, "its own": {"metric_key": "alone"}}),
    get("sample", f"{_AJAX}-interval", run_ids=["{run}"], metric_key="m", max_results=5),
)

STORIES = [VALUES, LATEST, BATCHES, HISTORIES, BULK, OF_MODELS]
