"""The differences from MLflow that are meant in experiments, runs, metrics and searches, each with its reason.

What is not here is a defect, of theirs or ours. A reason is for people who move from MLflow: it says what we do, and
why that is better.
"""

from __future__ import annotations

from conformance.mlflow.differential.accepting import Accepted

MALFORMED = "What is malformed or of the wrong type is refused; MLflow answers as if it were not there, or were 0."
FAILING = "MLflow's server fails with 500 over it; ours says what is wrong."
DATABASE = "MLflow answers with the error of its database; ours in a sentence, and with the code that says what it is."
CLEARER = "The same refusal in clearer words: what is wrong, where, and what to write instead."
BEYOND = "Our language of filters and orders is MLflow's and more: what it refuses has an answer here."
IDEMPOTENT = "Doing a thing twice is no error: clients that got no answer do it again."
TAGS_TWICE = "Of a key that is there twice the last counts, as it does in log-batch; MLflow's database fails over it."
LINES = "Names are one line of text of at most 500 characters, so that every list and terminal can show them."
LENGTHS = "Our limits are others: values are kept whole up to 1 MiB (params: 4), where MLflow cuts; user ids have 250."
KEYS = "Keys of tags obey the same rules however they are set; MLflow checks them everywhere but when a run is created."
PLACES = "Files lie where the server keeps them: an `artifact_location` is read, but not taken, be it good or bad."
DEFAULT_EXPERIMENT = "`Default` cannot be deleted, since runs go there that name none; its runs can."
DEFAULT_EXPERIMENT_ID = "A run that names no experiment goes to `Default`; MLflow's database fails over it."
RESTORING = "Restoring an experiment restores what was deleted with it; a run deleted before stays so, until restored."
RESTORING_RUNS = "A run is restored after its experiment: alone it would be active where nobody can see it."
STARTING = "A run without a start starts now, not in 1970."
ENDING = "A run that goes on has no end; one that has ended has an end; times before 1970 are refused."
NAMING = "A run always has a name, and its name and the tag mlflow.runName are one thing."
CAMEL = "Fields may be in camelCase everywhere; MLflow knows that spelling in some requests only."
RUN_UUID = "`run_uuid` is taken wherever `run_id` is."
NUMBERS = "Infinities stay infinite, and what no double holds is refused; MLflow stores its greatest double, or 0."
ATOMIC = "A batch that is refused leaves nothing behind."
URIS = "Filters know a run's artifact_uri as `runs:/ID`, which stays as it is wherever the server keeps files."
PARAM_ORDER = "Params that are numbers are ordered as numbers, other texts after them."
METHODS = "OPTIONS and HEAD are for browsers: the gateway answers OPTIONS to origins it allows, and has no HEAD."
CONTENT_TYPES = "A media type is compared without regard to case, and JSON is UTF-8, as its standard says."
INVALID_RUNS = "What can be no run's id is a run that is not there."

REFUSED = {"theirs": "^200", "ours": "^400"}
ANSWERED = {"theirs": "^400", "ours": "^200"}

TRACKING: tuple[Accepted, ...] = (
    Accepted(
        MALFORMED,
        (
            "creation/tags of numbers",
            "run creation/start *",
            "run creation/tags a text",
            "run creation/tags of texts",
            "run states/status unknown",
            "run states/status in small letters",
            "metrics/true",
            "metrics/time broken",
            "metrics/time great",
            "metrics/time greatest",
            "metrics/time too great",
            "metrics/step broken",
            "metrics/step too great",
            "metrics/bare NaN",
            "metrics/bare infinity",
            "batches/value in words",
            "histories/page in words",
            "histories/page beyond int32",
            "filters refused/*",
            "run pages/view *",
            "run pages/page broken",
            "run pages/token *",
            "run pages/experiments as numbers",
            "experiment search/view in words",
            "experiment search/by name twice",
            "json/key twice",
            "json/surrogate",
            "json/zero character",
        ),
        "status",
        **REFUSED,
    ),
    Accepted(
        FAILING,
        (
            "reading experiments/id of 20 digits",
            "metrics/value a list",
            "batches/metrics of numbers",
            "bulk histories/bulk in words",
            "orders/refused metrics.loss & metrics.loss DESC",
            "json/twice encoded, broken",
            "json/a list",
            "json/a number",
            "json/a text",
        ),
        "status",
        "^500",
        "^40[04]",
    ),
    Accepted(DATABASE, ("experiments/create again", "experiments/create with a deleted name"), "message", "sqlite3"),
    Accepted(
        DATABASE,
        ("experiments/rename to a taken name", "experiments/rename to a deleted name"),
        theirs="sqlite3|BAD_REQUEST|INVALID_PARAMETER_VALUE",
    ),
    Accepted(
        CLEARER,
        (
            "creation/tag *",
            "params/another value",
            "batches/param changed",
            "log-model/fields missing",
            "histories/token *",
            "filters/start_time *",
            "filters refused/*",
            "orders/refused *",
            "run pages/page of 50001",
            "run pages/token in words",
            "experiment search/*",
            "json/broken",
            "json/no JSON",
            "json/comment",
            "json/comma last",
            "json/not UTF-8",
            "json/aliases in a batch",
        ),
        "message",
    ),
    Accepted(
        BEYOND,
        (
            "filters/   ",
            "filters/Metrics.loss = 0.5",
            "filters refused/*",
            "orders/*`*",
            "experiment search/*.name = 'find-one'",
            "experiment search/name IN ('find-one')",
            "experiment search/name = 'a' OR name = 'b'",
            "experiment search/by tag",
        ),
        "status",
        **ANSWERED,
    ),
    Accepted(IDEMPOTENT, ("experiments/delete again", "experiments/restore again"), "status", "^404", "^200"),
    Accepted(TAGS_TWICE, ("creation/tags twice", "run creation/tags twice"), "status", **ANSWERED),
    Accepted(
        LINES,
        ("creation/name with a line break", "run creation/name of 501", "run creation/name of two lines"),
        "status",
        **REFUSED,
    ),
    Accepted(LENGTHS, ("run creation/user of 256",), "status", **REFUSED),
    Accepted(LENGTHS, ("experiment tags/value of 20001",), "status", **ANSWERED),
    Accepted(LENGTHS, ("experiment tags/*tagged",), "experiment.tags", ours="longer"),
    Accepted(LENGTHS, ("params/run", "batches/run"), "run.data.params[].value", "^v{6000}$", "^v{6001}$"),
    Accepted(LENGTHS, ("tags/run tagged", "batches/run"), "run.data.tags[].value", "^v{8000}$", "^v{8001}$"),
    Accepted(KEYS, ("run creation/tag *",), "status", **REFUSED),
    Accepted(PLACES, ("creation/elsewhere *",), "status", **ANSWERED),
    Accepted(DEFAULT_EXPERIMENT, ("experiments/delete default",), "status", **REFUSED),
    Accepted(
        DEFAULT_EXPERIMENT_ID,
        ("run creation/without anything", "run creation/experiment empty"),
        "status",
        **ANSWERED,
    ),
    Accepted(DEFAULT_EXPERIMENT_ID, ("run creation/bare",), "status", "^404", "^200"),
    Accepted(RESTORING, ("experiments/deleted of restored",), "run.info.lifecycle_stage", "active", "deleted"),
    Accepted(RESTORING_RUNS, ("experiments/restore a run of deleted",), "status", **REFUSED),
    Accepted(STARTING, ("run creation/no start", "run creation/start zero"), "run.info.start_time", "^0$", "<now>"),
    Accepted(
        ENDING,
        ("run states/scheduled", "run states/running *", "run states/name*", "run states/by run_uuid"),
        "run_info.end_time",
        r"^\d+$",
        "absent",
    ),
    Accepted(ENDING, ("run states/run",), "run.info.end_time", r"^\d+$", "absent"),
    Accepted(ENDING, ("run states/finished without end",), "run_info.end_time", "absent", "<now>"),
    Accepted(ENDING, ("run states/end negative",), "status", **REFUSED),
    Accepted(NAMING, ("run names/tag empty", "run names/tag deleted"), "status", **REFUSED),
    Accepted(NAMING, ("run names/run tag deleted",), "run.data.tags", "absent", "batched"),
    Accepted(CAMEL, ("reading experiments/camel case", "reading runs/camel case", "json/camel case"), **ANSWERED),
    Accepted(CAMEL, ("reading experiments/both cases",), "status", **REFUSED),
    Accepted(RUN_UUID, ("tags/delete by run_uuid",), "status", "^404", "^200"),
    Accepted(RUN_UUID, ("batches/by run_uuid",), "status", **ANSWERED),
    Accepted(RUN_UUID, ("tags/run untagged",), "run.data.tags", "'empty'"),
    Accepted(NUMBERS, ("metrics/overflowing",), "status", **REFUSED),
    Accepted(NUMBERS, ("metrics/run",), "run.data.metrics[].value", r"e\+308", "Infinity"),
    Accepted(ATOMIC, ("batches/kept",), "run.data.metrics", ours="absent"),
    Accepted(URIS, ("filters/artifact_uri LIKE '%/artifacts'",), "runs", ours="absent"),
    Accepted(PARAM_ORDER, ("orders/params.lr DESC",), "runs"),
    Accepted(METHODS, ("ways/OPTIONS", "ways/HEAD"), "status", ours="^405"),
    Accepted(CONTENT_TYPES, ("json/type application/json; charset=latin-1",), "status", **REFUSED),
    Accepted(CONTENT_TYPES, ("json/type APPLICATION/JSON",), "status", **ANSWERED),
    Accepted(INVALID_RUNS, ("batches/no run id",), "status", "^400", "^404"),
)
