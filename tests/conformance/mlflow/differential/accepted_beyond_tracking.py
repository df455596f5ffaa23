"""The differences from MLflow that are meant in the registry, data sets, logged models and files of runs."""

from __future__ import annotations

from conformance.mlflow.differential.accepted import (
    ANSWERED,
    CAMEL,
    CLEARER,
    FAILING,
    IDEMPOTENT,
    LENGTHS,
    MALFORMED,
    REFUSED,
)
from conformance.mlflow.differential.accepting import Accepted

WHO = "Who registered a version is known, and shown; MLflow without users has nobody to show."
PUT = "What was put is answered with an empty object, as MLflow's protos say; its server answers nothing."
EMPTY = "A file of no bytes says that it has none."
FOLDERS = "A folder is no artifact that could be fetched: it is not found, as a file that is not there."
OWN_PAGES = "A refusal is MLflow's JSON everywhere; MLflow's own server has a page of HTML here."
STATUS = "Filters name a logged model's status as it is shown; MLflow compares the number that its database holds."
VERSION = "/version names the newest API that is answered here, which clients ask for before they use what is new."

OF_MODEL = "A version says of which logged model it was made, and its params; MLflow's server leaves that out."
SOURCES = "`models:/m-ID` says the logged model; MLflow wants it said once more, as `model_id`."
NO_MODEL = "A logged model that is not there is missing, not malformed."

ADDRESSES = "An address to which nothing can be sent, or with a user, password or fragment, is refused at once."
PROMPT_EVENTS = "Events are of models and versions: here are no prompts and no budgets of which there could be one."
EVENT_TWICE = "An event that is named twice is told once; MLflow's database fails over it."
SECRETS = "A secret has at most 256 characters."
ANSWER_OF_RECEIVER = "What a receiver wrote is shown to nobody: it may be a server that its caller could not ask."
WHY_UNDELIVERED = "A test that was not delivered says why."

REGISTRY: tuple[Accepted, ...] = (
    Accepted(CLEARER, ("registered models/*", "model versions/*", "registry searches/*"), "message"),
    Accepted(WHO, ("model versions/*", "registry searches/*"), "*user_id", "absent"),
    Accepted(LENGTHS, ("registered models/create long",), "status", **REFUSED),
    Accepted(FAILING, ("model versions/archiving none",), "status", "^500", "^400"),
    Accepted(MALFORMED, ("registry searches/models, 0",), "status", **REFUSED),
    Accepted(CLEARER, ("versions of logged models/*",), "message"),
    Accepted(WHO, ("versions of logged models/*",), "*user_id", "absent"),
    Accepted(OF_MODEL, ("versions of logged models/*", "registry searches/*"), "*model_id", "absent"),
    Accepted(OF_MODEL, ("versions of logged models/get*",), "*model_params", "absent"),
    Accepted(SOURCES, ("versions of logged models/create with source alone",), "status", **ANSWERED),
    Accepted(NO_MODEL, ("versions of logged models/create of missing",), "status", "^400", "^404"),
    Accepted(FAILING, ("versions of logged models/create of deleted",), "status", "^500", "^400"),
)

DATA: tuple[Accepted, ...] = (
    Accepted(MALFORMED, ("data sets/no name", "data sets/no digest", "data sets/no data set"), "status", **REFUSED),
)

LOGGED_MODELS: tuple[Accepted, ...] = (
    Accepted(CLEARER, ("logged models/*",), "message"),
    Accepted(IDEMPOTENT, ("logged models/params again",), "status", **ANSWERED),
    Accepted(STATUS, ("logged models/search by status",), "models", "absent"),
    Accepted(MALFORMED, ("logged models/other to unknown",), "status", **REFUSED),
)

FILES: tuple[Accepted, ...] = (
    Accepted(CLEARER, ("files/*",), "message"),
    Accepted(PUT, ("files/put*",), "content-type"),
    Accepted(PUT, ("files/put*",), "body", "^$", "^{}$"),
    Accepted(FOLDERS, ("files/get folder",), "status", "^400", "^404"),
    Accepted(EMPTY, ("files/list*",), "files[].file_size", "absent", "^0$"),
    Accepted(OWN_PAGES, ("files/fetch nothing",), theirs="text/html|<!doctype html>"),
    Accepted(VERSION, ("files/version",)),
)

WEBHOOKS: tuple[Accepted, ...] = (
    Accepted(CLEARER, ("webhook pages/*", "webhook creation/*", "webhook life/*", "webhook tests/*"), "message"),
    Accepted(CAMEL, ("webhook pages/page in camel case",), ours="three|token"),
    Accepted(
        MALFORMED,
        (
            "webhook pages/page beyond int32",
            "webhook pages/token of base64",
            "webhook creation/status *",
        ),
        "status",
        **REFUSED,
    ),
    Accepted(
        FAILING,
        ("webhook creation/*event*", "webhook creation/a list", "webhook life/*event*", "webhook tests/test of *"),
        "status",
        "^500",
        "^400",
    ),
    Accepted(EVENT_TWICE, ("webhook creation/event twice", "webhook life/event twice"), "status", **ANSWERED),
    Accepted(
        PROMPT_EVENTS,
        (
            "webhook creation/event of a prompt",
            "webhook creation/event of a budget",
            "webhook life/event of a prompt",
            "webhook life/event of a budget",
            "webhook tests/test of a prompt",
        ),
        "status",
        **REFUSED,
    ),
    Accepted(SECRETS, ("webhook creation/secret of 500",), "status", **REFUSED),
    Accepted(ADDRESSES, ("webhook creation/url *", "webhook life/url *"), "status", **REFUSED),
    Accepted(ANSWER_OF_RECEIVER, ("webhook tests/test*",), "result.response_body", ours="absent"),
    Accepted(WHY_UNDELIVERED, ("webhook tests/test broken", "webhook tests/test closed"), "result.error_message"),
)
