"""What the client answers: frozen values in MLflow's words and shapes, never messages of the wire.

Times named `*_us` are microseconds since 1970 UTC. Times under MLflow's names (`start_time`, `creation_timestamp`, …)
are milliseconds, as there. Mappings are not copied on access: treat them as frozen too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from trackway import comparison as _comparison
from trackway import series as _series

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
EventKind = Literal[
    "MODEL_CREATED",
    "MODEL_UPDATED",
    "MODEL_DELETED",
    "MODEL_TAG_SET",
    "MODEL_TAG_DELETED",
    "VERSION_CREATED",
    "VERSION_UPDATED",
    "VERSION_DELETED",
    "VERSION_TAG_SET",
    "VERSION_TAG_DELETED",
    "STAGE_CHANGED",
    "ALIAS_SET",
    "ALIAS_DELETED",
    "MODEL_RENAMED",
]
"""What happened; the keys of `Event.details` of each stand in protos/trackway/api/registry/v1/resources.proto."""

MetricSeries = _series.MetricSeries
MetricBuckets = _series.MetricBuckets
MetricAggregate = _series.MetricAggregate
MetricValues = _series.MetricValues
MetricUpdate = _series.MetricUpdate
ComparedRow = _comparison.ComparedRow
RunComparison = _comparison.RunComparison

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
class FileInfo:
    """A file or folder among the artifacts of a run. `digest` is `sha256:…`, empty for a folder."""

    path: str
    is_dir: bool
    file_size: int | None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A file of a manifest; its path is relative to the manifest's root."""

    path: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A set of files for ever, known by the digest of the list of their digests."""

    digest: str
    size_bytes: int
    files: tuple[ManifestFile, ...]

    def __iter__(self) -> Iterator[ManifestFile]:
        return iter(self.files)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One model for ever: what it is made of never changes, what is said about it may."""

    name: str
    version: int
    source: str
    run_id: str
    manifest_digest: str
    size_bytes: int
    stage: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    user: str = ""
    create_time_us: int = 0
    update_time_us: int = 0
    etag: str = ""
    workspace: str = "default"
    run_link: str = ""
    model_id: str = ""

    @property
    def current_stage(self) -> str:
        """MLflow's name of `stage`."""
        return self.stage

    @property
    def creation_timestamp(self) -> int:
        """When it was made, milliseconds since 1970 UTC."""
        return self.create_time_us // 1000

    @property
    def last_updated_timestamp(self) -> int:
        """When it was last changed, milliseconds since 1970 UTC."""
        return self.update_time_us // 1000


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A name under which versions of a model are kept. `latest_versions` has the newest of each stage."""

    name: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    latest_versions: tuple[ModelVersion, ...] = ()
    create_time_us: int = 0
    update_time_us: int = 0
    etag: str = ""
    workspace: str = "default"

    @property
    def creation_timestamp(self) -> int:
        """When it was made, milliseconds since 1970 UTC."""
        return self.create_time_us // 1000

    @property
    def last_updated_timestamp(self) -> int:
        """When it or one of its versions was last changed, milliseconds since 1970 UTC."""
        return self.update_time_us // 1000


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A version and its files: all that is needed to fetch it."""

    version: ModelVersion
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Event:
    """One change of the registry. Events are immutable and totally ordered; `resume_token` asks for what follows."""

    event_id: str
    resume_token: str
    kind: EventKind
    time_us: int
    actor: str
    reason: str
    model_name: str
    version: int | None
    details: Mapping[str, str]
    workspace: str = "default"


WebhookStatus = Literal["ACTIVE", "DISABLED"]
"""Whether a webhook delivers."""


@dataclass(frozen=True, slots=True)
class WebhookDeliveries:
    """How the deliveries of a webhook fare. Times are microseconds since 1970 UTC."""

    delivered_count: int
    refused_count: int
    """Events that the receiver has refused for good."""
    last_attempt_time_us: int | None
    last_event_id: str
    last_http_status: int | None
    """What the receiver answered; None where it did not."""
    last_error: str
    attempts: int
    """How often the present event was tried in vain."""
    failing_since_time_us: int | None
    """None: events can be delivered."""
    next_attempt_time_us: int | None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Tells an address of the events of a workspace."""

    webhook_id: str
    name: str
    description: str
    url: str
    events: tuple[EventKind, ...]
    payload: str
    """`CLOUD_EVENTS`; `MLFLOW` where it was made by MLflow's client."""
    status: WebhookStatus
    has_secret: bool
    create_time_us: int
    update_time_us: int
    deliveries: WebhookDeliveries
    workspace: str = "default"


@dataclass(frozen=True, slots=True)
class WebhookTest:
    """How a delivery went that was made to test."""

    delivered: bool
    http_status: int | None
    error: str


Role = Literal["VIEWER", "EDITOR", "APPROVER", "ADMIN"]
"""What a principal may do in a workspace; each includes those before it."""
PrincipalKind = Literal["USER", "SERVICE_ACCOUNT"]
"""A person or a program."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or a service account."""

    name: str
    kind: str
    display_name: str
    server_admin: bool
    create_time_us: int


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where experiments, runs, artifacts and models lie, and roles hold."""

    name: str
    description: str
    create_time_us: int


@dataclass(frozen=True, slots=True)
class RoleBinding:
    """The role of a principal in a workspace."""

    workspace: str
    principal: str
    role: str


@dataclass(frozen=True, slots=True)
class ExperimentRole:
    """The role of a principal on one experiment and its runs, beside the one in the workspace."""

    experiment_id: str
    principal: str
    role: str


@dataclass(frozen=True, slots=True)
class ModelRole:
    """The role of a principal on one registered model, its versions and their files, beside the workspace's."""

    name: str
    workspace: str
    principal: str
    role: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a principal, without its secret. Times are 0 where it never came to that."""

    key_id: str
    principal: str
    name: str
    create_time_us: int
    expire_time_us: int
    revoke_time_us: int
    last_use_time_us: int


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was just made, and its secret, which the server cannot show again."""

    key: ApiKey
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the caller is, and what they may do."""

    name: str
    server_admin: bool
    roles: Mapping[str, str]
    """Workspace → role."""


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
