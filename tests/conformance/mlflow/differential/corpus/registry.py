"""Registered models, their versions, aliases and stages."""

from __future__ import annotations

from typing import Any

from conformance.mlflow.differential.language import (
    LEFT_OUT,
    Step,
    Story,
    experiment,
    get,
    gets,
    post,
    posts,
    run,
    send,
)

MODELS, VERSIONS = "/registered-models", "/model-versions"
SOURCE = "mlflow-artifacts:/{experiment}/{run}/artifacts/model"


def _patches(path: str, base: dict[str, Any], cases: dict[str, dict[str, Any]], method: str = "PATCH") -> list[Step]:
    return [
        send(name, method, path, **{key: one for key, one in {**base, **change}.items() if one is not LEFT_OUT})
        for name, change in cases.items()
    ]


LIFE = Story(
    "registered models",
    post("create", f"{MODELS}/create", name="reg", description="first", tags=[{"key": "k", "value": "v"}]),
    post("create again", f"{MODELS}/create", name="reg"),
    get("get", f"{MODELS}/get", name="reg"),
    _patches(
        f"{MODELS}/update",
        {"name": "reg"},
        {
            "update": {"description": "second"},
            "update to nothing": {"description": ""},
            "update without description": {},
            "update missing": {"name": "nobody", "description": "x"},
            "update no name": {"name": LEFT_OUT, "description": "x"},
        },
    ),
    post("second", f"{MODELS}/create", name="reg two"),
    posts(
        f"{MODELS}/rename",
        {"name": "reg", "new_name": "reg renamed"},
        {
            "rename": {},
            "rename again": {},
            "rename to taken": {"name": "reg renamed", "new_name": "reg two"},
            "rename to nothing": {"name": "reg renamed", "new_name": LEFT_OUT},
            "rename to empty": {"name": "reg renamed", "new_name": ""},
            "rename with slash": {"name": "reg renamed", "new_name": "a/b"},
            "rename missing": {"name": "nobody"},
        },
    ),
    get("get renamed", f"{MODELS}/get", name="reg renamed"),
    get("get by old name", f"{MODELS}/get", name="reg"),
    posts(
        f"{MODELS}/set-tag",
        {"name": "reg renamed", "key": "t", "value": "1"},
        {
            "set tag": {},
            "set tag again": {"value": "2"},
            "set tag without value": {"key": "u", "value": LEFT_OUT},
            "set tag without key": {"key": LEFT_OUT},
            "set tag with strange key": {"key": "a*b"},
            "set tag with long key": {"key": "k" * 251},
            "set tag of missing": {"name": "nobody"},
        },
    ),
    get("get tagged", f"{MODELS}/get", name="reg renamed"),
    _patches(
        f"{MODELS}/delete-tag",
        {"name": "reg renamed", "key": "t"},
        {"delete tag": {}, "delete tag again": {}, "delete tag of missing": {"name": "nobody"}},
        "DELETE",
    ),
    _patches(
        f"{MODELS}/delete",
        {"name": "reg renamed"},
        {"delete": {}, "delete again": {}, "delete nothing": {"name": LEFT_OUT}},
        "DELETE",
    ),
    get("get deleted", f"{MODELS}/get", name="reg renamed"),
    post("create again after", f"{MODELS}/create", name="reg renamed"),
    posts(
        f"{MODELS}/create",
        {},
        {
            "create nothing": {},
            "create empty": {"name": ""},
            "create with slash": {"name": "a/b"},
            "create with colon": {"name": "a:b"},
            "create a number": {"name": 5},
            "create long": {"name": "n" * 257},
            "create tag without key": {"name": "no key", "tags": [{"value": "v"}]},
        },
    ),
    gets(
        f"{MODELS}/get",
        {},
        {"get nothing": {}, "get empty": {"name": ""}, "get missing": {"name": "nobody"}},
    ),
)

_TAKEN = {"name": "ver", "source": SOURCE, "run_id": "{run}"}

VERSION_LIFE = Story(
    "model versions",
    experiment("model versions"),
    run(),
    post("model", f"{MODELS}/create", name="ver"),
    post("create", f"{VERSIONS}/create", **_TAKEN, description="d", tags=[{"key": "a", "value": "b"}], run_link="l"),
    posts(
        f"{VERSIONS}/create",
        _TAKEN,
        {
            "create second": {},
            "create third": {},
            "create without run": {"run_id": LEFT_OUT, "source": "s3://bucket/model"},
            "create without source": {"source": LEFT_OUT},
            "create for missing": {"name": "nobody"},
            "create from local path": {"source": "/etc"},
            "create from file": {"source": "file:///etc"},
            "create upwards": {"source": "mlflow-artifacts:/{experiment}/{run}/artifacts/../../x"},
        },
    ),
    get("get", f"{VERSIONS}/get", name="ver", version="1"),
    get("get model", f"{MODELS}/get", name="ver"),
    gets(
        f"{VERSIONS}/get",
        {"name": "ver", "version": "1"},
        {
            "get missing version": {"version": "99"},
            "get version in words": {"version": "x"},
            "get version 0": {"version": "0"},
            "get without version": {"version": LEFT_OUT},
            "get of missing": {"name": "nobody"},
        },
    ),
    gets(
        f"{VERSIONS}/get-download-uri",
        {"name": "ver", "version": "1"},
        {"uri": {}, "uri of missing": {"version": "99"}},
    ),
    _patches(
        f"{VERSIONS}/update",
        {"name": "ver", "version": "1"},
        {"update": {"description": "e"}, "update missing": {"version": "99", "description": "e"}},
    ),
    posts(
        f"{VERSIONS}/set-tag",
        {"name": "ver", "version": "1", "key": "t", "value": "1"},
        {
            "set tag": {},
            "set tag without value": {"key": "u", "value": LEFT_OUT},
            "set tag of missing": {"version": "99"},
            "set tag with strange key": {"key": "a*b"},
        },
    ),
    _patches(
        f"{VERSIONS}/delete-tag",
        {"name": "ver", "version": "1", "key": "t"},
        {"delete tag": {}, "delete tag again": {}, "delete tag of missing": {"version": "99"}},
        "DELETE",
    ),
    posts(
        f"{VERSIONS}/transition-stage",
        {"name": "ver", "version": "1", "stage": "Staging", "archive_existing_versions": False},
        {
            "staging": {},
            "staging in small letters": {"stage": "staging", "version": "2"},
            "production, archiving": {"stage": "Production", "version": "3", "archive_existing_versions": True},
            "unknown stage": {"stage": "Best"},
            "archiving none": {"stage": "None", "archive_existing_versions": True},
            "stage of missing": {"version": "99"},
            "no stage": {"stage": LEFT_OUT},
        },
    ),
    posts(
        f"{MODELS}/get-latest-versions",
        {"name": "ver"},
        {
            "latest": {},
            "latest in production": {"stages": ["Production"]},
            "latest in unknown": {"stages": ["Best"]},
            "latest of missing": {"name": "nobody"},
        },
    ),
    posts(
        f"{MODELS}/alias",
        {"name": "ver", "alias": "champion", "version": "1"},
        {
            "alias": {},
            "alias again": {},
            "alias moved": {"version": "2"},
            "alias latest": {"alias": "latest"},
            "alias of version": {"alias": "v1"},
            "alias strange": {"alias": "a b"},
            "alias to missing": {"version": "99"},
            "alias without name": {"alias": LEFT_OUT},
        },
    ),
    gets(
        f"{MODELS}/alias",
        {"name": "ver", "alias": "champion"},
        {"by alias": {}, "by missing alias": {"alias": "none"}, "alias of missing": {"name": "nobody"}},
    ),
    get("get aliased", f"{VERSIONS}/get", name="ver", version="2"),
    _patches(
        f"{MODELS}/alias",
        {"name": "ver", "alias": "champion"},
        {"delete alias": {}, "delete alias again": {}},
        "DELETE",
    ),
    _patches(
        f"{VERSIONS}/delete",
        {"name": "ver", "version": "2"},
        {"delete": {}, "delete again": {}, "delete missing": {"version": "99"}},
        "DELETE",
    ),
    post("create after", f"{VERSIONS}/create", **_TAKEN),
)

SEARCHES = Story(
    "registry searches",
    experiment("registry searches"),
    run(),
    [post(f"make {name}", f"{MODELS}/create", name=name, tags=[{"key": "kind", "value": name[-1]}])
     for name in ("seek-a", "seek-b", "Seek-c")],
    [post(f"version {number} of {name}", f"{VERSIONS}/create", name=name, source=SOURCE, run_id="{run}",
          tags=[{"key": "n", "value": str(number)}])
     for name in ("seek-a", "seek-b") for number in (1, 2)],
    gets(
        f"{MODELS}/search",
        {"order_by": "name"},
        {
            one: {"filter": one}
            for one in ("name LIKE 'seek-%'", "name ILIKE 'seek-%'", "name = 'seek-a'",
                        "name != 'seek-a' AND name LIKE 'seek-%'",
                        "tags.kind = 'a'", "tags.kind != 'a'", "name LIKE 'seek-%' AND tags.kind = 'b'",
                        "name IN ('seek-a')", "name > 'a'", "nothing = 'x'", "name", "tags.kind = a")
        },
    ),
    gets(
        f"{MODELS}/search",
        {"filter": "name ILIKE 'seek-%'"},
        {
            "models by name falling": {"order_by": "name DESC"},
            "models by nothing": {"order_by": "nothing"},
            "models, 0": {"max_results": 0},
            "models, 1000": {"max_results": 1000},
            "models, 1001": {"max_results": 1001},
        },
    ),
    gets(
        f"{VERSIONS}/search",
        {"order_by": ["name", "version_number"]},
        {
            f"versions {one}": {"filter": one}
            for one in ("name = 'seek-a'", "name LIKE 'seek-%'", "run_id = '{run}'", "run_id IN ('{run}', 'x')",
                        "tags.n = '2'", "version_number = 2", "version_number > 1 AND name = 'seek-b'",
                        "source_path = 'x'", "name IN ('seek-a')", "nothing = 'x'", "version_number = 'x'")
        },
    ),
)  # fmt: skip

OF_LOGGED_MODELS = Story(
    "versions of logged models",
    experiment("versions of logged models"),
    run(),
    post(
        "logged", "/logged-models", experiment_id="{experiment}", name="net", source_run_id="{run}",
        params=[{"key": "p", "value": "1"}], keep={"logged": "model.info.model_id"},
    ),
    post("model", f"{MODELS}/create", name="of logged"),
    posts(
        f"{VERSIONS}/create",
        {"name": "of logged", "source": "models:/{logged}"},
        {
            "create with model": {"model_id": "{logged}"},
            "create with run": {"run_id": "{run}", "model_id": "{logged}"},
            "create with other model": {"model_id": "m-" + "0" * 32},
            "create of missing": {"source": "models:/m-" + "0" * 32},
        },
    ),
    get("get", f"{VERSIONS}/get", name="of logged", version="1"),
    get("get with run", f"{VERSIONS}/get", name="of logged", version="2"),
    get("get logged", "/logged-models/{logged}"),
    post("create with source alone", f"{VERSIONS}/create", name="of logged", source="models:/{logged}"),
    send("delete logged", "DELETE", "/logged-models/{logged}"),
    post("create of deleted", f"{VERSIONS}/create", name="of logged", source="models:/{logged}", model_id="{logged}"),
)  # fmt: skip

STORIES = [LIFE, VERSION_LIFE, OF_LOGGED_MODELS, SEARCHES]
