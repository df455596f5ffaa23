"""Data sets and logged models: what runs read and what they make."""

from __future__ import annotations

from conformance.mlflow.differential.language import (
    LEFT_OUT,
    MISSING_RUN,
    T0,
    Step,
    Story,
    experiment,
    get,
    post,
    posts,
    run,
    send,
    shown,
)

INPUTS, MODELS = "/runs/log-inputs", "/logged-models"
NO_MODEL = "m-" + "0" * 32


def _data(name: str = "d", digest: str = "x", **more: str) -> dict[str, object]:
    dataset = {"name": name, "digest": digest, "source_type": "local", "source": "/data", **more}
    return {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "train"}]}


DATASETS = Story(
    "data sets",
    experiment("data sets"),
    run(),
    run("beside"),
    posts(
        INPUTS,
        {"run_id": "{run}", "datasets": [_data()]},
        {
            "one": {},
            "the same again": {},
            "with more tags": {
                "datasets": [{**_data("tagged"), "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}]
            },
            "without tags": {"datasets": [{"dataset": _data("bare")["dataset"]}]},
            "with schema": {"datasets": [_data("full", schema="{}", profile="{}")]},
            "nothing": {"datasets": LEFT_OUT},
            "missing run": {"run_id": MISSING_RUN},
            "no run": {"run_id": LEFT_OUT},
            "name of 501": {"datasets": [_data("n" * 501)]},
            "digest of 37": {"datasets": [_data("long", "x" * 37)]},
            "data sets a text": {"datasets": "x"},
        },
    ),
    posts(
        INPUTS,
        {"run_id": "{beside}"},
        {
            "no name": {"datasets": [{"dataset": {"digest": "x", "source_type": "s", "source": "s"}}]},
            "no digest": {"datasets": [{"dataset": {"name": "x", "source_type": "s", "source": "s"}}]},
            "no data set": {"datasets": [{"tags": []}]},
        },
    ),
    shown(),
    post("search", "/runs/search", experiment_ids=["{experiment}"], filter="datasets.name = 'd'"),
    post("search by context", "/runs/search", experiment_ids=["{experiment}"], filter="datasets.context = 'train'"),
)


def _of(name: str, method: str, below: str, **body: object) -> Step:
    return send(name, method, f"{MODELS}/{{model}}{below}", **body)


LOGGED_MODELS = Story(
    "logged models",
    experiment("logged models"),
    run(),
    post(
        "create", MODELS, experiment_id="{experiment}", name="net", model_type="T", source_run_id="{run}",
        params=[{"key": "p", "value": "1"}], tags=[{"key": "t", "value": "v"}], keep={"model": "model.info.model_id"},
    ),
    get("get", f"{MODELS}/{{model}}"),
    get("get missing", f"{MODELS}/{NO_MODEL}"),
    posts(
        MODELS,
        {"experiment_id": "{experiment}"},
        {
            "create without name": {},
            "create with slash": {"name": "a/b"},
            "create with dot": {"name": "a.b"},
            "create without experiment": {"experiment_id": LEFT_OUT, "name": "x"},
            "create in missing experiment": {"experiment_id": "999999", "name": "x"},
        },
    ),
    post("point", "/runs/log-metric", run_id="{run}", key="loss", value=0.5, timestamp=T0, step=2, model_id="{model}"),
    get("get with metric", f"{MODELS}/{{model}}"),
    shown(when="with metric"),
    post(
        "points", "/runs/log-batch", run_id="{run}",
        metrics=[
            {"key": "loss", "value": n / 4, "timestamp": T0 + n, "step": 3, "model_id": "{model}"} for n in range(4)
        ],
    ),
    get("get with every point", f"{MODELS}/{{model}}"),
    post("params", f"{MODELS}/{{model}}/params", model_id="{model}", params=[{"key": "q", "value": "2"}]),
    post("params again", f"{MODELS}/{{model}}/params", model_id="{model}", params=[{"key": "q", "value": "2"}]),
    _of("tags", "PATCH", "/tags", tags=[{"key": "u", "value": "w"}, {"key": "t", "value": "x"}]),
    _of("untag", "DELETE", "/tags/u"),
    _of("untag again", "DELETE", "/tags/u"),
    _of("ready", "PATCH", "", model_id="{model}", status="LOGGED_MODEL_READY"),
    _of("ready by number", "PATCH", "", model_id="{model}", status=2),
    _of("ready to nothing", "PATCH", "", model_id="{model}"),
    post("outputs", "/runs/outputs", run_id="{run}", models=[{"model_id": "{model}", "step": 3}]),
    post("outputs of nothing", "/runs/outputs", run_id="{run}"),
    post("inputs", INPUTS, run_id="{run}", models=[{"model_id": "{model}"}]),
    shown(when="with edges"),
    get("get ready", f"{MODELS}/{{model}}"),
    posts(
        f"{MODELS}/search",
        {"experiment_ids": ["{experiment}"]},
        {
            "search": {"filter": "name = 'net'"},
            "search by param": {"filter": "params.p = '1'"},
            "search by metric": {"filter": "metrics.loss < 1"},
            "search by tag": {"filter": "tags.t = 'x'"},
            "search by status": {"filter": "status = 'READY'"},
            "search by nothing": {"filter": "nothing = 'x'"},
            "search nowhere": {"experiment_ids": LEFT_OUT},
            "search by order": {"filter": "name = 'net'", "order_by": [{"field_name": "creation_timestamp"}]},
        },
    ),
    post("create other", MODELS, experiment_id="{experiment}", name="other", keep={"other": "model.info.model_id"}),
    send("other to unknown", "PATCH", f"{MODELS}/{{other}}", model_id="{other}", status="DONE"),
    _of("delete", "DELETE", ""),
    _of("delete again", "DELETE", ""),
    get("get deleted", f"{MODELS}/{{model}}"),
)  # fmt: skip
