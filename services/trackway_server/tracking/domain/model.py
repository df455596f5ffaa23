"""Experiments and runs as values. All times are microseconds since 1970 UTC."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from trackway_server.core.errors import Reason

DEFAULT_WORKSPACE = "default"
DEFAULT_EXPERIMENT_ID = 0
DEFAULT_EXPERIMENT_NAME = "Default"
RUN_NAME_TAG = "mlflow.runName"
PARENT_RUN_TAG = "mlflow.parentRunId"


class RunStatus(IntEnum):
    """The state of a run; the numbers are MLflow's."""

    RUNNING = 1
    SCHEDULED = 2
    FINISHED = 3
    FAILED = 4
    KILLED = 5

    @property
    def is_end(self) -> bool:
        """Whether the run is over."""
        return self >= RunStatus.FINISHED


class View(IntEnum):
    """Which lifecycle stages a list shows."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment groups runs."""

    experiment_id: int
    workspace: str
    name: str
    deleted: bool
    create_time_us: int
    update_time_us: int
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run without its params, tags and data sets."""

    run_id: str
    workspace: str
    experiment_id: int
    name: str
    status: RunStatus
    status_message: str
    user_id: str
    start_time_us: int
    end_time_us: int
    parent_run_id: str
    start_digest: str
    """RunStart.digest of what it was created with."""
    deleted: bool = False
    deleted_with_experiment: bool = False
    refused_count: int = 0


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A data set that a run reads; name and digest identify it within the run."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""
    context: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What else is said of this use."""


@dataclass(frozen=True, slots=True, order=True)
class UsedDataset:
    """A data set that runs of an experiment read, and what for."""

    experiment_id: int
    name: str
    digest: str
    context: str


DATASET_TEXTS = ("source", "schema", "profile")
"""What may be long in a DatasetInput."""


@dataclass(frozen=True, slots=True)
class ModelInput:
    """A logged model that a run reads."""

    model_id: str


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """A logged model that a run makes; id and step identify it within the run."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A run with what was recorded of it, but its metrics. `tags` hold `mlflow.runName`, too."""

    info: RunInfo
    params: Mapping[str, str]
    tags: Mapping[str, str]
    dataset_inputs: tuple[DatasetInput, ...]
    lost_since_us: int = 0
    """When the last of its writers was heard, where it is lost: running, and all of them silent for too long."""
    model_inputs: tuple[str, ...] = ()
    """The ids of the logged models it reads."""
    model_outputs: tuple[ModelOutput, ...] = ()


@dataclass(frozen=True, slots=True)
class RunStart:
    """What a run is created with."""

    experiment_name: str = ""
    experiment_id: str = ""
    run_name: str = ""
    user_id: str = ""
    start_time_us: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)

    def digest(self) -> str:
        """A digest of the content, by which a repeated creation is told from another run of the same id."""
        content = [self.experiment_name, self.experiment_id, self.run_name, self.user_id, self.start_time_us]
        text = json.dumps([*content, sorted(self.tags.items())], ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A new state; `time_us` 0 is the server's time."""

    status: RunStatus
    time_us: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class ParamsSet:
    """Params to set, each for ever."""

    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TagsChange:
    """Tags to delete, then tags to set."""

    set: Mapping[str, str] = field(default_factory=dict)
    delete: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record of a run that was not stored."""

    writer_id: str
    sequence: int
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class RunsQuery:
    """Which runs to list. Empty `experiment_ids` and `parent_run_id`: all. `bound_to`: of those experiments alone to
    which this principal is bound; empty: of all."""

    workspace: str
    experiment_ids: tuple[int, ...] = ()
    view: View = View.ACTIVE_ONLY
    parent_run_id: str = ""
    bound_to: str = ""
