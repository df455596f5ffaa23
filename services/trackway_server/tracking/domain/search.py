"""What of experiments and runs can be searched, and by what they are ordered: the names are MLflow's.

A metric of a run has one value in searches: that of its series without a context, else of the first by context. Where
points were logged for ranks or subsets alone, it so is always the same of them, and filter and order agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trackway_server.core.search.conditions import Field, Shape, Source, Statistic
from trackway_server.core.search.evaluation import FieldValue
from trackway_server.core.search.ordering import Place
from trackway_server.core.search.schema import Kind, Schema
from trackway_server.metrics.domain.reading import SummarisedSeries
from trackway_server.metrics.domain.records import context_digest
from trackway_server.tracking.domain.model import RUN_NAME_TAG, Experiment, Run, RunInfo

_ATTRIBUTES = dict.fromkeys(("attribute", "attributes", "attr"), Source.ATTRIBUTE)
_TAGS = dict.fromkeys(("tag", "tags"), Source.TAG)

RUNS = Schema(
    entities={
        **_ATTRIBUTES,
        **_TAGS,
        "run": Source.ATTRIBUTE,
        **dict.fromkeys(("metric", "metrics"), Source.METRIC),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), Source.PARAM),
        **dict.fromkeys(("dataset", "datasets"), Source.DATASET),
    },
    attributes={
        "run_id": Kind.TEXT,
        "run_name": Kind.TEXT,
        "experiment_id": Kind.TEXT,
        "user_id": Kind.TEXT,
        "status": Kind.TEXT,
        "start_time": Kind.TIME,
        "end_time": Kind.TIME,
        "artifact_uri": Kind.TEXT,
        "parent_run_id": Kind.TEXT,
    },
    aliases={
        "created": "start_time",
        "Created": "start_time",
        "run name": "run_name",
        "Run name": "run_name",
        "Run Name": "run_name",
    },
    datasets=frozenset({"name", "digest", "context"}),
    optional=frozenset({"end_time", "parent_run_id"}),
    shapes={"experiment_id": Shape.INTEGER},
    default_order=(("start_time", True), ("run_id", False)),
    stored_as={Field(Source.TAG, RUN_NAME_TAG): Field(Source.ATTRIBUTE, "run_name")},
)

EXPERIMENTS = Schema(
    entities={**_ATTRIBUTES, **_TAGS, "experiment": Source.ATTRIBUTE},
    attributes={
        "name": Kind.TEXT,
        "experiment_id": Kind.TEXT,
        "creation_time": Kind.TIME,
        "last_update_time": Kind.TIME,
    },
    aliases={},
    shapes={"experiment_id": Shape.INTEGER},
    default_order=(("creation_time", True), ("experiment_id", False)),
)


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run, and where it stands in the order asked for."""

    run: RunInfo
    place: Place


@dataclass(frozen=True, slots=True)
class FoundExperiment:
    """An experiment, and where it stands in the order asked for."""

    experiment: Experiment
    place: Place


def artifact_uri(run_id: str) -> str:
    """Where a run's artifacts are."""
    return f"runs:/{run_id}"


@dataclass(frozen=True, slots=True)
class SearchedRun:
    """A run under search: what every store's own way must agree with."""

    run: Run
    series: Sequence[SummarisedSeries]

    def values(self, field: Field) -> Sequence[FieldValue]:
        """See Searched."""
        match field.source:
            case Source.ATTRIBUTE:
                return _run_attribute(self.run.info, field.key)
            case Source.PARAM:
                return _of_key(self.run.params, field.key)
            case Source.TAG:
                return _of_key(self.run.tags, field.key)
            case Source.DATASET:
                values = (str(getattr(each, field.key)) for each in self.run.dataset_inputs)
                return [value for value in values if value]
            case Source.METRIC:
                return self._metric(field)

    def _metric(self, field: Field) -> Sequence[FieldValue]:
        whole = None if field.whole_key is None else self._series(field.whole_key)
        if whole is not None:
            return [whole.last_value]
        series = self._series(field.key)
        return [] if series is None else statistic_of(series, field.statistic)

    def _series(self, key: str) -> SummarisedSeries | None:
        of_key = (each for each in self.series if each.key == key)
        return min(of_key, key=lambda each: context_digest(each.context), default=None)


@dataclass(frozen=True, slots=True)
class SearchedExperiment:
    """An experiment under search."""

    experiment: Experiment

    def values(self, field: Field) -> Sequence[FieldValue]:
        """See Searched."""
        if field.source is Source.TAG:
            return _of_key(self.experiment.tags, field.key)
        attributes: Mapping[str, FieldValue] = {
            "name": self.experiment.name,
            "experiment_id": str(self.experiment.experiment_id),
            "creation_time": self.experiment.create_time_us,
            "last_update_time": self.experiment.update_time_us,
        }
        return [attributes[field.key]]


def statistic_of(series: SummarisedSeries, statistic: Statistic) -> Sequence[FieldValue]:
    """The value of a statistic; none where it is not known."""
    match statistic:
        case Statistic.LAST:
            return [series.last_value]
        case Statistic.MIN:
            return [series.min_value]
        case Statistic.MAX:
            return [series.max_value]
        case Statistic.COUNT:
            return [series.count]
        case Statistic.FIRST:
            return [] if series.first_value is None else [series.first_value]


def _run_attribute(info: RunInfo, key: str) -> Sequence[FieldValue]:
    attributes: Mapping[str, FieldValue | None] = {
        "run_id": info.run_id,
        "run_name": info.name,
        "user_id": info.user_id,
        "experiment_id": str(info.experiment_id),
        "status": info.status.name,
        "start_time": info.start_time_us,
        "end_time": info.end_time_us or None,
        "parent_run_id": info.parent_run_id or None,
        "artifact_uri": artifact_uri(info.run_id),
    }
    value = attributes[key]
    return [] if value is None else [value]


def _of_key(values: Mapping[str, str], key: str) -> Sequence[FieldValue]:
    return [values[key]] if key in values else []
