"""Params and tags of runs."""

from __future__ import annotations

from conformance.mlflow.differential.language import LEFT_OUT, MISSING_RUN, Story, experiment, post, posts, run, shown

KEYS = {
    "key of 250": {"key": "k" * 250},
    "key of 251": {"key": "k" * 251},
    "key with a slash": {"key": "a/b"},
    "key with two slashes": {"key": "a//b"},
    "key with a slash first": {"key": "/a"},
    "key with a slash last": {"key": "a/"},
    "key upwards": {"key": "../a"},
    "key upwards within": {"key": "a/../b"},
    "key of a dot": {"key": "."},
    "key of dots": {"key": ".."},
    "key with marks": {"key": "a b.c-d_e:f"},
    "key with a star": {"key": "a*b"},
    "key with a backslash": {"key": "a\\b"},
    "key with a quote": {"key": "a'b"},
    "key with a line break": {"key": "a\nb"},
    "key beyond ASCII": {"key": "schlüssel"},
    "key of an emoji": {"key": "🎉"},
    "key empty": {"key": ""},
    "key null": {"key": None},
    "key a number": {"key": 5},
    "no key": {"key": LEFT_OUT},
}

RUNS = {
    "no run": {"run_id": LEFT_OUT},
    "missing run": {"run_id": MISSING_RUN},
    "no run id": {"run_id": "nobody"},
    "by run_uuid": {"run_id": LEFT_OUT, "run_uuid": "{run}", "key": "by uuid"},
    "run and uuid": {"run_uuid": MISSING_RUN, "key": "run and uuid"},
}

PARAMS = Story(
    "params",
    experiment("params"),
    run(),
    posts(
        "/runs/log-parameter",
        {"run_id": "{run}", "key": "k", "value": "v"},
        {
            "first": {},
            "the same again": {},
            "another value": {"value": "w"},
            "empty": {"key": "empty", "value": ""},
            "empty again": {"key": "empty", "value": ""},
            "no value": {"key": "none", "value": LEFT_OUT},
            "null": {"key": "null", "value": None},
            "a number": {"key": "number", "value": 1},
            "beyond ASCII": {"key": "unicode", "value": "é\n🎉"},
            "value of 6000": {"key": "long", "value": "v" * 6000},
            "value of 6001": {"key": "longer", "value": "v" * 6001},
            "value of 6001 again": {"key": "longer", "value": "v" * 6001},
            **KEYS,
            **RUNS,
        },
    ),
    shown(),
)

TAGS = Story(
    "tags",
    experiment("tags"),
    run(),
    posts(
        "/runs/set-tag",
        {"run_id": "{run}", "key": "k", "value": "v"},
        {
            "first": {},
            "another value": {"value": "w"},
            "empty": {"key": "empty", "value": ""},
            "no value": {"key": "none", "value": LEFT_OUT},
            "a number": {"key": "number", "value": 1},
            "value of 8000": {"key": "long", "value": "v" * 8000},
            "value of 8001": {"key": "longer", "value": "v" * 8001},
            "user": {"key": "mlflow.user", "value": "ann"},
            "note": {"key": "mlflow.note.content", "value": "# note"},
            **KEYS,
            **RUNS,
        },
    ),
    shown(when="tagged"),
    posts(
        "/runs/delete-tag",
        {"run_id": "{run}", "key": "k"},
        {
            "delete": {},
            "delete again": {},
            "delete without key": {"key": LEFT_OUT},
            "delete of missing run": {"run_id": MISSING_RUN},
            "delete of no run": {"run_id": LEFT_OUT},
            "delete by run_uuid": {"run_id": LEFT_OUT, "run_uuid": "{run}", "key": "empty"},
            "delete strange key": {"key": "a*b"},
        },
    ),
    shown(when="untagged"),
)

LOGGED_MODEL_JSON = (
    '{"run_id": "{run}", "artifact_path": "model", "utc_time_created": "2024-01-01 00:00:00.000000", '
    '"model_uuid": "u", "flavors": {"sklearn": {"config": 1, "code": null}}}'
)

LOGGED = Story(
    "log-model",
    experiment("log-model"),
    run(),
    post("one", "/runs/log-model", run_id="{run}", model_json=LOGGED_MODEL_JSON),
    shown(when="with one"),
    posts(
        "/runs/log-model",
        {"run_id": "{run}", "model_json": LOGGED_MODEL_JSON},
        {
            "two": {},
            "no json": {"model_json": LEFT_OUT},
            "broken json": {"model_json": "{"},
            "fields missing": {"model_json": '{"run_id": "x"}'},
            "missing run": {"run_id": MISSING_RUN},
            "no run": {"run_id": LEFT_OUT},
        },
    ),
    shown(when="with two"),
)

STORIES = [PARAMS, TAGS, LOGGED]
