"""The port of Tracking: what its rules ask of a store, within one transaction.

Adapters: `store/memory.py` (the reference) and `store/sql.py`; `tests/conformance/stores` states what each must do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from trackway_server.core.search.conditions import Search
from trackway_server.core.search.ordering import Place
from trackway_server.metrics.domain.liveness import LivenessRows
from trackway_server.metrics.domain.ports import MetricUnit, SubjectRecords
from trackway_server.tracking.domain.change_log import ChangeLog
from trackway_server.tracking.domain.console import ConsoleUnit
from trackway_server.tracking.domain.deletions import Deletions
from trackway_server.tracking.domain.logged_models import LoggedModels
from trackway_server.tracking.domain.model import (
    DatasetInput,
    Experiment,
    RefusedRecord,
    RunInfo,
    RunsQuery,
    UsedDataset,
    View,
)
from trackway_server.tracking.domain.model_deletions import ModelDeletions
from trackway_server.tracking.domain.search import FoundExperiment, FoundRun


class Bindings(Protocol):
    """The roles of principals on single experiments, within one transaction."""

    def role(self, experiment_id: int, principal: str) -> int:
        """A principal's role on an experiment; 0: none."""
        ...

    def role_in(self, workspace: str, principal: str) -> int:
        """The greatest of a principal's roles on experiments of a workspace; 0: it has none."""
        ...

    def page(self, experiment_id: int, after: str, limit: int) -> list[tuple[str, int]]:
        """Up to `limit` principals greater than `after`, with their roles on an experiment, in the order of code
        points."""
        ...

    def count(self, experiment_id: int) -> int:
        """How many principals have a role on an experiment."""
        ...

    def put(self, experiment_id: int, principal: str, role: int) -> None:
        """Give a principal a role on an experiment, in place of the one it has."""
        ...

    def drop(self, experiment_id: int, principal: str) -> bool:
        """Take a principal's role on an experiment away; False where it has none."""
        ...


class TrackingUnit(Protocol):
    """Experiments, runs and their metrics, within one transaction."""

    @property
    def metrics(self) -> MetricUnit:
        """The metrics of runs."""
        ...

    @property
    def changes(self) -> ChangeLog:
        """Which runs changed since when."""
        ...

    @property
    def model_deletions(self) -> ModelDeletions:
        """Which logged models go and have gone."""
        ...

    @property
    def deletions(self) -> Deletions:
        """What is noted of deleted runs."""
        ...

    @property
    def subjects(self) -> SubjectRecords:
        """The records of runs, see domain/records.py."""
        ...

    @property
    def bindings(self) -> Bindings:
        """The roles on single experiments."""
        ...

    @property
    def liveness(self) -> LivenessRows:
        """When runs were last heard."""
        ...

    def awaited(self, subject_ids: Sequence[str]) -> set[str]:
        """Those of the runs that are RUNNING and not deleted."""
        ...

    @property
    def console(self) -> ConsoleUnit:
        """The console output of runs, see domain/console.py."""
        ...

    @property
    def models(self) -> LoggedModels:
        """Logged models, and the edges between runs and them."""
        ...

    def experiment(self, experiment_id: int) -> Experiment | None:
        """An experiment, a deleted one too; in a write transaction it is locked until the end."""
        ...

    def experiment_by_name(self, workspace: str, name: str) -> Experiment | None:
        """An experiment, a deleted one too; in a write transaction it is locked until the end."""
        ...

    def search_experiments(
        self, workspace: str, view: View, search: Search, after: Place | None, limit: int, bound_to: str = ""
    ) -> list[FoundExperiment]:
        """Up to `limit` of the experiments that hold the search's term, in its order, after a place (None: from the
        start).

        `bound_to`: of those alone to which this principal is bound; empty: of all.
        """
        ...

    def add_experiment(self, workspace: str, name: str, tags: Mapping[str, str], now_us: int) -> Experiment:
        """Make an experiment; its id is greater than any before. The name must be free."""
        ...

    def save_experiment(self, experiment: Experiment) -> None:
        """Store name, lifecycle and update time."""
        ...

    def put_experiment_tags(self, experiment_id: int, tags: Mapping[str, str]) -> None:
        """Set tags."""
        ...

    def delete_experiment_tags(self, experiment_id: int, keys: Collection[str]) -> None:
        """Delete tags; absent ones are no matter."""
        ...

    def delete_runs_of(self, experiment_id: int) -> None:
        """Delete the active runs of an experiment softly, noting that it was with the experiment."""
        ...

    def restore_runs_of(self, experiment_id: int) -> None:
        """Restore the runs that were deleted with the experiment, but those whose purge has begun; they are no longer
        noted as deleted."""
        ...

    def run(self, run_id: str) -> RunInfo | None:
        """A run, a deleted one too; in a write transaction it is locked until the end."""
        ...

    def peek_run(self, run_id: str) -> RunInfo | None:
        """As `run`, without a lock: for who changes nothing of it."""
        ...

    def peek_runs(self, run_ids: Sequence[str]) -> dict[str, RunInfo]:
        """Some runs by id, deleted ones too, without locks; those that are not there are left out."""
        ...

    def add_run(self, run: RunInfo) -> None:
        """Store a new run."""
        ...

    def save_run(self, run: RunInfo) -> None:
        """Store a changed run."""
        ...

    def search_runs(self, query: RunsQuery, search: Search, after: Place | None, limit: int) -> list[FoundRun]:
        """Up to `limit` of the runs that hold the search's term, in its order, after a place (None: from the start).

        What each means is said by domain/search.py, SearchedRun, and core/search: evaluation.py, ordering.py.
        Of metrics it knows what is folded, of params those whose numbers are filled.
        """
        ...

    def has_unfilled_numbers(self) -> bool:
        """Whether there are params whose numbers are not noted: an older server has stored them."""
        ...

    def fill_numbers(self, limit: int) -> None:
        """Note the numbers of up to `limit` of them."""
        ...

    def text_sizes(self, run_ids: Sequence[str]) -> dict[str, int]:
        """How many characters the values of some runs' params, tags, data sets and models have together; runs without
        are left out."""
        ...

    def params(self, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """All params of some runs, by run and key; runs without are left out."""
        ...

    def params_of(self, run_id: str, keys: Collection[str]) -> dict[str, str]:
        """Those of a run's params that have these keys."""
        ...

    def add_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Store params that are not set yet."""
        ...

    def tags(self, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """All tags of some runs, by run and key; runs without are left out."""
        ...

    def tags_of(self, run_id: str, keys: Collection[str]) -> dict[str, str]:
        """Those of a run's tags that have these keys."""
        ...

    def put_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags."""
        ...

    def delete_tags(self, run_id: str, keys: Collection[str]) -> None:
        """Delete tags; absent ones are no matter."""
        ...

    def dataset_inputs(self, run_ids: Sequence[str]) -> dict[str, list[DatasetInput]]:
        """The data sets of some runs, by run, then name and digest; runs without are left out."""
        ...

    def add_dataset_inputs(self, run_id: str, inputs: Sequence[DatasetInput]) -> None:
        """Add data sets; where name and digest are there already, the old stays."""
        ...

    def used_datasets(self, query: RunsQuery, limit: int) -> list[UsedDataset]:
        """Up to `limit` of the different data sets of the runs that the query chooses, in their order."""
        ...

    def refusals(self, run_id: str) -> list[RefusedRecord]:
        """The records of a run that were refused, as far as kept, oldest first."""
        ...

    def add_refusals(self, run_id: str, refused: Sequence[RefusedRecord]) -> None:
        """Keep refused records."""
        ...
