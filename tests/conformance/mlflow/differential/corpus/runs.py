"""Runs: creation to restoration, names, states and times."""

from __future__ import annotations

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
    run,
    shown,
)

CREATE, UPDATE, SET_TAG = "/runs/create", "/runs/update", "/runs/set-tag"
NAME = "mlflow.runName"


def _tags(**values: str) -> list[dict[str, str]]:
    return [{"key": key.replace("__", "."), "value": value} for key, value in values.items()]


CREATION = Story(
    "run creation",
    experiment("run creation"),
    post("without anything", CREATE, keep={"bare": "run.info.run_id"}),
    shown("bare"),
    posts(
        CREATE,
        {"experiment_id": "{experiment}", "run_name": "r", "start_time": T0},
        {
            "all": {"user_id": "ann", "tags": _tags(a="b", mlflow__user="ann")},
            "no name": {"run_name": LEFT_OUT},
            "name empty": {"run_name": ""},
            "name by tag": {"run_name": LEFT_OUT, "tags": _tags(mlflow__runName="tagged")},
            "name twice the same": {"tags": _tags(mlflow__runName="r")},
            "name twice": {"tags": _tags(mlflow__runName="other")},
            "name of 250": {"run_name": "n" * 250},
            "name of 500": {"run_name": "n" * 500},
            "name of 501": {"run_name": "n" * 501},
            "name of two lines": {"run_name": "two\nlines"},
            "name a number": {"run_name": 7},
            "no start": {"start_time": LEFT_OUT},
            "start zero": {"start_time": 0},
            "start a text": {"start_time": str(T0)},
            "start in letters": {"start_time": "now"},
            "start whole float": {"start_time": float(T0)},
            "start broken float": {"start_time": 1.5},
            "start negative": {"start_time": -1},
            "start beyond int64": {"start_time": 2**63},
            "start true": {"start_time": True},
            "unknown experiment": {"experiment_id": "999999"},
            "experiment in letters": {"experiment_id": "abc"},
            "experiment a number": {"experiment_id": 0},
            "experiment empty": {"experiment_id": ""},
            "tags twice": {"tags": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]},
            "tag without key": {"tags": [{"value": "v"}]},
            "tag without value": {"tags": [{"key": "k"}]},
            "tags a text": {"tags": "t"},
            "tags of texts": {"tags": ["t"]},
            "tag key long": {"tags": [{"key": "k" * 251, "value": "v"}]},
            "tag key strange": {"tags": [{"key": "a*b", "value": "v"}]},
            "tag value of 8001": {"tags": [{"key": "k", "value": "v" * 8001}]},
            "parent": {"tags": _tags(mlflow__parentRunId=MISSING_RUN)},
            "parent that is none": {"tags": _tags(mlflow__parentRunId="nobody")},
            "unknown field": {"surprise": 1},
            "user of 256": {"user_id": "u" * 256},
        },
    ),
)

READING = Story(
    "reading runs",
    experiment("reading runs"),
    run(),
    gets(
        "/runs/get",
        {},
        {
            "by run_id": {"run_id": "{run}"},
            "by run_uuid": {"run_uuid": "{run}"},
            "by both": {"run_id": "{run}", "run_uuid": MISSING_RUN},
            "camel case": {"runId": "{run}"},
            "nothing": {},
            "empty": {"run_id": ""},
            "missing": {"run_id": MISSING_RUN},
            "no id at all": {"run_id": "not-a-run"},
            "strange id": {"run_id": "a/b?c"},
            "long id": {"run_id": "a" * 200},
        },
    ),
)

STATES = Story(
    "run states",
    experiment("run states"),
    run(),
    posts(
        UPDATE,
        {"run_id": "{run}"},
        {
            "nothing": {},
            "finished": {"status": "FINISHED", "end_time": T0 + 9},
            "finished again": {"status": "FINISHED", "end_time": T0 + 9},
            "failed": {"status": "FAILED", "end_time": T0 + 10},
            "killed": {"status": "KILLED", "end_time": T0 + 11},
            "scheduled": {"status": "SCHEDULED"},
            "running by number": {"status": 1},
            "finished by number": {"status": 3, "end_time": T0 + 12},
            "finished by a text's number": {"status": "3", "end_time": T0 + 12},
            "status unknown": {"status": "DONE"},
            "status number unknown": {"status": 9},
            "status in small letters": {"status": "finished"},
            "end alone": {"end_time": T0 + 20},
            "end negative": {"end_time": -1},
            "end a text": {"status": "FINISHED", "end_time": str(T0 + 30)},
            "end before the start": {"status": "FINISHED", "end_time": 1},
            "running with its end": {"status": "RUNNING"},
            "name": {"run_name": "renamed"},
            "name empty": {"run_name": ""},
            "name of 251": {"run_name": "n" * 251},
            "by run_uuid": {"run_id": LEFT_OUT, "run_uuid": "{run}", "run_name": "by uuid"},
            "no run": {"run_id": LEFT_OUT, "status": "FINISHED"},
            "missing run": {"run_id": MISSING_RUN, "status": "FINISHED"},
            "no run id": {"run_id": "nobody", "status": "FINISHED"},
        },
    ),
    shown("run"),
    run("open"),
    post("finished without end", UPDATE, run_id="{open}", status="FINISHED"),
)

NAMES = Story(
    "run names",
    experiment("run names"),
    run(),
    post("by tag", SET_TAG, run_id="{run}", key=NAME, value="tagged"),
    shown("run", when="by tag"),
    post("by update", UPDATE, run_id="{run}", run_name="updated"),
    shown("run", when="by update"),
    post("by batch", "/runs/log-batch", run_id="{run}", tags=[{"key": NAME, "value": "batched"}]),
    shown("run", when="by batch"),
    post("tag empty", SET_TAG, run_id="{run}", key=NAME, value=""),
    shown("run", when="tag empty"),
    post("tag deleted", "/runs/delete-tag", run_id="{run}", key=NAME),
    shown("run", when="tag deleted"),
    post("by update again", UPDATE, run_id="{run}", run_name="again"),
    shown("run", when="again"),
)

LIFE = Story(
    "deleted runs",
    experiment("deleted runs"),
    run(),
    post("tag", SET_TAG, run_id="{run}", key="t", value="v"),
    post("delete", "/runs/delete", run_id="{run}"),
    shown("run", when="deleted"),
    post("delete again", "/runs/delete", run_id="{run}"),
    post("update", UPDATE, run_id="{run}", status="FINISHED"),
    post("set tag", SET_TAG, run_id="{run}", key="t", value="w"),
    post("delete tag", "/runs/delete-tag", run_id="{run}", key="t"),
    post("log metric", "/runs/log-metric", run_id="{run}", key="m", value=1, timestamp=T0),
    post("log param", "/runs/log-parameter", run_id="{run}", key="p", value="1"),
    post("batch", "/runs/log-batch", run_id="{run}", params=[{"key": "p", "value": "1"}]),
    post("batch of nothing", "/runs/log-batch", run_id="{run}"),
    get("history", "/metrics/get-history", run_id="{run}", metric_key="m"),
    post("restore", "/runs/restore", run_id="{run}"),
    shown("run", when="restored"),
    post("restore again", "/runs/restore", run_id="{run}"),
    [
        step
        for verb in ("delete", "restore")
        for step in posts(
            f"/runs/{verb}",
            {},
            {
                f"{verb} nothing": {},
                f"{verb} missing": {"run_id": MISSING_RUN},
                f"{verb} no id": {"run_id": "nobody"},
                f"{verb} a number": {"run_id": 5},
            },
        )
    ],
)

STORIES = [CREATION, READING, STATES, NAMES, LIFE]
