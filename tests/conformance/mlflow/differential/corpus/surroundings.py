"""What lies around the API: pages, prefixes, methods, types, what a server can do, direct transfers, and GenAI."""

from __future__ import annotations

import json

from conformance.mlflow.differential.language import (
    LEFT_OUT,
    MISSING_RUN,
    T0,
    Step,
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

API, AJAX, NEWER, NEWER_AJAX = (
    "=/api/2.0/mlflow", "=/ajax-api/2.0/mlflow", "=/api/3.0/mlflow", "=/ajax-api/3.0/mlflow",
)  # fmt: skip
PROXY = "=/api/2.0/mlflow-artifacts"
AJAX_PROXY = "=/ajax-api/2.0/mlflow-artifacts"
OWN = "{experiment}/{run}/artifacts"
_LONG = "long/" * 60

PAGES = Story(
    "pages",
    [
        Step(f"{method} {path}", method, f"={path}")
        for path in ("/health", "/version")
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE")
    ],
    get("health with a slash", "=/health/"),
    get("health with a query", "=/health", x="y"),
    get("health below the API", f"{API}/health"),
    get("version below the API", f"{API}/version"),
    [
        Step(f"{method} {name}", method, f"{prefix}/{name}")
        for prefix, name in ((NEWER, "server-info"), (NEWER, "server-features"))
        for method in ("GET", "POST", "PUT", "DELETE")
    ],
    get("server-info by ajax", f"{NEWER_AJAX}/server-info"),
    get("server-info of version 2", f"{API}/server-info"),
    get("server-info with a query", f"{NEWER}/server-info", more="1"),
    get("server-info with a slash", f"{NEWER}/server-info/"),
    get("no page", "=/nothing"),
    get("API alone", API),
    get("API with a slash", f"{API}/"),
    get("of version 1", "=/api/1.0/mlflow/experiments/get", experiment_id="0"),
    get("of version 2.1", "=/api/2.1/mlflow/experiments/get", experiment_id="0"),
    get("of another service", "=/api/2.0/other/experiments/get", experiment_id="0"),
    get("two slashes", "=/api/2.0/mlflow//experiments/get", experiment_id="0"),
    get("great letters", f"{API}/Experiments/Get", experiment_id="0"),
    get("escaped", f"{API}/experiments%2Fget", experiment_id="0"),
    get("upwards", f"{API}/runs/../experiments/get", experiment_id="0"),
)

_EVERY = (
    ("experiments/get", {"experiment_id": "{experiment}"}),
    ("experiments/search", {"max_results": "1"}),
    ("runs/get", {"run_id": "{run}"}),
    ("metrics/get-history", {"run_id": "{run}", "metric_key": "m"}),
    ("artifacts/list", {"run_id": "{run}"}),
    ("registered-models/search", {"filter": "name = 'nobody'"}),
    ("model-versions/search", {"filter": "name = 'nobody'"}),
)

METHODS = Story(
    "methods",
    experiment("methods"),
    run(),
    [get(f"{path} by ajax", f"{AJAX}/{path}", **query) for path, query in _EVERY],
    [
        Step(f"{method} {path}", method, f"/{path}")
        for path in ("experiments/create", "runs/search", "runs/log-batch", "model-versions/get")
        for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS")
    ],
    Step("HEAD experiments/get", "HEAD", "/experiments/get", (("experiment_id", "0"),)),
    Step("TRACE", "TRACE", "/runs/get"),
    Step("POST with a query", "POST", "/runs/set-tag", (("run_id", "{run}"), ("key", "q"), ("value", "v")),
         b"{}", "application/json"),
    Step("POST with query and body", "POST", "/runs/set-tag", (("run_id", MISSING_RUN), ("key", "other")),
         b'{"run_id": "{run}", "key": "of the body", "value": "v"}', "application/json"),
    Step("POST with a query alone", "POST", "/runs/set-tag", (("run_id", "{run}"), ("key", "alone"), ("value", "v"))),
    Step("GET with a body", "GET", "/runs/get", (), b'{"run_id": "{run}"}', "application/json"),
    Step("GET with query and body", "GET", "/runs/get", (("run_id", "{run}"),), b'{"run_id": "0"}', "application/json"),
    Step("GET with a broken body", "GET", "/runs/get", (("run_id", "{run}"),), b"{", "application/json"),
    Step("DELETE with a query", "DELETE", "/registered-models/delete", (("name", "nobody"),)),
    Step("DELETE with query and body", "DELETE", "/registered-models/delete", (("name", "nobody"),),
         b'{"name": "of the body"}', "application/json"),
    Step("PATCH with a query", "PATCH", "/registered-models/update", (("name", "nobody"),)),
    raw("POST of a form", "/runs/set-tag", "run_id={run}&key=form&value=v",
        content_type="application/x-www-form-urlencoded"),
    raw("POST of parts", "/runs/set-tag", "--b\r\n\r\n{}\r\n--b--", content_type="multipart/form-data; boundary=b"),
    get("GET with a fragment of a name", "/runs/get", run_id="{run}#x"),
    get("GET with an encoded zero", "/experiments/get-by-name?experiment_name=a%00b"),
    get("GET with what is no UTF-8", "/experiments/get-by-name?experiment_name=%ff"),
    get("GET with an equals sign alone", "/experiments/get?=0"),
    get("GET with brackets", "/metrics/get-history-bulk-interval?run_ids[]={run}&metric_key=m"),
    get("GET with indexes", "/metrics/get-history-bulk-interval?run_ids[0]={run}&metric_key=m"),
    get("GET with a semicolon", "/runs/get?run_id={run};x=y"),
    get("GET with 100 parameters", "/runs/get?run_id={run}" + "&x=y" * 100),
    shown(),
)  # fmt: skip

SPELLINGS = ("NaN", "nan", "NAN", "-NaN", "Infinity", "infinity", "INFINITY", "-Infinity", "+Infinity", "Inf", "inf",
             "-inf", "1e308", "1E5", "+1", " 1", "1 ", "1.", ".5", "-0", "00", "")  # fmt: skip
_REFUSED = ("1e400", "-1e400", "1_000", "0x10", "1,5", "\u0661", "nano", "++1", "- 1")
_BARE = ("1e5", "1E+5", "-0", "-0.0", "9007199254740993", "123456789012345678901234567890")
_BARE_REFUSED = (
    "NaN",
    "-NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "inf",
    "1e400",
    "-1e400",
    "01",
    "+1",
    ".5",
    "1.",
    "0x10",
)


def _bare(run: str, texts: tuple[str, ...]) -> list[Step]:
    return [
        raw(f"value {text}", "/runs/log-metric",
            f'{{"run_id": "{{{run}}}", "key": "bare {number}", "timestamp": {T0}, "value": {text}}}')
        for number, text in enumerate(texts)
    ]  # fmt: skip


def _quoted(run: str, texts: tuple[str, ...]) -> list[Step]:
    """Alone and in a batch."""
    return [
        *posts(
            "/runs/log-metric",
            {"run_id": run, "timestamp": T0},
            {f"value {text!r}": {"key": f"text {number}", "value": text} for number, text in enumerate(texts)},
        ),
        *posts(
            "/runs/log-batch",
            {"run_id": run},
            {
                f"batch of {text!r}": {"metrics": [{"key": f"batch {number}", "value": text, "timestamp": T0}]}
                for number, text in enumerate(texts)
            },
        ),
    ]


_TIMES = (1e3, 1e18, 1e19, "1e3", "5.0", "+5", " 5", "", "0x5", "-0", "05", [], {}, True, None)
_STEPS = (1e3, 1e19, "1e3", "5.0", "+5", " 5", "", "-7", "-0", "05", -(2**63), [], {}, True)

NUMBERS = Story(
    "numbers",
    experiment("numbers"),
    experiment("numbers beside", keep="beside experiment"),
    run(),
    run("beside", experiment_id="{beside experiment}"),
    _quoted("{run}", SPELLINGS),
    _quoted("{beside}", _REFUSED),
    _bare("run", _BARE),
    _bare("beside", _BARE_REFUSED),
    posts(
        "/runs/log-metric",
        {"run_id": "{beside}", "key": "when", "value": 1, "timestamp": T0},
        {
            **{f"time {value!r}": {"key": f"time {n}", "timestamp": value} for n, value in enumerate(_TIMES)},
            **{f"step {value!r}": {"key": f"step {n}", "step": value} for n, value in enumerate(_STEPS)},
        },
    ),
    [
        get(f"history of {SPELLINGS[number]!r}", "/metrics/get-history", run_id="{run}", metric_key=f"text {number}")
        for number in (0, 3, 7)
    ],
    shown(),
    posts(
        "/runs/search",
        {"experiment_ids": ["{experiment}"]},
        {f"page of {value!r}": {"max_results": value} for value in (1.0, 1e3, "1.0", "1e1", "", True, [], 2**31)},
    ),
)

_NULLS = (
    ("/experiments/create", {"name": "of nulls", "artifact_location": None, "tags": None}),
    ("/runs/create", {"experiment_id": "{experiment}", "user_id": None, "run_name": None, "start_time": None,
                      "tags": None}),
    ("/runs/update", {"run_id": "{run}", "status": None, "end_time": None, "run_name": None}),
    ("/runs/log-batch", {"run_id": "{run}", "metrics": None, "params": None, "tags": None}),
    ("/runs/search", {"experiment_ids": ["{experiment}"], "filter": None, "run_view_type": None, "max_results": None,
                      "order_by": None, "page_token": None}),
    ("/experiments/search", {"max_results": 1, "filter": "name = 'nobody'", "view_type": None, "order_by": None}),
    ("/runs/log-inputs", {"run_id": "{run}", "datasets": None, "models": None}),
    ("/registered-models/create", {"name": "of nulls", "tags": None, "description": None}),
    ("/logged-models", {"experiment_id": "{experiment}", "name": None, "params": None, "tags": None,
                        "source_run_id": None, "model_type": None}),
)  # fmt: skip
_WRONG: tuple[object, ...] = (None, 5, True, [], {}, ["x"], {"a": 1}, "", "\x00", "😀" * 40)
_TYPES = (
    ("/experiments/set-experiment-tag", {"experiment_id": "{experiment}", "key": "k", "value": "v"}),
    ("/runs/set-tag", {"run_id": "{run}", "key": "k", "value": "v"}),
    ("/runs/log-parameter", {"run_id": "{run}", "key": "p", "value": "v"}),
    ("/registered-models/set-tag", {"name": "typed", "key": "k", "value": "v"}),
)

TYPES = Story(
    "types",
    experiment("types"),
    run(),
    run("other"),
    [raw(f"nulls {path}", path, json.dumps(body)) for path, body in _NULLS],
    post("model", "/registered-models/create", name="typed"),
    [
        raw(f"{path} {name} {json.dumps(value)[:12]}", path, json.dumps({**body, name: value}))
        for path, body in _TYPES
        for name in body
        for value in _WRONG
        if not (name == "value" and path.endswith("parameter"))  # of one key; these are in values.py
    ],
    post("batch of nulls", "/runs/log-batch", run_id="{run}", metrics=[None]),
    post("batch of null params", "/runs/log-batch", run_id="{run}", params=[None]),
    post("batch of lists", "/runs/log-batch", run_id="{run}", tags=[["k", "v"]]),
    post("batch of a null value", "/runs/log-batch", run_id="{run}", tags=[{"key": "n", "value": None}]),
    post("batch of a number", "/runs/log-batch", run_id="{other}", tags=[{"key": "n", "value": 1}]),
    post("batch of an object", "/runs/log-batch", run_id="{other}", params=[{"key": "n", "value": {"a": 1}}]),
    raw("deep", "/runs/set-tag", '{"x": ' + "[" * 90 + "]" * 90 + ', "run_id": "{run}", "key": "deep", "value": "v"}'),
    shown(),
)

DIRECT = Story(
    "direct transfers",
    experiment("direct transfers"),
    run(),
    raw("put", f"{PROXY}/artifacts/{OWN}/a.txt", "hello", content_type="application/octet-stream", method="PUT"),
    posts(
        f"{PROXY}/mpu/create/{OWN}",
        {"path": "big.bin", "num_parts": 2},
        {
            "create": {},
            "create without path": {"path": LEFT_OUT},
            "create without parts": {"num_parts": LEFT_OUT},
            "create of 0": {"num_parts": 0},
            "create in words": {"num_parts": "many"},
            "create a number": {"path": 5},
        },
    ),
    posts(
        f"{PROXY}/mpu/complete/{OWN}",
        {"path": "big.bin", "upload_id": "u", "parts": [{"part_number": 1, "etag": "e"}]},
        {
            "complete": {},
            "complete without path": {"path": LEFT_OUT},
            "complete without id": {"upload_id": LEFT_OUT},
            "complete without parts": {"parts": LEFT_OUT},
            "complete of texts": {"parts": ["x"]},
        },
    ),
    posts(
        f"{PROXY}/mpu/abort/{OWN}",
        {"path": "big.bin", "upload_id": "u"},
        {"abort": {}, "abort without path": {"path": LEFT_OUT}, "abort without id": {"upload_id": LEFT_OUT}},
    ),
    get("GET of create", f"{PROXY}/mpu/create/{OWN}"),
    post("create by ajax", f"{AJAX_PROXY}/mpu/create/{OWN}", path="big.bin", num_parts=2),
    get("presigned", f"{PROXY}/presigned/{OWN}/a.txt"),
    get("presigned missing", f"{PROXY}/presigned/{OWN}/none.txt"),
    get("presigned upwards", f"{PROXY}/presigned/{OWN}/..%2F..%2Fx"),
    get("presigned of nothing", f"{PROXY}/presigned/"),
    post("POST of presigned", f"{PROXY}/presigned/{OWN}/a.txt"),
    *(
        step
        for name in ("upload", "download")
        for step in posts(
            f"/artifacts/presigned-{name}-url",
            {"run_id": "{run}", "path": "a.txt"},
            {
                f"{name} url": {},
                f"{name} url for a minute": {"expiration": 60},
                f"{name} url without path": {"path": LEFT_OUT},
                f"{name} url without run": {"run_id": LEFT_OUT},
                f"{name} url of missing run": {"run_id": MISSING_RUN},
                f"{name} url upwards": {"path": "../../x"},
                f"{name} url, 0": {"expiration": 0},
                f"{name} url, -1": {"expiration": -1},
                f"{name} url, in words": {"expiration": "soon"},
                f"{name} url, a year": {"expiration": 31_536_000},
                f"{name} url of a model": {"run_id": LEFT_OUT, "model_id": "m-" + "0" * 32},
            },
        )
    ),
    get("ajax get", f"{AJAX_PROXY}/artifacts/{OWN}/a.txt"),
    get("ajax list", f"{AJAX_PROXY}/artifacts", path=OWN),
    raw("ajax put", f"{AJAX_PROXY}/artifacts/{OWN}/b.txt", "b", content_type="text/plain", method="PUT"),
    Step("ajax delete", "DELETE", f"{AJAX_PROXY}/artifacts/{OWN}/b.txt"),
    Step("proxy HEAD", "HEAD", f"{PROXY}/artifacts/{OWN}/a.txt"),
    Step("proxy POST", "POST", f"{PROXY}/artifacts/{OWN}/a.txt", (), b"x", "text/plain"),
    Step("proxy PATCH", "PATCH", f"{PROXY}/artifacts/{OWN}/a.txt", (), b"x", "text/plain"),
    raw("put nothing named", f"{PROXY}/artifacts/{OWN}/", "x", content_type="text/plain", method="PUT"),
    raw("put without a type", f"{PROXY}/artifacts/{OWN}/untyped", "x", content_type=None, method="PUT"),
    raw("put as JSON", f"{PROXY}/artifacts/{OWN}/as.json", "{}", method="PUT"),
    raw("put beyond ASCII", f"{PROXY}/artifacts/{OWN}/%E2%82%AC%F0%9F%8E%89.txt", "x", method="PUT"),
    get("get beyond ASCII", f"{PROXY}/artifacts/{OWN}/%E2%82%AC%F0%9F%8E%89.txt"),
    raw("put deep", f"{PROXY}/artifacts/{OWN}/{_LONG}a.txt", "x", content_type="text/plain", method="PUT"),
    get("get deep", f"{PROXY}/artifacts/{OWN}/{_LONG}a.txt"),
    raw("put hidden", f"{PROXY}/artifacts/{OWN}/.hidden", "x", content_type="text/plain", method="PUT"),
    raw("put of a percent", f"{PROXY}/artifacts/{OWN}/100%25.txt", "x", content_type="text/plain", method="PUT"),
    get("get of a percent", f"{PROXY}/artifacts/{OWN}/100%25.txt"),
    [
        raw(f"put {name}", f"{PROXY}/artifacts/{OWN}/{path}", "x", content_type="text/plain", method="PUT")
        for name, path in (
            ("at a time", "12%3A30.txt"),
            ("with a drive", "a%3Ab.txt"),
            ("with a backslash", "a%5Cb.txt"),
            ("with a star", "a*b.txt"),
            ("with quotes", "a%22'b.txt"),
            ("with a dot last", "a."),
            ("with a blank last", "a%20"),
            ("with a blank first", "%20a"),
            ("with a tilde first", "~a"),
            ("with a line break", "a%0Ab"),
            ("with a plus", "a+b"),
            ("decomposed", "a%CC%88.txt"),
            ("with brackets", "a%5B0%5D%7Bx%7D.txt"),
            ("with a name of 255", "n" * 255),
            ("with a name of 256", "n" * 256),
        )
    ],
    raw("put of a question", f"{PROXY}/artifacts/{OWN}/a%3Fb%23c.txt", "x", content_type="text/plain", method="PUT"),
    get("list all", "/artifacts/list", run_id="{run}"),
    raw("upload", f"{AJAX}/upload-artifact?run_uuid={{run}}&path=up/u.txt", "up", content_type="text/plain"),
    raw("upload without run", f"{AJAX}/upload-artifact?path=u.txt", "up", content_type="text/plain"),
    raw("upload without path", f"{AJAX}/upload-artifact?run_uuid={{run}}", "up", content_type="text/plain"),
    raw("upload upwards", f"{AJAX}/upload-artifact?run_uuid={{run}}&path=../x", "up", content_type="text/plain"),
    get("fetch uploaded", "=/get-artifact", run_uuid="{run}", path="up/u.txt"),
)

OF_VERSIONS = Story(
    "files of versions",
    experiment("files of versions"),
    run(),
    raw("put", f"{PROXY}/artifacts/{OWN}/model/MLmodel", "flavors: {}\n", content_type="text/plain", method="PUT"),
    post("model", "/registered-models/create", name="with files"),
    post("version", "/model-versions/create", name="with files", source="mlflow-artifacts:/" + OWN + "/model",
         run_id="{run}"),
    gets(
        "=/model-versions/get-artifact",
        {"name": "with files", "version": "1", "path": "MLmodel"},
        {
            "fetch": {},
            "fetch missing": {"path": "none"},
            "fetch upwards": {"path": "../x"},
            "fetch without path": {"path": LEFT_OUT},
            "fetch of missing version": {"version": "9"},
            "fetch of missing model": {"name": "nobody"},
            "fetch without name": {"name": LEFT_OUT},
            "fetch without version": {"version": LEFT_OUT},
        },
    ),
    post("logged", "/logged-models", experiment_id="{experiment}", name="net", keep={"logged": "model.info.model_id"}),
    raw("put of logged", PROXY + "/artifacts/{experiment}/models/{logged}/artifacts/MLmodel", "x", method="PUT"),
    gets(
        "/logged-models/{logged}/artifacts/directories",
        {},
        {
            "list of logged": {},
            "list below": {"artifact_directory_path": "sub"},
            "list upwards": {"artifact_directory_path": "../.."},
        },
    ),
    gets(
        AJAX + "/logged-models/{logged}/artifacts/files",
        {"artifact_file_path": "MLmodel"},
        {
            "file of logged": {},
            "file missing": {"artifact_file_path": "none"},
            "file upwards": {"artifact_file_path": "../x"},
            "file without path": {"artifact_file_path": LEFT_OUT},
        },
    ),
    get("list of no model", "/logged-models/m-" + "0" * 32 + "/artifacts/directories"),
)  # fmt: skip

NOT_HERE = Story(
    "of GenAI",
    experiment("of GenAI"),
    get("GET graphql", "=/graphql"),
    post("graphql", "=/graphql", query="{ __typename }"),
    [
        Step(f"{method} {path}", method, f"={path}", (), b"{}" if method == "POST" else None,
             "application/json" if method == "POST" else None)
        for method, path in (
            ("POST", "/api/2.0/mlflow/traces"),
            ("GET", "/api/2.0/mlflow/traces"),
            ("GET", "/api/2.0/mlflow/traces/tr-1/info"),
            ("POST", "/api/3.0/mlflow/traces"),
            ("POST", "/api/3.0/mlflow/traces/search"),
            ("GET", "/api/3.0/mlflow/traces/tr-1"),
            ("GET", "/api/3.0/mlflow/traces/get"),
            ("POST", "/api/3.0/mlflow/traces/delete-traces"),
            ("GET", "/ajax-api/2.0/mlflow/get-trace-artifact"),
            ("GET", "/ajax-api/3.0/mlflow/get-trace-artifact"),
            ("POST", "/v1/traces"),
            ("POST", "/api/3.0/mlflow/datasets/create"),
            ("GET", "/api/3.0/mlflow/datasets/d-1"),
            ("POST", "/api/3.0/mlflow/assessments"),
            ("GET", "/api/3.0/mlflow/scorers/list"),
            ("POST", "/api/3.0/mlflow/scorers/register"),
            ("GET", "/ajax-api/3.0/mlflow/ui-telemetry"),
            ("POST", "/ajax-api/3.0/mlflow/ui-telemetry"),
            ("POST", "/ajax-api/2.0/mlflow/gateway-proxy"),
            ("GET", "/ajax-api/2.0/mlflow/gateway-proxy"),
            ("POST", "/ajax-api/2.0/mlflow/runs/create-promptlab-run"),
            ("GET", "/ajax-api/3.0/jobs/1"),
            ("GET", "/api/3.0/mlflow/workspaces"),
            ("GET", "/static-files/x.js"),
            ("GET", "/api/2.0/mlflow/users/get"),
            ("GET", "/metrics"),
        )
    ],
)  # fmt: skip

STORIES = [PAGES, METHODS, NUMBERS, TYPES, DIRECT, OF_VERSIONS, NOT_HERE]
