"""Batches: what one call sets on a run, notes of it and stores for it. All functions run within one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trackway_server.core.admission import Admission
from trackway_server.metrics.domain.ports import MetricUnit
from trackway_server.tracking.domain.changes import RunChanges
from trackway_server.tracking.domain.model import DatasetInput, ModelInput, ModelOutput, ParamsSet, RunInfo, TagsChange
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.domain.runs import admitted, admitted_run, writable


@dataclass(frozen=True, slots=True)
class Batch:
    """What to set on a run and to note of it."""

    params: ParamsSet
    tags: TagsChange
    dataset_inputs: Sequence[DatasetInput] = ()
    model_inputs: Sequence[ModelInput] = ()
    model_outputs: Sequence[ModelOutput] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        noted = self.dataset_inputs or self.model_inputs or self.model_outputs
        return not (self.params.params or self.tags.set or self.tags.delete or noted)


class Points(Protocol):
    """Points of the run."""

    def store(self, metrics: MetricUnit, workspace: str, now_us: int) -> bool:
        """Store them; False where they are stored already. Raises WRITER_FOREIGN, WRITER_FENCED, WRITER_DIVERGED."""
        ...


def log_batch(
    unit: TrackingUnit, run_id: str, batch: Batch, points: Points | None, now_us: int, admission: Admission
) -> bool:
    """Set params and tags, note data sets and models, and store points; whether there were points that were new.

    Raises RUN_NOT_FOUND, RUN_DELETED, PARAM_IMMUTABLE, TAG_NOT_FOUND, LIMIT_EXCEEDED, and what Points.store raises;
    nothing of the batch is then to be stored.
    """
    if points is None or not batch.is_empty:
        run = writable(admitted_run(unit, run_id, admission.admits))
        apply_batch(unit, run, batch)
    else:  # writers of one run do not wait for one another
        run = writable(admitted(unit, unit.peek_run(run_id), run_id, admission.admits))
    return points is not None and points.store(unit.metrics, run.workspace, now_us)


def apply_batch(unit: TrackingUnit, run: RunInfo, batch: Batch) -> None:
    """Set and note what is in the batch."""
    changes = RunChanges(unit, run, batch.params.params.keys(), batch.tags.delete)
    changes.set_params(batch.params.params)
    changes.change_tags(batch.tags, must_exist=True)
    for dataset_input in batch.dataset_inputs:
        changes.add_dataset_input(dataset_input)
    for model_input in batch.model_inputs:
        changes.add_model_input(model_input)
    for model_output in batch.model_outputs:
        changes.add_model_output(model_output)
    changes.store()
