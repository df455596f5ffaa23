"""The differences from MLflow that are meant around the API: pages, methods, types, direct transfers, GenAI."""

from __future__ import annotations

from conformance.mlflow.differential.accepted import (
    ANSWERED,
    BEYOND,
    CLEARER,
    FAILING,
    MALFORMED,
    METHODS,
    NUMBERS,
    REFUSED,
    STARTING,
)
from conformance.mlflow.differential.accepted_beyond_tracking import OWN_PAGES, PUT, VERSION, WHO
from conformance.mlflow.differential.accepting import Accepted

SLASHES = "A slash too many is no other page."
INFO = "What this server can do is another thing than what MLflow's can: clients ask so that they need not know."
FEATURES = "/server-features is the same as /server-info, as newer clients ask for it."
OWN_METRICS = "/metrics is for Prometheus, with the key of an operator."
GENAI = "Traces, prompts, evaluation, its gateway and UI are none of ours: their routes are not there."
NO_ZERO = "A text with the character U+0000 is refused: databases and terminals end there."
NAMES_OF_FILES = (
    "A file's name is one that every system can hold: no backslash or drive, no part that ends in a dot or a blank or "
    "has more than 255 bytes. Unicode is kept as NFC, so that a name from a Mac is the name from elsewhere."
)
ONE_BY_ONE = "Each parameter is checked before anything else is said, so that a client with a mistake hears of it."
LINES = "Beside MLflow's API (its pages, health, version) what is not there is told in a line of text, not in a page."
LENIENT = "A null is a field that is not there, wherever it stands."

SURROUNDINGS: tuple[Accepted, ...] = (
    Accepted(VERSION, ("pages/GET /version",), "body"),
    Accepted(METHODS, ("pages/*", "methods/OPTIONS *", "methods/HEAD *"), "status", ours="^405"),
    Accepted(SLASHES, ("pages/health with a slash", "pages/two slashes"), "status", ours="^(307|404)"),
    Accepted(FEATURES, ("pages/GET server-features",), "status", "^404", "^200"),
    Accepted(FEATURES, ("pages/*server-features",), "status", "^404", "^405"),
    Accepted(
        INFO,
        ("pages/GET server-info", "pages/server-info by ajax", "pages/server-info with a query"),
        "*",
        "absent|True|False|SqlStore",
    ),
    Accepted(LINES, ("pages/*", "of GenAI/GET /static-files/*"), "content-type", "text/html", "text/plain"),
    Accepted(LINES, ("pages/*",), "body", "<!doctype html>"),
    Accepted(GENAI, ("of GenAI/*",), "body"),
    Accepted(MALFORMED, ("methods/GET with an encoded zero",), "status", "^404", "^400"),
    Accepted(CLEARER, ("methods/*", "numbers/*", "types/*", "direct transfers/*", "files of versions/*"), "message"),
    Accepted(
        MALFORMED,
        (
            "numbers/value *",
            "numbers/batch of *",
            "numbers/time *",
            "numbers/step *",
            "numbers/page of *",
            "types/batch of *",
        ),
        "status",
        **REFUSED,
    ),
    Accepted(FAILING, ("numbers/*", "types/*", "files of versions/*"), "status", "^500", "^400"),
    Accepted(NUMBERS, ("numbers/*",), "*metrics[].value", r"e\+308|^0.0$", "Infinity|NaN|nan|inf"),
    Accepted(NUMBERS, ("numbers/run", "numbers/page of 1*.0"), "*metrics[].timestamp", "^0$"),
    Accepted(STARTING, ("types/nulls /runs/create",), "run.info.start_time", "^0$", "<now>"),
    Accepted(LENIENT, ("types/nulls *",), "status", "^500", "^200"),
    Accepted(NO_ZERO, ("types/*u0000*",), "status", "^(200|404)", "^400"),
    Accepted(PUT, ("direct transfers/*put*", "files of versions/put*"), "content-type", "^$"),
    Accepted(
        PUT, ("direct transfers/*p*t*", "direct transfers/upload", "files of versions/put*"), "body", "^$", "^{}$"
    ),
    Accepted(ONE_BY_ONE, ("direct transfers/c*", "direct transfers/abort *"), "status", "^501", "^400"),
    Accepted(OWN_PAGES, ("direct transfers/presigned of nothing",), "status", "<!doctype html>", "^400"),
    Accepted(OWN_PAGES, ("direct transfers/put nothing named",)),
    Accepted(OWN_PAGES, ("files of versions/fetch without path", "files of versions/file without path")),
    Accepted(NAMES_OF_FILES, ("direct transfers/put with *",), "status", "^(200|404|500)", "^400"),
    Accepted(NAMES_OF_FILES, ("direct transfers/list all",), "files"),
    Accepted(WHO, ("files of versions/version",), "model_version.user_id", "absent"),
    Accepted(GENAI, ("of GenAI/*",), "status", ours="^40[45]"),
    Accepted(GENAI, ("of GenAI/*",), "body", ours="^$|^Not Found$"),
    Accepted(GENAI, ("of GenAI/*",), "content-type", "application/json"),
    Accepted(OWN_METRICS, ("of GenAI/GET /metrics",), "status", "^404", "^200"),
)

LENGTH_OF_FILTERS = (
    "A filter has at most 16,384 characters, some 440 ids of runs; more are asked for in several searches."
)
OWN_TOKENS = "A token is of one search: a broken one, or another search's, is refused; no page is left out or repeated."
QUOTED_ENTITIES = "Names are quoted where they must be; `metrics`, `params` and the other kinds never."

LIMITS: tuple[Accepted, ...] = (
    Accepted(CLEARER, ("deep filters/*", "tokens/*"), "message"),
    Accepted(LENGTH_OF_FILTERS, ("deep filters/500 ids",), "status", **REFUSED),
    Accepted(BEYOND, ("deep filters/*", "tokens/order *"), "status", **ANSWERED),
    Accepted(NUMBERS, ("deep filters/great number",), "status", **REFUSED),
    Accepted(MALFORMED, ("deep filters/AND alone", "tokens/models, page of -1"), "status", **REFUSED),
    Accepted(QUOTED_ENTITIES, ("deep filters/quoted entity",), "status", **REFUSED),
    Accepted(NO_ZERO, ("deep filters/zero",), "status", **REFUSED),
    Accepted(OWN_TOKENS, ("tokens/token cut", "tokens/of experiments"), "status", **REFUSED),
    Accepted(FAILING, ("tokens/models by name twice", "tokens/versions by name twice"), "status", "^500", "^400"),
)
