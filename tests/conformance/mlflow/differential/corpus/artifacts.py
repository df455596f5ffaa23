"""Files of runs, as MLflow's clients send, list, fetch and delete them through the server."""

from __future__ import annotations

from conformance.mlflow.differential.language import LEFT_OUT, MISSING_RUN, Step, Story, experiment, get, gets, raw, run

PROXY = "=/api/2.0/mlflow-artifacts/artifacts"
BELOW = f"{PROXY}/{{experiment}}/{{run}}/artifacts"


def _put(name: str, path: str, content: str | bytes) -> Step:
    return raw(name, f"{BELOW}/{path}", content, content_type="application/octet-stream", method="PUT")


FILES = Story(
    "files",
    experiment("files"),
    run(),
    run("empty"),
    _put("put", "a.txt", "hello"),
    _put("put again", "a.txt", "hello again"),
    _put("put below", "sub/b.bin", b"\x00\x01\xff"),
    _put("put deeper", "sub/deep/c.json", '{"x": 1}'),
    _put("put empty", "empty.txt", ""),
    _put("put with blanks", "with%20blanks.txt", "b"),
    _put("put upwards", "..%2F..%2Fx", "x"),
    get("get text", f"{BELOW}/a.txt"),
    get("get json", f"{BELOW}/sub/deep/c.json"),
    get("get empty", f"{BELOW}/empty.txt"),
    get("get with blanks", f"{BELOW}/with%20blanks.txt"),
    get("get missing", f"{BELOW}/none.txt"),
    get("get folder", f"{BELOW}/sub"),
    gets(
        PROXY,
        {"path": "{experiment}/{run}/artifacts"},
        {
            "list proxy": {},
            "list proxy below": {"path": "{experiment}/{run}/artifacts/sub"},
            "list proxy missing": {"path": "{experiment}/{run}/artifacts/none"},
            "list proxy upwards": {"path": "../.."},
        },
    ),
    gets(
        "/artifacts/list",
        {"run_id": "{run}"},
        {
            "list": {},
            "list below": {"path": "sub"},
            "list file": {"path": "a.txt"},
            "list missing": {"path": "none"},
            "list upwards": {"path": "../.."},
            "list absolute": {"path": "/etc"},
            "list nothing": {"run_id": "{empty}"},
            "list of missing run": {"run_id": MISSING_RUN},
            "list of no run": {"run_id": LEFT_OUT},
            "list by run_uuid": {"run_id": LEFT_OUT, "run_uuid": "{run}"},
        },
    ),
    gets(
        "=/get-artifact",
        {"run_uuid": "{run}", "path": "a.txt"},
        {
            "fetch": {},
            "fetch by run_id": {"run_uuid": LEFT_OUT, "run_id": "{run}"},
            "fetch missing": {"path": "none"},
            "fetch upwards": {"path": "../../x"},
            "fetch of missing run": {"run_uuid": MISSING_RUN},
            "fetch nothing": {"path": LEFT_OUT},
        },
    ),
    Step("delete", "DELETE", f"{BELOW}/a.txt"),
    Step("delete again", "DELETE", f"{BELOW}/a.txt"),
    Step("delete folder", "DELETE", f"{BELOW}/sub"),
    get("list after", "/artifacts/list", run_id="{run}"),
    get("version", "=/version"),
    get("health", "=/health"),
)

STORIES = [FILES]
