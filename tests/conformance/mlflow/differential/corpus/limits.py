"""Filters of many conditions, odd names and texts, orders in every spelling, and tokens of other searches."""

from __future__ import annotations

from typing import Any

from conformance.mlflow.differential.language import T0, Step, Story, experiment, get, gets, post, posts, run

RUNS, MODELS, VERSIONS = "/runs/search", "/registered-models/search", "/model-versions/search"
ODD = {
    "é ü": "params",
    "a.b.c": "params",
    "with-dash": "tags",
    "日本": "tags",
    "a/b": "tags",
    "x:y": "params",
    "k" * 250: "tags",
}
_TEXTS = ("it''s", 'say "hi"', "100%", "a_b", "a\\\\b", "🎉", " blanks ", "NULL", "1", "x" * 500, "AND", "two  blanks")


def _filters(cases: dict[str, str]) -> list[Step]:
    return posts(RUNS, {"experiment_ids": ["{experiment}"]}, {name: {"filter": one} for name, one in cases.items()})


def _named(kind: str, key: str) -> list[dict[str, str]]:
    return [{"key": key, "value": "here"}] if ODD[key] == kind else []


DEEP = Story(
    "deep filters",
    experiment("deep filters"),
    run(),
    run("other", start_time=T0 + 1),
    post("fill", "/runs/log-batch", run_id="{run}", metrics=[{"key": "m", "value": 1, "timestamp": T0}],
         params=[pair for key in ODD for pair in _named("params", key)],
         tags=[pair for key in ODD for pair in _named("tags", key)]),
    [
        post(f"text {number}", "/runs/set-tag", run_id="{run}", key=f"text{number}", value=text.replace("''", "'"))
        for number, text in enumerate(_TEXTS)
    ],
    _filters({f"{kind} `{key[:9]}`": f"{kind}.`{key}` = 'here'" for key, kind in ODD.items()}),
    _filters({f'{kind} "{key[:9]}"': f"{kind}.\"{key}\" = 'here'" for key, kind in ODD.items()}),
    _filters({f"text {number} found": f"tags.text{number} = '{text}'" for number, text in enumerate(_TEXTS)
              if "'" not in text}),
    _filters({f"text {number} LIKE": f"tags.text{number} LIKE '%{text[1:-1]}%'" for number, text in enumerate(_TEXTS)
              if "'" not in text and "\\" not in text}),
    _filters({f"text {number} in double quotes": f'tags.text{number} = "{text}"' for number, text in enumerate(_TEXTS)
              if '"' not in text and "'" not in text}),
    _filters(
        {
            "20 conditions": " AND ".join(["metrics.m = 1"] * 20),
            "50 conditions": " AND ".join(f"metrics.m > -{number}" for number in range(1, 51)),
            "one of 20 wrong": " AND ".join(["metrics.m = 1"] * 19 + ["metrics.m = 2"]),
            "500 ids": f"run_id IN ({', '.join(repr(f'{number:032x}') for number in range(500))})",
            "lines": "metrics.m = 1\nAND\nmetrics.m > 0",
            "tabs": "metrics.m\t=\t1",
            "no blanks": "metrics.m>=1 AND metrics.m<=1",
            "number with a plus": "metrics.m = +1",
            "number with zeros": "metrics.m = 001",
            "number in hexadecimal": "metrics.m = 0x1",
            "number with an exponent": "metrics.m = 1e0",
            "number that is none": "metrics.m = NaN",
            "number without end": "metrics.m < Infinity",
            "great number": "metrics.m < 1e400",
            "comment": "metrics.m = 1 /* x */",
            "semicolon": "metrics.m = 1;",
            "two filters": "metrics.m = 1; metrics.m = 1",
            "comma": "metrics.m = 1, metrics.m = 1",
            "and in small letters": "metrics.m = 1 and metrics.m = 1",
            "AND alone": "AND",
            "three dots": "metrics.a.b.c = 1",
            "dot first": ".m = 1",
            "backquotes alone": "metrics.`` = 1",
            "star": "*",
            "semicolon alone": ";",
            "parentheses": "(metrics.m = 1) AND (metrics.m = 1)",
            "nested": "((((metrics.m = 1))))",
            "quoted entity": "`metrics`.m = 1",
            "value first": "1 = metrics.m",
            "two fields": "metrics.m = metrics.m",
            "unicode quotes": "params.a = \u2018b\u2019",
            "zero": "params.a = '\x00'",
        }
    ),
)  # fmt: skip

_ORDERS: dict[str, Any] = {
    "asc": ["start_time asc"],
    "Desc": ["start_time Desc"],
    "blanks": ["  start_time   DESC  "],
    "back-quoted": ["attributes.`start_time` DESC"],
    "double-quoted": ['attributes."start_time" DESC'],
    "metric with blanks": ["metrics.`a b` DESC"],
    "param beyond ASCII": ["params.`é ü` ASC"],
    "ten": [f"metrics.m{number}" for number in range(10)],
    "experiment_id": ["experiment_id"],
    "two in one": ["start_time DESC, run_id"],
    "NULLS": ["start_time DESC NULLS LAST"],
    "number": ["1"],
    "empty among others": ["start_time", ""],
    "null": [None],
    "filter": ["start_time = 1"],
    "nothing": None,
    "object": {"field": "start_time"},
}
SEARCH = {"experiment_ids": ["{experiment}"], "max_results": 1}

TOKENS = Story(
    "tokens",
    experiment("tokens"),
    experiment("tokens beside", keep="beside"),
    [run(f"r{number}", start_time=T0 + number, tags=[{"key": "n", "value": str(number)}]) for number in range(4)],
    run("elsewhere", experiment_id="{beside}"),
    posts(RUNS, {"experiment_ids": ["{experiment}"]},
          {f"order {name}": {"order_by": one} for name, one in _ORDERS.items()}),
    post("first", RUNS, keep={"token": "next_page_token"}, **SEARCH),
    post("next", RUNS, page_token="{token}", **SEARCH),
    post("next again", RUNS, page_token="{token}", **SEARCH),
    post("token cut", RUNS, page_token="{token}x", **SEARCH),
    post("token empty", RUNS, page_token="", **SEARCH),
    post("token null", RUNS, page_token=None, **SEARCH),
    post("of experiments", "/experiments/search", max_results=1, page_token="{token}x"),
    [post(f"model {number}", "/registered-models/create", name=f"page-{number}") for number in range(3)],
    get("models", MODELS, filter="name LIKE 'page-%'", max_results=2, keep={"models": "next_page_token"}),
    get("models next", MODELS, filter="name LIKE 'page-%'", max_results=2, page_token="{models}"),
    gets(
        MODELS,
        {"filter": "name LIKE 'page-%'"},
        {
            "models with a token in words": {"page_token": "nonsense"},
            "models, page of -1": {"max_results": -1},
            "models, page in words": {"max_results": "many"},
            "models, page empty": {"max_results": ""},
            "models by time": {"order_by": "last_updated_timestamp DESC"},
            "models by timestamp": {"order_by": "timestamp"},
            "models by two": {"order_by": ["name DESC", "timestamp"]},
            "models by name twice": {"order_by": ["name", "name DESC"]},
        },
    ),
    gets(
        VERSIONS,
        {"filter": "name LIKE 'page-%'"},
        {
            "versions, 0": {"max_results": 0},
            "versions, -1": {"max_results": -1},
            "versions, 200000": {"max_results": 200_000},
            "versions, 200001": {"max_results": 200_001},
            "versions in words": {"max_results": "many"},
            "versions with a token in words": {"page_token": "nonsense"},
            "versions by name twice": {"order_by": ["name", "name DESC"]},
            "versions by creation": {"order_by": "creation_timestamp"},
            "versions by nothing": {"order_by": "nothing"},
        },
    ),
)  # fmt: skip

STORIES = [DEEP, TOKENS]
