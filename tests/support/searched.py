"""Random runs and random searches, for stores and for their reference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from trackway_server.metrics.domain.records import SeriesDefinition, WriterCursor
from trackway_server.metrics.domain.summaries import NO_MAXIMUM, NO_MINIMUM, NO_STEP, SUMMARY, Summaries, keys_of
from trackway_server.tracking.domain.model import PARENT_RUN_TAG, DatasetInput, RunInfo, RunStatus
from trackway_server.tracking.domain.ports import TrackingUnit

KEYS = ("a", "b", "a.min")
TEXTS = (
    "",
    "x",
    "X",
    "xy",
    "10",
    "9",
    "1e1",
    "-0.0",
    "Ünï",
    "ÜNÏ",
    "100%",
    "a_b",
    "l" * 127 + "i",
    "l" * 128,
    "l" * 130,
)
NUMBERS = (0.0, -0.0, 1.0, -1.5, 10.0, 1e300, 5e-324)
VALUES = (*NUMBERS, math.nan, -math.nan, math.inf, -math.inf)
PATTERNS = ("%", "x%", "%Y", "_", "ü%", "l%", "100%%", "a_b", "%%%%%x", "[x]", "*", "?x", "\\%")
EXPRESSIONS = ("x", "^X?y?$", "(?i)x", "[0-9]+", "l{128}", "Ü|%")
CONTEXTS = ("", '{"rank":"0"}', '{"rank":"1"}')


@dataclass(frozen=True)
class Recorded:
    """What one run has."""

    name: str
    status: RunStatus
    start_time_us: int
    end_time_us: int
    user_id: str
    parent: bool
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[DatasetInput, ...] = ()
    metrics: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)


texts = st.sampled_from(TEXTS)
recorded = st.builds(
    Recorded,
    texts.map(lambda text: text or "n"),
    st.sampled_from(RunStatus),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from(["", "me"]),
    st.booleans(),
    st.dictionaries(st.sampled_from(KEYS), texts),
    st.dictionaries(st.sampled_from(KEYS), texts),
    st.lists(
        st.builds(DatasetInput, texts, texts.map(lambda text: text[:9]), context=st.sampled_from(["", "x"])), max_size=2
    ).map(tuple),
    st.dictionaries(
        st.tuples(st.sampled_from(KEYS), st.sampled_from(CONTEXTS)),
        st.lists(st.sampled_from(VALUES), min_size=1, max_size=3).map(tuple),
        max_size=4,
    ),
)

_PATTERNED = [("LIKE", PATTERNS), ("ILIKE", PATTERNS), ("RLIKE", EXPRESSIONS)]
_COMPARED = ("=", "!=", "<", "<=", ">", ">=")
_WORDS = ("last", "first", "min", "max", "count")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _text_conditions(names: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    equal = st.builds("{} {} {}".format, names, st.sampled_from(["=", "!="]), texts.map(_quoted))
    listed = st.lists(texts.map(_quoted), min_size=1, max_size=3).map(", ".join)
    among = st.builds("{} {} ({})".format, names, st.sampled_from(["IN", "NOT IN"]), listed)
    pairs = st.sampled_from([(word, pattern) for word, patterns in _PATTERNED for pattern in patterns])
    like = st.builds(lambda name, pair: f"{name} {pair[0]} {_quoted(pair[1])}", names, pairs)
    null = st.builds("{} {}".format, names, st.sampled_from(["IS NULL", "IS NOT NULL"]))
    return equal | among | like | null


def _number_conditions(names: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    numbers = st.sampled_from([repr(number) for number in NUMBERS])
    between = st.builds("{} {}BETWEEN {} AND {}".format, names, st.sampled_from(["", "NOT "]), numbers, numbers)
    return st.builds("{} {} {}".format, names, st.sampled_from(_COMPARED), numbers) | between


keyed = st.builds("{}.{}".format, st.sampled_from(["params", "tags"]), st.sampled_from(KEYS))
_params = st.builds("params.{}".format, st.sampled_from(KEYS))
_statistics = st.sampled_from(["metrics.{}.{}", "metrics.`{}`.{}"])
metrics = st.builds("metrics.{}".format, st.sampled_from(KEYS)) | st.builds(
    str.format, _statistics, st.sampled_from(KEYS), st.sampled_from(_WORDS)
)
_attributes = st.sampled_from(["run_name", "user_id", "status", "run_id", "parent_run_id", "artifact_uri"])
_times = st.builds(
    "{} {} {}".format,
    st.sampled_from(["start_time", "end_time"]),
    st.sampled_from(_COMPARED),
    st.sampled_from(["0", "0.001", "'1970-01-01'", "'1970-01-01T00:00:00.000002'"]),
)
conditions = (
    _text_conditions(keyed | _attributes | st.sampled_from(["datasets.name", "datasets.context", "experiment_id"]))
    | _number_conditions(_params | metrics)
    | st.builds("{} IS NULL".format, metrics)
    | _times
)


def filters_of(conditions: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Filters of such conditions."""
    return st.just("") | st.recursive(
        conditions,
        lambda inner: (
            st.builds("NOT ({})".format, inner)
            | st.lists(inner, min_size=2, max_size=3).map(lambda parts: " AND ".join(f"({part})" for part in parts))
            | st.lists(inner, min_size=2, max_size=3).map(lambda parts: " OR ".join(f"({part})" for part in parts))
        ),
        max_leaves=4,
    )


def conditions_on(attributes: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Conditions on params, tags and metrics, and on attributes that are texts."""
    return (
        _text_conditions(keyed | attributes)
        | _number_conditions(_params | metrics)
        | st.builds("{} IS NULL".format, metrics)
    )


def same_field(name: str) -> str:
    """A name for all ways to write the name of one field: an order that names a field twice is refused."""
    return name.replace("`.last", "").replace("`", "")


filters = filters_of(conditions)
_fields = keyed | metrics | _attributes | st.sampled_from(["start_time", "end_time", "experiment_id"])
orders = st.lists(
    st.tuples(_fields, st.sampled_from(["", " ASC", " DESC"])), max_size=3, unique_by=lambda each: same_field(each[0])
).map(lambda pairs: [name + direction for name, direction in pairs])


def store(unit: TrackingUnit, runs: list[Recorded], experiment_id: int) -> None:
    """Store runs, with ids that follow from the experiment's and their place."""
    for number, run in enumerate(runs):
        run_id = f"{experiment_id:016x}{number:016x}"
        parent = f"{experiment_id:032x}" if run.parent else ""
        own = (run.name, run.status, "", run.user_id, run.start_time_us, run.end_time_us, parent)
        unit.add_run(RunInfo(run_id, "default", experiment_id, *own, "digest"))
        unit.add_params(run_id, run.params) if run.params else None
        unit.put_tags(run_id, {**run.tags, PARENT_RUN_TAG: parent})
        unit.add_dataset_inputs(run_id, run.datasets) if run.datasets else None
        _store_metrics(unit, run_id, run.metrics)


def _store_metrics(unit: TrackingUnit, run_id: str, metrics: Mapping[tuple[str, str], tuple[float, ...]]) -> None:
    cursor = WriterCursor(run_id, run_id, "me", "default", 1, 0, 0, {}, 0)
    unit.metrics.put_writer(cursor)
    for series_id, ((key, context), values) in enumerate(metrics.items()):
        # One by one, as they come: which series stands for its key changes on the way.
        (number,) = unit.metrics.define_series(cursor, [SeriesDefinition(series_id, series_id, key, context)])
        unit.metrics.put_summaries(summary_of(int(number), values))


def summary_of(number: int, values: tuple[float, ...]) -> Summaries:
    """The summary of a series of these points."""
    row = np.zeros(1, dtype=SUMMARY)
    keys = [int(key) for key in keys_of(np.array(values))]
    real = [key for key, value in zip(keys, values, strict=True) if not math.isnan(value)]
    row["series"], row["count"], row["nan_count"] = number, len(values), len(values) - len(real)
    row["last_key"], row["first_key"] = keys[-1], keys[0]
    row["min_key"], row["max_key"] = min(real, default=NO_MINIMUM), max(real, default=NO_MAXIMUM)
    row["first_nan_step"], row["firsts_known"] = NO_STEP, int(len(values) != 2)
    return row
