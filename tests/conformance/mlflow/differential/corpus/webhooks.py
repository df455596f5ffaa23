"""Webhooks. `{receiver}` is an address at which both servers are answered alike: 500 where it is /broken, else 200.

Both servers are allowed to call this machine without TLS, so that there is something to test; what they refuse by
default is in test_webhooks.py.
"""

from __future__ import annotations

import json
from typing import Any

from conformance.mlflow.differential.language import LEFT_OUT, Step, Story, get, gets, post, posts, raw, send

HOOKS = "/webhooks"
MISSING = "/webhooks/" + "0" * 32
CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
ALIASED = {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"}
_HOOK = {"name": "hook", "url": "{receiver}/hook", "events": [CREATED], "status": "DISABLED"}


def _event(entity: object, action: object) -> dict[str, Any]:
    return {"events": [{"entity": entity, "action": action}]}


EVENTS: dict[str, dict[str, Any]] = {
    "event of a prompt": _event("PROMPT", "CREATED"),
    "event of a budget": _event("BUDGET_POLICY", "EXCEEDED"),
    "every event": {
        "events": [
            CREATED,
            {"entity": "MODEL_VERSION", "action": "CREATED"},
            {"entity": "MODEL_VERSION_TAG", "action": "SET"},
            {"entity": "MODEL_VERSION_TAG", "action": "DELETED"},
            ALIASED,
            {"entity": "MODEL_VERSION_ALIAS", "action": "DELETED"},
        ]
    },
    "event twice": {"events": [CREATED, CREATED]},
    "event by number": _event(3, 4),
    "event by a text's number": _event("3", "4"),
    "event with more": {"events": [{**CREATED, "more": 1}]},
    "events left out": {"events": LEFT_OUT},
    "no events": {"events": []},
    "events null": {"events": None},
    "events a text": {"events": "registered_model.created"},
    "events of texts": {"events": ["registered_model.created"]},
    "events an object": {"events": CREATED},
    "event of nothing": {"events": [{}]},
    "event without action": {"events": [{"entity": "REGISTERED_MODEL"}]},
    "event without entity": {"events": [{"action": "CREATED"}]},
    "event in small letters": _event("registered_model", "created"),
    "event unknown": _event("EXPERIMENT", "CREATED"),
    "event number unknown": _event(99, 1),
    "event that is none": _event("REGISTERED_MODEL", "DELETED"),
}
_VALUES: dict[str, dict[str, Any]] = {
    "bare": {"status": LEFT_OUT},
    "active": {"status": "ACTIVE", "url": "{receiver}/active"},
    "with all": {"description": "note", "secret": "s3cret", "status": "DISABLED"},
    "description empty": {"description": ""},
    "description null": {"description": None},
    "description a number": {"description": 5},
    "description of 1000": {"description": "d" * 1000},
    "description of two lines": {"description": "one\ntwo é 🎉"},
    "secret empty": {"secret": ""},
    "secret null": {"secret": None},
    "secret a number": {"secret": 5},
    "secret beyond ASCII": {"secret": "é 🎉"},
    "secret of 500": {"secret": "s" * 500},
    "status by number": {"status": 2},
    "status by a text's number": {"status": "2"},
    "status null": {"status": None},
    "status empty": {"status": ""},
    "status unknown": {"status": "PAUSED"},
    "status in small letters": {"status": "disabled"},
    "status number unknown": {"status": 7},
    "unknown field": {"more": {"a": 1}},
    "nothing": {"name": LEFT_OUT, "url": LEFT_OUT, "events": LEFT_OUT},
}
NAMES: dict[str, dict[str, Any]] = {
    "name again": {},
    "name left out": {"name": LEFT_OUT},
    "name empty": {"name": ""},
    "name null": {"name": None},
    "name a number": {"name": 5},
    "name of 63": {"name": "n" * 63},
    "name of 64": {"name": "n" * 64},
    "name with marks": {"name": "a.b-c_d 1"},
    "name with a mark first": {"name": "-a"},
    "name with a mark last": {"name": "a-"},
    "name with a slash": {"name": "a/b"},
    "name of blanks": {"name": "  "},
    "name of two lines": {"name": "a\nb"},
    "name beyond ASCII": {"name": "schlüssel"},
    "name of an emoji": {"name": "🎉"},
}
URLS: dict[str, dict[str, Any]] = {
    "url left out": {"url": LEFT_OUT},
    "url empty": {"url": ""},
    "url null": {"url": None},
    "url a number": {"url": 5},
    "url a word": {"url": "receiver"},
    "url without host": {"url": "https://"},
    "url of a path": {"url": "https:///path"},
    "url of ftp": {"url": "ftp://127.0.0.1/x"},
    "url of a file": {"url": "file:///etc/passwd"},
    "url of a script": {"url": "javascript:alert(1)"},
    "url in great letters": {"url": "HTTPS://127.0.0.1/X"},
    "url with a query": {"url": "https://127.0.0.1/x?a=b&c=d"},
    "url with a fragment": {"url": "https://127.0.0.1/x#part"},
    "url with a user": {"url": "https://ann:secret@127.0.0.1/x"},
    "url with port 0": {"url": "https://127.0.0.1:0/x"},
    "url with port 65536": {"url": "https://127.0.0.1:65536/x"},
    "url with port in words": {"url": "https://127.0.0.1:port/x"},
    "url of IPv6": {"url": "https://[::1]/x"},
    "url of broken IPv6": {"url": "https://[::1/x"},
    "url with blanks": {"url": "https://127.0.0.1/a b"},
    "url with blanks around": {"url": " https://127.0.0.1/x "},
    "url of two lines": {"url": "https://127.0.0.1/x\nHost: other"},
    "url beyond ASCII": {"url": "https://127.0.0.1/é"},
    "url of 500": {"url": "https://127.0.0.1/" + "x" * 482},
    "url of 501": {"url": "https://127.0.0.1/" + "x" * 483},
}

PAGES = Story(
    "webhook pages",
    get("none yet", HOOKS),
    [
        post(f"make {name}", HOOKS, keep={name: "webhook.webhook_id"}, **{**_HOOK, "name": name})
        for name in ("one", "two", "three")
    ],
    gets(
        HOOKS,
        {},
        {
            "all": {},
            "page of 2": {"max_results": 2},
            "page of 3": {"max_results": 3},
            "page of 0": {"max_results": 0},
            "page of -1": {"max_results": -1},
            "page of 1000": {"max_results": 1000},
            "page of 1001": {"max_results": 1001},
            "page beyond int32": {"max_results": 2**31},
            "page in words": {"max_results": "many"},
            "page empty": {"max_results": ""},
            "page broken": {"max_results": "1.5"},
            "page in camel case": {"maxResults": 1},
            "token in words": {"page_token": "nonsense"},
            "token empty": {"page_token": ""},
            "token of base64": {"page_token": "eyJvZmZzZXQiOiAtMX0="},
            "unknown parameter": {"filter": "x"},
        },
    ),
    get("page 1", HOOKS, max_results=2, keep={"token": "next_page_token"}),
    get("page 2", HOOKS, max_results=2, page_token="{token}"),
    get("page 2 of another size", HOOKS, max_results=1, page_token="{token}"),
    [Step(f"delete {name}", "DELETE", f"{HOOKS}/{{{name}}}") for name in ("one", "two", "three")],
    get("none any more", HOOKS),
)

CREATION = Story(
    "webhook creation",
    posts(HOOKS, _HOOK, {**_VALUES, **NAMES, **URLS, **EVENTS}),
    post("camel case", HOOKS, **_HOOK, webhookId="x"),
    raw("empty body", HOOKS, ""),
    raw("a list", HOOKS, "[]"),
    raw("no JSON", HOOKS, "name=x"),
    raw("without a type", HOOKS, json.dumps(_HOOK), content_type=None),
)


def _changes(cases: dict[str, dict[str, Any]]) -> list[Step]:
    return [
        send(name, "PATCH", f"{HOOKS}/{{hook}}", **{key: one for key, one in change.items() if one is not LEFT_OUT})
        for name, change in cases.items()
    ]


LIFE = Story(
    "webhook life",
    post("create", HOOKS, keep={"hook": "webhook.webhook_id"},
         **{**_HOOK, "description": "note", "secret": "s3cret"}),
    get("get", f"{HOOKS}/{{hook}}"),
    get("get with a slash", f"{HOOKS}/{{hook}}/"),
    get("get with a query", f"{HOOKS}/{{hook}}", webhook_id="other"),
    _changes(
        {
            "update nothing": {},
            "update name": {"name": "renamed"},
            "update description": {"description": "other"},
            "update description to nothing": {"description": ""},
            "update description to null": {"description": None},
            "update url": {"url": "{receiver}/other"},
            "update secret": {"secret": "other"},
            "update secret to nothing": {"secret": ""},
            "update status": {"status": "ACTIVE"},
            "update status by number": {"status": 2},
            "update id": {"webhook_id": "other", "name": "by-id"},
            "update in camel case": {"webhookId": "other", "name": "camel"},
        }
    ),
    get("get updated", f"{HOOKS}/{{hook}}"),
    _changes(NAMES),
    get("get renamed", f"{HOOKS}/{{hook}}"),
    _changes(URLS),
    get("get moved", f"{HOOKS}/{{hook}}"),
    _changes(EVENTS),
    get("get of other events", f"{HOOKS}/{{hook}}"),
    raw("update without a type", f"{HOOKS}/{{hook}}", '{"name": "untyped"}', content_type=None, method="PATCH"),
    send("update missing", "PATCH", MISSING, name="x"),
    get("get missing", MISSING),
    get("get what is no id", f"{HOOKS}/nobody"),
    Step("delete missing", "DELETE", MISSING),
    Step("delete", "DELETE", f"{HOOKS}/{{hook}}"),
    Step("delete again", "DELETE", f"{HOOKS}/{{hook}}"),
    get("get deleted", f"{HOOKS}/{{hook}}"),
    send("update deleted", "PATCH", f"{HOOKS}/{{hook}}", name="x"),
    post("test deleted", f"{HOOKS}/{{hook}}/test"),
    send("PUT", "PUT", f"{HOOKS}/{{hook}}", name="x"),
    Step("DELETE of all", "DELETE", HOOKS),
)  # fmt: skip

TESTS = Story(
    "webhook tests",
    [
        post(f"make {name}", HOOKS, keep={name: "webhook.webhook_id"}, name=name, url=url, events=[CREATED, ALIASED],
             status=status, secret="s3cret")
        for name, url, status in (
            ("answered", "{receiver}/hook", "ACTIVE"),
            ("off", "{receiver}/off", "DISABLED"),
            ("broken", "{receiver}/broken", "ACTIVE"),
            ("closed", "http://127.0.0.1:9/hook", "ACTIVE"),
        )
    ],
    [post(f"test {name}", f"{HOOKS}/{{{name}}}/test") for name in ("answered", "off", "broken", "closed")],
    posts(
        f"{HOOKS}/{{answered}}/test",
        {},
        {
            "test of an event": {"event": ALIASED},
            "test of another event": {"event": {"entity": "MODEL_VERSION", "action": "CREATED"}},
            "test by number": {"event": {"entity": 1, "action": 1}},
            "test of null": {"event": None},
            "test of a text": {"event": "registered_model.created"},
            "test of nothing": {"event": {}},
            "test of an unknown event": {"event": {"entity": "EXPERIMENT", "action": "CREATED"}},
            "test of what is none": {"event": {"entity": "REGISTERED_MODEL", "action": "DELETED"}},
            "test of a prompt": {"event": {"entity": "PROMPT", "action": "CREATED"}},
        },
    ),
    raw("test with an empty body", f"{HOOKS}/{{answered}}/test", ""),
    raw("test without a type", f"{HOOKS}/{{answered}}/test", "", content_type=None),
    post("test missing", f"{MISSING}/test"),
    get("GET of a test", f"{HOOKS}/{{answered}}/test"),
    [Step(f"delete {name}", "DELETE", f"{HOOKS}/{{{name}}}") for name in ("answered", "off", "broken", "closed")],
)  # fmt: skip

STORIES = [PAGES, CREATION, LIFE, TESTS]
