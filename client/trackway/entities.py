"""Values of MLflow's module `entities`, for code that names them."""

from __future__ import annotations

from dataclasses import dataclass

from trackway.logged_model import LoggedModel
from trackway.types import (
    Dataset,
    DatasetInput,
    Experiment,
    FileInfo,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    RegisteredModel,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
)


class ViewType:
    """Chooses by lifecycle stage."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3


class LifecycleStage:
    """Whether a resource is deleted."""

    ACTIVE = "active"
    DELETED = "deleted"


class RunStatus:
    """State of a run, as a number."""

    RUNNING = 1
    SCHEDULED = 2
    FINISHED = 3
    FAILED = 4
    KILLED = 5

    @staticmethod
    def to_string(status: int) -> str:
        """The name of a status. Raises ValueError where there is none."""
        names = {number: name for name, number in vars(RunStatus).items() if isinstance(number, int)}
        if status not in names:
            raise ValueError(f"{status!r} is no status of a run")
        return names[status]


class LoggedModelStatus:
    """State of a logged model."""

    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Metric:
    """A point of a metric; `timestamp` is in milliseconds since 1970 UTC."""

    key: str
    value: float
    timestamp: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Param:
    """A param of a run."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RunTag:
    """A tag of a run."""

    key: str
    value: str


__all__ = [
    "Dataset",
    "DatasetInput",
    "Experiment",
    "FileInfo",
    "InputTag",
    "LifecycleStage",
    "LoggedModel",
    "LoggedModelInput",
    "LoggedModelOutput",
    "LoggedModelStatus",
    "Metric",
    "Param",
    "RegisteredModel",
    "Run",
    "RunData",
    "RunInfo",
    "RunInputs",
    "RunOutputs",
    "RunStatus",
    "RunTag",
    "ViewType",
]
