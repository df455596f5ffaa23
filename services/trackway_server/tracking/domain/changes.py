"""Changes of one run within one transaction, gathered first and then stored in a few statements."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from trackway_server.core.errors import DomainError, Reason
from trackway_server.tracking.domain.model import (
    DATASET_TEXTS,
    PARENT_RUN_TAG,
    RUN_NAME_TAG,
    DatasetInput,
    ModelInput,
    ModelOutput,
    RunInfo,
    RunStatus,
    StatusChange,
    TagsChange,
)
from trackway_server.tracking.domain.ports import TrackingUnit

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MAX_NAME = 500
MAX_TEXT = 12 << 20
"""How many characters the values of a run's params, tags and data sets may have together: one message holds a run."""


class RunChanges:
    """The changes of one run; `store` stores them. A method that raises has changed nothing."""

    def __init__(
        self, unit: TrackingUnit, run: RunInfo, param_keys: Collection[str], tag_keys: Collection[str]
    ) -> None:
        self._unit = unit
        self._before = run
        self.run = run
        self._params = unit.params_of(run.run_id, param_keys) if param_keys else {}
        self._new_params: dict[str, str] = {}
        self._tags: dict[str, str | None] = dict(unit.tags_of(run.run_id, tag_keys)) if tag_keys else {}
        self._changed_tags: set[str] = set()
        self._inputs: list[DatasetInput] = []
        self._model_inputs: list[str] = []
        self._model_outputs: list[ModelOutput] = []
        self._text: int | None = None

    def set_params(self, params: Mapping[str, str]) -> None:
        """Set params. Raises PARAM_IMMUTABLE where one has another value, LIMIT_EXCEEDED where the run is full."""
        for key, value in params.items():
            known = self._new_params.get(key, self._params.get(key))
            if known is not None and known != value:
                raise DomainError(
                    Reason.PARAM_IMMUTABLE,
                    f"The param {key!r} has the value {_shown(known)} already; log {_shown(value)} under another key.",
                    run_id=self.run.run_id,
                    key=key,
                )
        new = {key: value for key, value in params.items() if key not in self._params and key not in self._new_params}
        self._take_room(sum(map(len, new.values())))
        self._new_params |= new

    def change_tags(self, change: TagsChange, *, must_exist: bool) -> None:
        """Delete and set tags. Raises TAG_NOT_FOUND where one to delete `must_exist` and does not, INVALID_FIELD where
        the run's name would become empty or more than a line, LIMIT_EXCEEDED where the run is full."""
        name = change.set.get(RUN_NAME_TAG, self.run.name)
        if RUN_NAME_TAG in change.set:
            check_run_name(name)
        if RUN_NAME_TAG in change.delete:
            raise DomainError(Reason.INVALID_FIELD, f"{RUN_NAME_TAG} cannot be deleted; set it.", field="tags.delete")
        for key in change.delete:
            if must_exist and self._tags.get(key) is None:
                raise DomainError(Reason.TAG_NOT_FOUND, f"The run has no tag {key!r}.", key=key)
        self._take_room(sum(map(len, change.set.values())))
        changes: dict[str, str | None] = dict.fromkeys(change.delete) | dict(change.set)
        changes.pop(RUN_NAME_TAG, None)
        self._tags |= changes
        self._changed_tags |= changes.keys()
        parent = changes.get(PARENT_RUN_TAG, "") or ""
        if PARENT_RUN_TAG in changes:
            self.run = replace(self.run, parent_run_id=parent_run_id(parent))
        self.run = replace(self.run, name=name)

    def add_dataset_input(self, dataset_input: DatasetInput) -> None:
        """Note a data set. Raises LIMIT_EXCEEDED where the run is full."""
        of_tags = sum(len(key) + len(value) for key, value in dataset_input.tags.items())
        self._take_room(sum(len(getattr(dataset_input, name)) for name in DATASET_TEXTS) + of_tags)
        self._inputs.append(dataset_input)

    def add_model_input(self, model_input: ModelInput) -> None:
        """Note a logged model that the run reads. Raises LIMIT_EXCEEDED where the run is full."""
        self._take_room(len(model_input.model_id))
        self._model_inputs.append(model_input.model_id)

    def add_model_output(self, model_output: ModelOutput) -> None:
        """Note a logged model that the run makes. Raises LIMIT_EXCEEDED where the run is full."""
        self._take_room(len(model_output.model_id))
        self._model_outputs.append(model_output)

    def set_status(self, change: StatusChange, now_us: int) -> None:
        """Change the state; an end has an end time, nothing else has."""
        end_time_us = (change.time_us or now_us) if change.status.is_end else 0
        self.run = replace(
            self.run, status=RunStatus(change.status), status_message=change.message, end_time_us=end_time_us
        )

    def rename(self, name: str) -> None:
        """Give the run another name."""
        self.run = replace(self.run, name=name)

    def _take_room(self, size: int) -> None:
        """Count `size` characters more. What replaces a tag counts beside it until the next transaction."""
        if not size:
            return
        if self._text is None:
            self._text = self._unit.text_sizes([self.run.run_id]).get(self.run.run_id, 0)
        if self._text + size > MAX_TEXT:
            raise DomainError(
                Reason.LIMIT_EXCEEDED,
                f"The params, tags and data sets of a run may have {MAX_TEXT:,} characters together, and this run has "
                f"{self._text:,}; store what is large as an artifact.",
                limit="run_text",
                maximum=str(MAX_TEXT),
            )
        self._text += size

    def store(self) -> None:
        """Store what has changed."""
        run_id = self.run.run_id
        if self._new_params:
            self._unit.add_params(run_id, self._new_params)
        deleted = {key for key in self._changed_tags if self._tags[key] is None}
        if deleted:
            self._unit.delete_tags(run_id, deleted)
        put = {key: value for key in self._changed_tags - deleted if (value := self._tags[key]) is not None}
        if put:
            self._unit.put_tags(run_id, put)
        if self._inputs:
            self._unit.add_dataset_inputs(run_id, self._inputs)
        if self._model_inputs:
            self._unit.models.add_inputs(run_id, self._model_inputs)
        if self._model_outputs:
            self._unit.models.add_outputs(run_id, self._model_outputs)
        if self.run != self._before:
            self._unit.save_run(self.run)
        if self.run.status.is_end and not self._before.status.is_end:
            self._unit.liveness.forget([run_id])


def check_run_name(name: str) -> None:
    """Raise INVALID_FIELD where the name, which may come from a tag, is empty, too long or more than a line."""
    if not name or len(name) > _MAX_NAME or _CONTROL_CHARACTER.search(name):
        raise DomainError(
            Reason.INVALID_FIELD,
            f"A run's name must be 1 to {_MAX_NAME} characters without control characters.",
            field=RUN_NAME_TAG,
        )


def parent_run_id(tag: str) -> str:
    """The parent named by the tag `mlflow.parentRunId`; empty where it is no run id."""
    return tag if _RUN_ID.fullmatch(tag) else ""


def _shown(value: str) -> str:
    return repr(value if len(value) <= 80 else f"{value[:80]}…")
