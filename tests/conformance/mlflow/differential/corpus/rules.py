"""How requests are read: JSON and its types, names of fields, prefixes, methods; and what a retry does."""

from __future__ import annotations

import json

from conformance.mlflow.differential.language import T0, Step, Story, experiment, get, post, raw, run, send, shown

TAG = "/runs/set-tag"
AJAX = "=/ajax-api/2.0/mlflow"


def _bodies(bodies: dict[str, str | bytes]) -> list[Step]:
    return [raw(name, TAG, body) for name, body in bodies.items()]


JSON_RULES = Story(
    "json",
    experiment("json"),
    run(),
    run("beside", start_time=T0 + 1),
    _bodies(
        {
            "plain": '{"run_id": "{run}", "key": "plain", "value": "v"}',
            "camel case": '{"runId": "{beside}", "key": "camel", "value": "v"}',
            "both cases": '{"runId": "{run}", "run_id": "{run}", "key": "both", "value": "v"}',
            "unknown field": '{"run_id": "{run}", "key": "unknown", "value": "v", "more": {"a": [1]}}',
            "twice encoded": json.dumps('{"run_id": "{run}", "key": "twice", "value": "v"}'),
            "twice encoded, broken": json.dumps("{"),
            "key twice": '{"run_id": "{beside}", "key": "one", "key": "other", "value": "v"}',
            "empty": "",
            "blanks": "   ",
            "null": "null",
            "a list": "[]",
            "a number": "5",
            "a text": '"text"',
            "broken": '{"run_id": ',
            "no JSON": "run_id=5",
            "comment": '{"run_id": "{run}", /* no */ "key": "comment"}',
            "comma last": '{"run_id": "{run}", "key": "comma", "value": "v",}',
            "not UTF-8": b'{"run_id": "{run}", "key": "latin", "value": "\xe9"}',
            "byte order mark": b'\xef\xbb\xbf{"run_id": "{run}", "key": "bom", "value": "v"}',
            "surrogate": '{"run_id": "{beside}", "key": "surrogate", "value": "\\ud800"}',
            "zero character": '{"run_id": "{beside}", "key": "zero", "value": "a\\u0000b"}',
            "run a number": '{"run_id": 5, "key": "k", "value": "v"}',
            "run a list": '{"run_id": ["{run}"], "key": "k", "value": "v"}',
            "run an object": '{"run_id": {"id": "{run}"}, "key": "k", "value": "v"}',
            "run true": '{"run_id": true, "key": "k", "value": "v"}',
            "run null": '{"run_id": null, "key": "k", "value": "v"}',
        }
    ),
    [
        raw(f"type {content_type}", TAG, '{"run_id": "{run}", "key": "typed", "value": "v"}', content_type=content_type)
        for content_type in (
            "application/json; charset=utf-8",
            "application/json; charset=latin-1",
            "APPLICATION/JSON",
            "text/plain",
            "text/json",
            "application/x-www-form-urlencoded",
            None,
        )
    ],
    shown(),
    raw("aliases in a batch", "/runs/log-batch",
        '{"runId": "{run}", "metrics": [{"key": "m", "value": 1, "timestamp": "5", "datasetName": "d"}]}'),
    raw("aliases twice in a metric", "/runs/log-batch",
        '{"run_id": "{run}", "metrics": [{"key": "m", "value": 1, "timestamp": 5, "dataset_name": "a", '
        '"datasetName": "b"}]}'),
    raw("aliases in a search", "/runs/search",
        '{"experimentIds": ["{experiment}"], "orderBy": ["start_time"], "maxResults": 1}'),
)  # fmt: skip

WAYS = Story(
    "ways",
    experiment("ways"),
    run(),
    get("ajax prefix", f"{AJAX}/runs/get", run_id="{run}"),
    send("POST by ajax", "POST", f"{AJAX}/runs/set-tag", run_id="{run}", key="by ajax", value="v"),
    get("version 3 of the prefix", "=/api/3.0/mlflow/runs/get", run_id="{run}"),
    get("slash last", "/runs/get/", run_id="{run}"),
    get("unknown route", "/runs/nothing"),
    get("unknown area", "/nothing/get"),
    get("GET of a POST", "/runs/create"),
    send("PUT of a POST", "PUT", "/runs/create"),
    send("PATCH of a POST", "PATCH", "/runs/update", run_id="{run}"),
    Step("DELETE of a POST", "DELETE", "/runs/delete"),
    post("POST of a GET", "/runs/get", run_id="{run}"),
    Step("OPTIONS", "OPTIONS", "/runs/get"),
    Step("HEAD", "HEAD", "/runs/get", (("run_id", "{run}"),)),
    get("GET with everything escaped", "/runs/get?run%5Fid={run}"),
)

_METRIC = {"run_id": "{run}", "key": "m", "value": 0.25, "timestamp": T0, "step": 3}
_RETRIED = [
    post("set experiment tag", "/experiments/set-experiment-tag", experiment_id="{experiment}", key="k", value="v"),
    post("rename experiment", "/experiments/update", experiment_id="{experiment}", new_name="renamed once"),
    post("log metric", "/runs/log-metric", **_METRIC),
    post("log param", "/runs/log-parameter", run_id="{run}", key="p", value="1"),
    post("set tag", TAG, run_id="{run}", key="t", value="v"),
    post("log batch", "/runs/log-batch", run_id="{run}", metrics=[{"key": "b", "value": 1, "timestamp": T0}] * 2,
         params=[{"key": "bp", "value": "1"}], tags=[{"key": "bt", "value": "v"}]),
    post("update run", "/runs/update", run_id="{run}", status="FINISHED", end_time=T0 + 5, run_name="ended"),
    post("delete run", "/runs/delete", run_id="{run}"),
    post("restore run", "/runs/restore", run_id="{run}"),
    get("get run", "/runs/get", run_id="{run}"),
    post("search runs", "/runs/search", experiment_ids=["{experiment}"]),
]  # fmt: skip


def _again(step: Step, time: str) -> Step:
    return Step(f"{step.name} {time}", step.method, step.path, step.query, step.content, step.content_type, step.keep)


RETRIES = Story(
    "retries",
    experiment("retries"),
    run(),
    [_again(step, time) for step in _RETRIED for time in ("once", "twice", "thrice")],
    shown(),
    get("history of the metric", "/metrics/get-history", run_id="{run}", metric_key="m"),
    get("history of the batch", "/metrics/get-history", run_id="{run}", metric_key="b"),
    get("the experiment", "/experiments/get", experiment_id="{experiment}"),
)

STORIES = [JSON_RULES, WAYS, RETRIES]
