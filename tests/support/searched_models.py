"""Random logged models with metrics of several runs, and random searches, for stores and for their reference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st

from support import searched
from trackway_server.metrics.domain.records import SeriesDefinition, WriterCursor, canonical_context
from trackway_server.tracking.domain.logged_model_search import ModelOrder
from trackway_server.tracking.domain.logged_models import LoggedModelStatus, ModelInfo
from trackway_server.tracking.domain.model import RunInfo, RunStatus
from trackway_server.tracking.domain.ports import TrackingUnit

DATASETS = (("", ""), ("train", "1"), ("train", "2"), ("test", "1"))
SCOPES = ((), (("train", ""),), (("train", "2"),), (("test", "1"), ("train", "1")), (("none", ""),))

Metric = tuple[str, int, tuple[str, str]]
"""Key, number of the run, and data set."""


@dataclass(frozen=True)
class RecordedModel:
    """What one model has."""

    name: str
    model_type: str
    status: LoggedModelStatus
    source: bool
    create_time_us: int
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[Metric, tuple[float, ...]] = field(default_factory=dict)


_keys = st.sampled_from(searched.KEYS)
recorded = st.builds(
    RecordedModel,
    searched.texts.map(lambda text: text or "n"),
    st.sampled_from(["", "x", "llm"]),
    st.sampled_from(LoggedModelStatus),
    st.booleans(),
    st.integers(0, 3),
    st.dictionaries(_keys, searched.texts),
    st.dictionaries(_keys, searched.texts),
    st.dictionaries(
        st.tuples(_keys, st.integers(0, 1), st.sampled_from(DATASETS)),
        st.lists(st.sampled_from(searched.VALUES), min_size=1, max_size=3).map(tuple),
        max_size=4,
    ),
)

_attributes = st.sampled_from(["name", "model_type", "status", "model_id", "source_run_id", "attributes.name"])
_times = st.builds(
    "{} {} {}".format,
    st.sampled_from(["creation_time", "creation_timestamp", "last_updated_timestamp"]),
    st.sampled_from(["=", "!=", "<", ">="]),
    st.sampled_from(["0", "0.001", "'1970-01-01T00:00:00.000002'"]),
)
filters = searched.filters_of(searched.conditions_on(_attributes) | _times)
_fields = searched.keyed | searched.metrics | _attributes | st.sampled_from(["creation_time", "last_updated_timestamp"])
orders = st.lists(
    st.tuples(_fields, st.sampled_from(["", " ASC", " DESC"]), st.sampled_from(SCOPES)),
    max_size=3,
    unique_by=lambda each: searched.same_field(each[0]).removeprefix("attributes.").replace("_timestamp", "_time"),
).map(lambda terms: [ModelOrder(name + direction, scope) for name, direction, scope in terms])


def store(unit: TrackingUnit, models: list[RecordedModel], experiment_id: int, *, workspace: str = "default") -> None:
    """Store models and two runs that measured them, with ids that follow from the experiment's and their place."""
    run_ids = [f"{experiment_id:016x}{number:016x}" for number in range(2)]
    for run_id in run_ids:
        unit.add_run(RunInfo(run_id, workspace, experiment_id, "r", RunStatus.RUNNING, "", "me", 1, 0, "", "digest"))
        unit.metrics.put_writer(WriterCursor(run_id, run_id, "me", workspace, 1, 0, 0, {}, 0))
    series_ids = dict.fromkeys(run_ids, 0)
    for number, model in enumerate(models):
        model_id = f"m-{experiment_id:016x}{number:016x}"
        source = run_ids[0] if model.source else ""
        own = (model.name, model.model_type, source, model.status, "", model.create_time_us, model.create_time_us + 1)
        unit.models.add(ModelInfo(model_id, "default", experiment_id, *own, "digest"))
        unit.models.add_params(model_id, model.params) if model.params else None
        unit.models.put_tags(model_id, model.tags) if model.tags else None
        for (key, run, (name, digest)), values in model.metrics.items():
            run_id = run_ids[run]
            on = {"dataset_name": name, "dataset_digest": digest} if name else {}
            context = canonical_context({"model_id": model_id, **on})
            definition = SeriesDefinition(series_ids[run_id], series_ids[run_id], key, context)
            series_ids[run_id] += 1
            cursor = WriterCursor(run_id, run_id, "me", workspace, 1, 0, 0, {}, 0)
            (made,) = unit.metrics.define_series(cursor, [definition])
            summary = searched.summary_of(int(made), values)
            summary["last_time"], summary["last_step"] = len(values), len(json.dumps(values)) % 3
            unit.metrics.put_summaries(summary)
