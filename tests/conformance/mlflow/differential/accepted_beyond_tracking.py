"""The differences from MLflow that are meant in the registry, data sets, logged models and files of runs."""

from __future__ import annotations

from conformance.mlflow.differential.accepted import (
    ANSWERED,
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
