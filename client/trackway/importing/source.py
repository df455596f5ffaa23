"""The port to a tracker that is read: what it holds, as values; and how it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trackway.importing.places import Place
from trackway.importing.values import Refused
from trackway.types import DatasetInput

CHUNK_ROWS = 65_536
"""The most points in one MetricColumns. It is a property of the port: chunks are records, and their numbers must be the
same at every import."""
PROMPT_TAG = "mlflow.prompt.is_prompt"
"""Prompts are kept by MLflow as registered models with this tag."""
DELETED_STAGE = "Deleted_Internal"
"""Deleted versions stay in MLflow's stores, in this stage."""
STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""MLflow's states of a run, by number."""
MODEL_STATUSES = {1: "PENDING", 2: "READY", 3: "UPLOAD_FAILED"}
"""MLflow's states of a logged model, by number."""


@dataclass(frozen=True, slots=True)
class SourceExperiment:
    """An experiment of the source."""

    experiment_id: str
    name: str
    deleted: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class MetricColumns:
    """Points of one series, at most CHUNK_ROWS, by time, step and value. Times are microseconds since 1970 UTC."""

    key: str
    times: NDArray[np.int64]
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceRun:
    """A run of the source, without its metrics and files."""

    run_id: str
    experiment_id: str
    name: str
    status: str
    """RUNNING, SCHEDULED, FINISHED, FAILED or KILLED."""
    user_id: str
    start_time_us: int
    end_time_us: int
    """0 where it has none."""
    deleted: bool
    artifact_uri: str
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[DatasetInput, ...] = ()
    metric_keys: tuple[str, ...] = ()
    """What metrics it has, where the source tells so with the run."""
    model_inputs: tuple[str, ...] = ()
    """The logged models that it reads, by their ids here (`measured.model_id_here`)."""
    model_outputs: tuple[tuple[str, int], ...] = ()
    """The logged models that it makes, and at which step."""
    measured: tuple[MetricColumns, ...] = field(default=(), compare=False)
    """Its points that were logged for logged models. Where the source has a point among those of the run, too, it is
    the same point: see measured.py."""


@dataclass(frozen=True, slots=True)
class SourceLoggedModel:
    """A logged model (MLflow 3), without its metrics, which are those of runs (`SourceRun.measured`), and files."""

    model_id: str
    name: str
    run_id: str
    """The run that made it; empty for none."""
    artifact_uri: str
    created_us: int = 0
    model_type: str = ""
    status: str = "PENDING"
    """PENDING, READY or UPLOAD_FAILED."""
    status_message: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """A version of a registered model."""

    number: int
    source: str
    """Where it was made from, as its maker gave it: `runs:/…`, `models:/…`, a folder, an address."""
    location: str
    """Where its files lie."""
    run_id: str = ""
    run_link: str = ""
    user_id: str = ""
    stage: str = "None"
    description: str = ""
    model_id: str = ""
    created_us: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A registered model with its versions, by number."""

    name: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    versions: tuple[SourceVersion, ...] = ()


class Source(Protocol):
    """A tracker that is read. Methods block, and may be called by several threads at once.

    They raise TrackwayError, in one sentence, where the source cannot be read. Single things that are malformed are
    left out and told to `refused`, which may be called several times of the same one.
    """

    refused: Refused
    """Told of what is left out; to be set by who reads."""

    @property
    def name(self) -> str:
        """What to call it in reports: its address without any password."""
        ...

    def experiments(self) -> Iterator[SourceExperiment]:
        """All experiments, deleted ones too, by id as a number: so a new server gives them the same ids."""
        ...

    def runs(self, experiment_id: str) -> Iterator[SourceRun]:
        """All runs of an experiment, deleted ones too."""
        ...

    def metrics(self, run: SourceRun) -> Iterator[MetricColumns]:
        """All points of a run: series by series, of each the points by time, step and value (NaN as 0), so that every
        way to read one run answers the same; chunks are full but for a series' last."""
        ...

    def logged_models(self, experiment_id: str) -> Iterator[SourceLoggedModel]:
        """The logged models of an experiment, deleted ones left out: MLflow shows those to nobody."""
        ...

    def models(self) -> Iterator[SourceModel]:
        """All registered models. Prompts may be among them, with PROMPT_TAG."""
        ...

    def files(self, uri: str, run_id: str = "") -> Place:
        """Where files lie, by an address that the source names; with `run_id`, those of that run.

        Raises Unsupported where this machine cannot reach them.
        """
        ...

    def notes(self) -> list[str]:
        """What the source holds that it cannot tell through this port, a sentence each."""
        ...

    def left_out(self) -> Mapping[str, int]:
        """How many it holds of what has no place here (traces, …), by name; what it does not tell is left out."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def in_order(
    key: str,
    times: NDArray[np.int64],
    steps: NDArray[np.int64],
    values: NDArray[np.float64],
    context: Mapping[str, str] | None = None,
) -> Iterator[MetricColumns]:
    """The points of one series as the port has them: sorted, in chunks."""
    order = np.lexsort((np.isnan(values), np.where(np.isnan(values), 0.0, values), steps, times))
    columns = (times[order], steps[order], values[order])
    for first in range(0, len(order), CHUNK_ROWS):
        part = slice(first, first + CHUNK_ROWS)
        yield MetricColumns(key, columns[0][part], columns[1][part], columns[2][part], dict(context or {}))


def by_number(experiments: list[SourceExperiment]) -> list[SourceExperiment]:
    """Experiments by id as a number."""
    return sorted(experiments, key=lambda each: (len(each.experiment_id), each.experiment_id))
