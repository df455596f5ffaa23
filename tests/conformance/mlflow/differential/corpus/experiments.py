"""Experiments: creation to restoration, their tags, and what is refused."""

from __future__ import annotations

from conformance.mlflow.differential.language import LEFT_OUT, Story, experiment, get, gets, post, posts, run, shown

CREATE, UPDATE = "/experiments/create", "/experiments/update"
SET_TAG, DELETE_TAG = "/experiments/set-experiment-tag", "/experiments/delete-experiment-tag"
BY_ID, BY_NAME = "/experiments/get", "/experiments/get-by-name"

LIFE = Story(
    "experiments",
    get("default by id", BY_ID, experiment_id="0"),
    get("default by name", BY_NAME, experiment_name="Default"),
    post("create", CREATE, name="vision", tags=[{"key": "team", "value": "é"}], keep={"experiment": "experiment_id"}),
    post("create again", CREATE, name="vision"),
    get("by id", BY_ID, experiment_id="{experiment}"),
    get("by name", BY_NAME, experiment_name="vision"),
    post("rename", UPDATE, experiment_id="{experiment}", new_name="audio"),
    post("rename to its own name", UPDATE, experiment_id="{experiment}", new_name="audio"),
    get("by old name", BY_NAME, experiment_name="vision"),
    get("by new name", BY_NAME, experiment_name="audio"),
    experiment("other", keep="other"),
    post("rename to a taken name", UPDATE, experiment_id="{experiment}", new_name="other"),
    run("run"),
    run("deleted"),
    post("delete a run", "/runs/delete", run_id="{deleted}"),
    post("delete", "/experiments/delete", experiment_id="{experiment}"),
    get("deleted by id", BY_ID, experiment_id="{experiment}"),
    get("deleted by name", BY_NAME, experiment_name="audio"),
    shown("run", when="of deleted"),
    post("create with a deleted name", CREATE, name="audio"),
    post("rename to a deleted name", UPDATE, experiment_id="{other}", new_name="audio"),
    post("rename deleted", UPDATE, experiment_id="{experiment}", new_name="gone"),
    post("tag deleted", SET_TAG, experiment_id="{experiment}", key="k", value="v"),
    post("untag deleted", DELETE_TAG, experiment_id="{experiment}", key="team"),
    post("run in deleted", "/runs/create", experiment_id="{experiment}"),
    post("restore a run of deleted", "/runs/restore", run_id="{run}"),
    post("delete again", "/experiments/delete", experiment_id="{experiment}"),
    post("restore", "/experiments/restore", experiment_id="{experiment}"),
    shown("run", when="of restored"),
    shown("deleted", when="of restored"),
    post("restore again", "/experiments/restore", experiment_id="{experiment}"),
    get("restored by id", BY_ID, experiment_id="{experiment}"),
    post("delete default", "/experiments/delete", experiment_id="0"),
    post("restore default", "/experiments/restore", experiment_id="0"),
)

CREATION = Story(
    "creation",
    posts(
        CREATE,
        {},
        {
            "nothing": {},
            "name empty": {"name": ""},
            "name a number": {"name": 5},
            "name null": {"name": None},
            "name a list": {"name": ["a"]},
            "name of 500": {"name": "n" * 500},
            "name of 501": {"name": "n" * 501},
            "name with a slash": {"name": "a/b"},
            "name with blanks": {"name": " blanks "},
            "name of blanks": {"name": "   "},
            "name with a line break": {"name": "two\nlines"},
            "name beyond ASCII": {"name": "名前 é 🎉"},
            "tags twice": {"name": "tags twice", "tags": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]},
            "tag without value": {"name": "tag without value", "tags": [{"key": "k"}]},
            "tag without key": {"name": "tag without key", "tags": [{"value": "v"}]},
            "tags a text": {"name": "tags a text", "tags": "x"},
            "tags an object": {"name": "tags an object", "tags": {"k": "v"}},
            "tags of numbers": {"name": "tags of numbers", "tags": [{"key": "k", "value": 1}]},
            "tag key long": {"name": "tag key long", "tags": [{"key": "k" * 251, "value": "v"}]},
            "tag key strange": {"name": "tag key strange", "tags": [{"key": "a*b", "value": "v"}]},
            "elsewhere": {"name": "elsewhere", "artifact_location": "s3://bucket/path"},
            "elsewhere in a run": {"name": "elsewhere in a run", "artifact_location": "runs:/1/a"},
            "elsewhere with a query": {"name": "with a query", "artifact_location": "s3://bucket/path?x=1#y"},
            "elsewhere and long": {"name": "and long", "artifact_location": "s3://b/" + "p" * 2048},
            "elsewhere, a number": {"name": "a number", "artifact_location": 5},
        },
    ),
)

READING = Story(
    "reading experiments",
    gets(
        BY_ID,
        {},
        {
            "no id": {},
            "empty id": {"experiment_id": ""},
            "unknown id": {"experiment_id": "999999"},
            "id in letters": {"experiment_id": "abc"},
            "negative id": {"experiment_id": "-1"},
            "broken id": {"experiment_id": "1.5"},
            "id with blanks": {"experiment_id": " 0 "},
            "id with zeros": {"experiment_id": "000"},
            "id of 20 digits": {"experiment_id": "9" * 20},
            "camel case": {"experimentId": "0"},
            "both cases": {"experimentId": "0", "experiment_id": "0"},
            "unknown parameter": {"experiment_id": "0", "other": "x"},
            "twice": {"experiment_id": ["0", "1"]},
        },
    ),
    gets(
        BY_NAME,
        {},
        {
            "no name": {},
            "empty name": {"experiment_name": ""},
            "unknown name": {"experiment_name": "nobody has it"},
            "name in another case": {"experiment_name": "default"},
        },
    ),
)

TAGS = Story(
    "experiment tags",
    experiment("tagged"),
    posts(
        SET_TAG,
        {"experiment_id": "{experiment}", "key": "k", "value": "v"},
        {
            "set": {},
            "again": {},
            "overwrite": {"value": "w"},
            "value empty": {"key": "empty", "value": ""},
            "no value": {"key": "none", "value": LEFT_OUT},
            "value a number": {"key": "n", "value": 1},
            "no key": {"key": LEFT_OUT},
            "key empty": {"key": ""},
            "no experiment": {"experiment_id": LEFT_OUT},
            "unknown experiment": {"experiment_id": "999999"},
            "experiment in letters": {"experiment_id": "abc"},
            "key of 250": {"key": "k" * 250},
            "key of 251": {"key": "k" * 251},
            "key with a star": {"key": "a*b"},
            "key with a slash first": {"key": "/a"},
            "key upwards": {"key": "../a"},
            "key with blanks and marks": {"key": "a b.c-d_e:f/g"},
            "key beyond ASCII": {"key": "schlüssel"},
            "value of 20000": {"key": "long", "value": "v" * 20_000},
            "value of 20001": {"key": "longer", "value": "v" * 20_001},
        },
    ),
    get("tagged", BY_ID, experiment_id="{experiment}"),
    posts(
        DELETE_TAG,
        {"experiment_id": "{experiment}", "key": "k"},
        {
            "delete": {},
            "delete again": {},
            "delete without key": {"key": LEFT_OUT},
            "delete of unknown experiment": {"experiment_id": "999999"},
            "delete strange key": {"key": "a*b"},
        },
    ),
    get("untagged", BY_ID, experiment_id="{experiment}"),
)

REFUSED = Story(
    "experiments refused",
    posts(
        UPDATE,
        {"experiment_id": "0"},
        {
            "rename to nothing": {},
            "rename to empty": {"new_name": ""},
            "rename to a number": {"new_name": 3},
            "rename unknown": {"experiment_id": "999999", "new_name": "x"},
            "rename without id": {"experiment_id": LEFT_OUT, "new_name": "x"},
            "rename to 501": {"new_name": "n" * 501},
        },
    ),
    [
        step
        for verb in ("delete", "restore")
        for step in posts(
            f"/experiments/{verb}",
            {},
            {
                f"{verb} nothing": {},
                f"{verb} unknown": {"experiment_id": "999999"},
                f"{verb} letters": {"experiment_id": "abc"},
                f"{verb} a number": {"experiment_id": 999999},
            },
        )
    ],
)

STORIES = [LIFE, CREATION, READING, TAGS, REFUSED]
