"""What is answered of logged models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trackway.types import LifecycleStage, LoggedModelStatus, MetricSummary

__all__ = ["LoggedModel", "LoggedModelMetric"]


@dataclass(frozen=True, slots=True)
class LoggedModelMetric:
    """The last point of a metric that a run has logged for a model; `summary` describes all its points."""

    run_id: str
    summary: MetricSummary

    @property
    def key(self) -> str:
        """The metric's name."""
        return self.summary.key

    @property
    def value(self) -> float:
        """The value of the last point."""
        return self.summary.last_value

    @property
    def step(self) -> int:
        """The step of the last point."""
        return self.summary.last_step

    @property
    def timestamp(self) -> int:
        """The time of the last point, milliseconds since 1970 UTC."""
        return self.summary.last_time_us // 1000

    @property
    def model_id(self) -> str | None:
        """The model."""
        return self.summary.context.get("model_id")

    @property
    def dataset_name(self) -> str | None:
        """The data set it was measured on, where that was said."""
        return self.summary.context.get("dataset_name")

    @property
    def dataset_digest(self) -> str | None:
        """The digest of that data set."""
        return self.summary.context.get("dataset_digest")


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model that runs make, measure and read; `metrics` are what they have logged for it."""

    model_id: str
    experiment_id: str
    name: str
    status: LoggedModelStatus
    lifecycle_stage: LifecycleStage
    create_time_us: int
    update_time_us: int
    model_type: str | None = None
    source_run_id: str | None = None
    status_message: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[LoggedModelMetric, ...] = ()
    workspace: str = "default"

    @property
    def creation_timestamp(self) -> int:
        """When it was made, milliseconds since 1970 UTC."""
        return self.create_time_us // 1000

    @property
    def last_updated_timestamp(self) -> int:
        """When its state last changed, milliseconds since 1970 UTC."""
        return self.update_time_us // 1000

    @property
    def model_uri(self) -> str:
        """The address of the model."""
        return f"models:/{self.model_id}"
