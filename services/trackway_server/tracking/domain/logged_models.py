"""Logged models as values, and the port of what is kept of them. All times are microseconds since 1970 UTC."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from trackway_server.core.search.conditions import Search
from trackway_server.core.search.ordering import Place
from trackway_server.metrics.domain.ports import Series
from trackway_server.metrics.domain.reading import SummarisedSeries, parse_context
from trackway_server.tracking.domain.model import ModelOutput, View

MODEL_ID, DATASET_NAME, DATASET_DIGEST = "model_id", "dataset_name", "dataset_digest"
"""Keys of a series' context that say of which model it is a metric, and on which data set that was measured."""

_MODEL_ID = re.compile(r"m-[0-9a-f]{32}", re.ASCII)


class LoggedModelStatus(IntEnum):
    """The state of a logged model; the numbers are MLflow's."""

    PENDING = 1
    READY = 2
    UPLOAD_FAILED = 3


@dataclass(frozen=True, slots=True)
class ModelStart:
    """What a logged model is created with. Empty `name`: one is chosen."""

    experiment_id: str
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def digest(self) -> str:
        """A digest of the content, by which a repeated creation is told from another model of the same id."""
        content = [self.experiment_id, self.name, self.model_type, self.source_run_id]
        text = json.dumps([*content, sorted(self.params.items()), sorted(self.tags.items())], ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A logged model without its params, tags and metrics."""

    model_id: str
    workspace: str
    experiment_id: int
    name: str
    model_type: str
    source_run_id: str
    status: LoggedModelStatus
    status_message: str
    create_time_us: int
    update_time_us: int
    start_digest: str
    """ModelStart.digest of what it was created with."""
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A logged model with what was recorded of it."""

    info: ModelInfo
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Sequence[SummarisedSeries] = ()
    """The series that runs have logged for it; `subject_id` is the run."""


@dataclass(frozen=True, slots=True)
class ModelsQuery:
    """Which models to list, as RunsQuery for runs."""

    workspace: str
    experiment_ids: tuple[int, ...] = ()
    view: View = View.ACTIVE_ONLY
    bound_to: str = ""


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A logged model, and where it stands in the order asked for."""

    model: ModelInfo
    place: Place


@dataclass(frozen=True, slots=True)
class Measured:
    """Of which model a series is a metric, and on which data set that was measured (empty: not said, not both)."""

    model_id: str
    dataset_name: str
    dataset_digest: str


def measured(context: str) -> Measured | None:
    """What a series' canonical context says of a model and a data set; None where it is about neither."""
    if f'"{MODEL_ID}"' not in context and f'"{DATASET_NAME}"' not in context:
        return None
    known = parse_context(context)
    model_id, dataset_name = known.get(MODEL_ID, ""), known.get(DATASET_NAME, "")
    model_id = model_id if _MODEL_ID.fullmatch(model_id) else ""
    if not model_id and not dataset_name:
        return None
    return Measured(model_id, dataset_name, known.get(DATASET_DIGEST, ""))


class LoggedModels(Protocol):
    """Logged models, their metrics, and the edges between runs and them, within one transaction."""

    def get(self, model_id: str) -> ModelInfo | None:
        """A model, a deleted one too; in a write transaction it is locked until the end."""
        ...

    def add(self, model: ModelInfo) -> None:
        """Store a new model."""
        ...

    def save(self, model: ModelInfo) -> None:
        """Store state, lifecycle and update time."""
        ...

    def search(self, query: ModelsQuery, search: Search, after: Place | None, limit: int) -> list[FoundModel]:
        """Up to `limit` of the models that hold the search's term, in its order, after a place (None: from the start).

        What each means is said by domain/logged_model_search.py, SearchedModel. Of metrics it knows what is folded.
        """
        ...

    def text_sizes(self, model_ids: Sequence[str]) -> dict[str, int]:
        """How many characters the values of some models' params and tags have together; models without are left out."""
        ...

    def params(self, model_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """All params of some models, by model and key; models without are left out."""
        ...

    def add_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Store params that are not set yet."""
        ...

    def tags(self, model_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """All tags of some models, by model and key; models without are left out."""
        ...

    def put_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        """Set tags."""
        ...

    def delete_tags(self, model_id: str, keys: Collection[str]) -> None:
        """Delete tags; absent ones are no matter."""
        ...

    def series(self, workspace: str, model_ids: Sequence[str], limit: int) -> list[Series]:
        """The series that runs of the workspace have defined for some models, by (model, key, run, context digest), up
        to `limit` in all."""
        ...

    def series_of_runs(self, run_ids: Sequence[str], limit: int) -> list[Series]:
        """The series of some runs that are about models or data sets, by (run, key, context digest), up to `limit`."""
        ...

    def inputs(self, run_ids: Sequence[str]) -> dict[str, list[str]]:
        """The models that some runs read, by run, then model; runs without are left out."""
        ...

    def outputs(self, run_ids: Sequence[str]) -> dict[str, list[ModelOutput]]:
        """The models that some runs make, by run, then step and model; runs without are left out."""
        ...

    def add_inputs(self, run_id: str, model_ids: Sequence[str]) -> None:
        """Note models that a run reads; those that are noted are no matter."""
        ...

    def add_outputs(self, run_id: str, outputs: Sequence[ModelOutput]) -> None:
        """Note models that a run makes; those that are noted are no matter."""
        ...
