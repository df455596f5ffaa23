"""Experiments, runs, and what they record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

RunStatus = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
"""State of a run, as MLflow names it."""
LoggedModelStatus = Literal["PENDING", "READY", "UPLOAD_FAILED"]
LifecycleStage = Literal["active", "deleted"]
"""Whether a resource is deleted (softly: it can be restored)."""
View = Literal["active", "deleted", "all"]
"""Chooses by lifecycle stage."""
ConsoleStream = Literal["stdout", "stderr", "both"]
"""A stream of a process; both, where they go to one place and so keep their order."""
MetricAxis = Literal["step", "time"]
"""Along what points are laid out."""
StepMatch = Literal["exact", "at_or_before"]
"""Which point answers for a step: one at that very step, or the one with the greatest step up to it."""
Range: TypeAlias = tuple[int | None, int | None]
"""From the first to the second, both included; None: no bound."""
NOTE_TAG = "mlflow.note.content"
CONTEXT_TAG = "mlflow.data.context"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A group of runs."""

    experiment_id: str
    name: str
    lifecycle_stage: LifecycleStage = "active"
    tags: Mapping[str, str] = field(default_factory=dict)
    create_time_us: int = 0
    update_time_us: int = 0
    workspace: str = "default"

    @property
    def description(self) -> str:
        """The note in Markdown, the tag `mlflow.note.content`; empty where there is none."""
        return self.tags.get(NOTE_TAG, "")

    @property
    def creation_time(self) -> int:
        """When it was made, milliseconds since 1970 UTC."""
        return self.create_time_us // 1000

    @property
    def last_update_time(self) -> int:
        """When it was last changed, milliseconds since 1970 UTC."""
        return self.update_time_us // 1000


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """All points of one series in a few numbers. `last` is the greatest by step, then time, then order of logging,
    `first` the least; `min` and `max` leave NaN out and are NaN where nothing else was logged."""

    key: str
    context: Mapping[str, str]
    count: int
    nan_count: int
    last_value: float
    last_step: int
    last_time_us: int
    min_value: float
    min_step: int
    max_value: float
    max_step: int
    first_value: float | None = None
    """None, as the three below, for a series that had points before the server kept it."""
    first_step: int | None = None
    first_time_us: int | None = None
    first_nan_step: int | None = None
    """The least step at which NaN was logged; None also where it never was."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Data that a run reads: a name, a digest of the content, where it came from, and what it looks like (JSON)."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A data set and what a run uses it for (`training`, `validation`, …)."""

    dataset: Dataset
    context: str = ""
    extra_tags: Mapping[str, str] = field(default_factory=dict)
    """What else is said of this use, but the context."""

    @property
    def tags(self) -> tuple[InputTag, ...]:
        """MLflow's form of both: the context is the tag `mlflow.data.context`."""
        both = {**({CONTEXT_TAG: self.context} if self.context else {}), **self.extra_tags}
        return tuple(InputTag(key, value) for key, value in both.items())


@dataclass(frozen=True, slots=True)
class InputTag:
    """A tag of a data set that a run reads."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """A data set that runs of an experiment read, and what for (empty: nothing was said)."""

    experiment_id: str
    name: str
    digest: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What a run is."""

    run_id: str
    experiment_id: str
    run_name: str
    status: RunStatus
    lifecycle_stage: LifecycleStage
    user_id: str
    start_time_us: int
    end_time_us: int | None
    status_message: str = ""
    parent_run_id: str | None = None
    refused_count: int = 0
    """How many records of the run were not stored; `list_refused` tells them."""
    workspace: str = "default"
    lost_since_us: int | None = None
    """Set on a run that is lost: it is RUNNING, and no process that writes it has been heard since, by the server's
    clock. It comes back by itself when one is."""

    @property
    def start_time(self) -> int:
        """The start, milliseconds since 1970 UTC."""
        return self.start_time_us // 1000

    @property
    def end_time(self) -> int | None:
        """The end, milliseconds since 1970 UTC; None while it runs."""
        return None if self.end_time_us is None else self.end_time_us // 1000

    @property
    def artifact_uri(self) -> str:
        """The address of the run's artifacts."""
        return f"runs:/{self.run_id}"


@dataclass(frozen=True, slots=True)
class RunData:
    """What a run recorded. `metrics` are the last values of the series without a context; `series` describes every
    series that was answered: all of them from `get_run` (up to 10,000), those without a context from `search_runs`."""

    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    series: tuple[MetricSummary, ...] = ()


class _Series:
    """`RunData.series` made when it is first asked for, where a function was given: of a page of runs these are
    thousands of summaries, most of them never looked at."""

    def __init__(self, slot: Any) -> None:
        self._slot = slot

    def __get__(self, data: RunData | None, owner: type[RunData]) -> Any:
        if data is None:
            return self
        value = self._slot.__get__(data, owner)
        if callable(value):
            value = value()
            self._slot.__set__(data, value)
        return value

    def __set__(self, data: RunData, value: Any) -> None:
        self._slot.__set__(data, value)


setattr(RunData, "series", _Series(vars(RunData)["series"]))  # noqa: B010 a slot that type checkers know as such


@dataclass(frozen=True, slots=True)
class LoggedModelInput:
    """A logged model that a run reads."""

    model_id: str


@dataclass(frozen=True, slots=True)
class LoggedModelOutput:
    """A logged model that a run makes, at one of its steps."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What a run read."""

    dataset_inputs: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[LoggedModelInput, ...] = ()


@dataclass(frozen=True, slots=True)
class RunOutputs:
    """What a run made."""

    model_outputs: tuple[LoggedModelOutput, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A run, in MLflow's shape: `run.info.run_id`, `run.data.metrics["loss"]`, `run.inputs.dataset_inputs`."""

    info: RunInfo
    data: RunData
    inputs: RunInputs = RunInputs()
    outputs: RunOutputs = RunOutputs()

    @property
    def description(self) -> str:
        """The note in Markdown, the tag `mlflow.note.content`; empty where there is none."""
        return self.data.tags.get(NOTE_TAG, "")


@dataclass(frozen=True, slots=True)
class Writer:
    """A process that writes a run, or metrics of a model's version. `durable_sequence`: so many records are stored."""

    writer_id: str
    labels: Mapping[str, str]
    durable_sequence: int
    last_heard_time_us: int


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record of a run that was not stored, and why."""

    writer_id: str
    sequence: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ConsoleBlock:
    """Lines that one process wrote to its console, in their order."""

    writer_id: str
    labels: Mapping[str, str]
    """What the process is: host, pid, rank."""
    stream: ConsoleStream
    lines: tuple[str, ...]
    """Complete lines, without control characters (colours apart, where the process was asked to keep them); do not rely
    on that before you write them to a terminal or a page: anyone who may write the run may send anything."""
    unfinished: str
    """The line (of progress bars: the lines) still being written; the next block of the same stream replaces it."""
    time_us: int
    """When the first of these lines was begun."""
    first_line: int
    """The number of the first of `lines` in its stream, from 0; dropped lines count, so that a gap shows."""
    dropped_lines: int
    """How many lines of the stream were dropped up to here, because of the process's size limit."""
    dropped_bytes: int
