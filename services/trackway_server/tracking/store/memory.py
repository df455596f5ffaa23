"""TrackingUnit over plain dictionaries: the reference adapter, for tests and for reading."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trackway_server.core.search.conditions import Search
from trackway_server.core.search.evaluation import holds
from trackway_server.core.search.ordering import Place, ordered, place_of
from trackway_server.metrics.domain.reading import SummarisedSeries, summarised
from trackway_server.metrics.store.liveness import LivenessState, MemoryLivenessRows
from trackway_server.metrics.store.memory import MemoryMetricUnit, MemoryTransactions, MetricState
from trackway_server.tracking.domain.change_log import NoChangeLog
from trackway_server.tracking.domain.deletions import Deletion, Stage
from trackway_server.tracking.domain.model import (
    DATASET_TEXTS,
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    DEFAULT_WORKSPACE,
    DatasetInput,
    Experiment,
    RefusedRecord,
    RunInfo,
    RunsQuery,
    RunStatus,
    UsedDataset,
    View,
)
from trackway_server.tracking.domain.records import RunRecords
from trackway_server.tracking.domain.runs import load_runs
from trackway_server.tracking.domain.search import FoundExperiment, FoundRun, SearchedExperiment, SearchedRun
from trackway_server.tracking.store.console_memory import MemoryConsoleUnit
from trackway_server.tracking.store.dataset_codec import encode_tags
from trackway_server.tracking.store.deletions_memory import MemoryDeletions
from trackway_server.tracking.store.logged_models_memory import MemoryLoggedModels, ModelState
from trackway_server.tracking.store.model_deletions_memory import MemoryModelDeletions


class MemoryTrackingUnit:
    """Experiments and runs in memory; it is its own state, which MemoryTransactions copies for each write."""

    def __init__(self) -> None:
        self._metric_state = MetricState()
        self._liveness_state = LivenessState()
        default = Experiment(DEFAULT_EXPERIMENT_ID, DEFAULT_WORKSPACE, DEFAULT_EXPERIMENT_NAME, False, 0, 0)
        self._experiments = {default.experiment_id: default}
        self._runs: dict[str, _StoredRun] = {}
        self._roles: dict[tuple[int, str], int] = {}
        self._noted: dict[str, Deletion] = {}
        self._models = ModelState()
        self.console = MemoryConsoleUnit()
        self.changes = NoChangeLog()

    @property
    def bindings(self) -> MemoryBindings:
        """See TrackingUnit."""
        return MemoryBindings(self._roles, self._experiments)

    @property
    def metrics(self) -> MemoryMetricUnit:
        """See TrackingUnit."""
        return MemoryMetricUnit(self._metric_state)

    @property
    def models(self) -> MemoryLoggedModels:
        """See TrackingUnit."""
        workspaces = {run_id: run.info.workspace for run_id, run in self._runs.items()}
        return MemoryLoggedModels(self._models, self.metrics, workspaces, self.bindings.role)

    @property
    def deletions(self) -> MemoryDeletions:
        """See TrackingUnit."""
        experiments = (self._abandoned_experiments, self._drop_experiment, self._doomed_experiments)
        return MemoryDeletions(self._noted, self._deleted_runs, self._drop_run, *experiments)

    @property
    def model_deletions(self) -> MemoryModelDeletions:
        """See TrackingUnit."""
        return MemoryModelDeletions(self._models, self._experiments)

    def _abandoned_experiments(self, before_us: int) -> list[int]:
        used = {run.info.experiment_id for run in self._runs.values()}
        used |= {model.experiment_id for model in self._models.infos.values()}
        return self._deleted_experiments(before_us, used)

    def _doomed_experiments(self, before_us: int, going: set[str]) -> int:
        used = {run.info.experiment_id for run_id, run in self._runs.items() if run_id not in going}
        return len(self._deleted_experiments(before_us, used))

    def _deleted_experiments(self, before_us: int, used: set[int]) -> list[int]:
        kept = used | {max(self._experiments)}
        known = sorted(self._experiments.items())
        return [
            number for number, one in known if one.deleted and one.update_time_us <= before_us and number not in kept
        ]

    def _drop_experiment(self, experiment_id: int) -> None:
        del self._experiments[experiment_id]
        for key in [key for key in self._roles if key[0] == experiment_id]:
            del self._roles[key]

    def _drop_run(self, run_id: str) -> None:
        self._runs.pop(run_id, None)
        self._models.inputs.pop(run_id, None)
        self._models.outputs.pop(run_id, None)

    def _deleted_runs(self) -> list[str]:
        return [run_id for run_id, run in self._runs.items() if run.info.deleted]

    @property
    def subjects(self) -> RunRecords:
        """See TrackingUnit."""
        return RunRecords(self)

    @property
    def liveness(self) -> MemoryLivenessRows:
        """See TrackingUnit."""
        return MemoryLivenessRows(self._liveness_state, self._metric_state)

    def awaited(self, subject_ids: Sequence[str]) -> set[str]:
        """See TrackingUnit."""
        found = [self._runs[one].info for one in subject_ids if one in self._runs]
        return {info.run_id for info in found if info.status is RunStatus.RUNNING and not info.deleted}

    def experiment(self, experiment_id: int) -> Experiment | None:
        """See TrackingUnit."""
        return self._experiments.get(experiment_id)

    def experiment_by_name(self, workspace: str, name: str) -> Experiment | None:
        """See TrackingUnit."""
        return next((e for e in self._experiments.values() if (e.workspace, e.name) == (workspace, name)), None)

    def search_experiments(
        self, workspace: str, view: View, search: Search, after: Place | None, limit: int, bound_to: str = ""
    ) -> list[FoundExperiment]:
        """See TrackingUnit."""
        found = [e for e in self._experiments.values() if e.workspace == workspace and _shown(e.deleted, view)]
        found = [e for e in found if not bound_to or (e.experiment_id, bound_to) in self._roles]
        searched = [SearchedExperiment(each) for each in found]
        chosen = [(place_of(search.orders, one), one) for one in searched if holds(search.term, one)]
        return [FoundExperiment(one.experiment, at) for at, one in ordered(chosen, search.orders, after)[:limit]]

    def add_experiment(self, workspace: str, name: str, tags: Mapping[str, str], now_us: int) -> Experiment:
        """See TrackingUnit."""
        number = max(self._experiments) + 1
        self._experiments[number] = Experiment(number, workspace, name, False, now_us, now_us, dict(tags))
        return self._experiments[number]

    def save_experiment(self, experiment: Experiment) -> None:
        """See TrackingUnit."""
        tags = self._experiments[experiment.experiment_id].tags
        self._experiments[experiment.experiment_id] = replace(experiment, tags=tags)

    def put_experiment_tags(self, experiment_id: int, tags: Mapping[str, str]) -> None:
        """See TrackingUnit."""
        old = self._experiments[experiment_id]
        self._experiments[experiment_id] = replace(old, tags=dict(old.tags) | dict(tags))

    def delete_experiment_tags(self, experiment_id: int, keys: Collection[str]) -> None:
        """See TrackingUnit."""
        old = self._experiments[experiment_id]
        kept = {key: value for key, value in old.tags.items() if key not in keys}
        self._experiments[experiment_id] = replace(old, tags=kept)

    def delete_runs_of(self, experiment_id: int) -> None:
        """See TrackingUnit."""
        for run in self._runs.values():
            if run.info.experiment_id == experiment_id and not run.info.deleted:
                run.info = replace(run.info, deleted=True, deleted_with_experiment=True)

    def restore_runs_of(self, experiment_id: int) -> None:
        """See TrackingUnit."""
        for run in self._runs.values():
            noted = self._noted.get(run.info.run_id)
            begun = noted is not None and noted.stage is not Stage.NOTED
            if run.info.experiment_id == experiment_id and run.info.deleted_with_experiment and not begun:
                self._noted.pop(run.info.run_id, None)
                run.info = replace(run.info, deleted=False, deleted_with_experiment=False)

    def run(self, run_id: str) -> RunInfo | None:
        """See TrackingUnit."""
        return self._runs[run_id].info if run_id in self._runs else None

    def peek_run(self, run_id: str) -> RunInfo | None:
        """See TrackingUnit."""
        return self.run(run_id)

    def peek_runs(self, run_ids: Sequence[str]) -> dict[str, RunInfo]:
        """See TrackingUnit."""
        return {run_id: self._runs[run_id].info for run_id in run_ids if run_id in self._runs}

    def add_run(self, run: RunInfo) -> None:
        """See TrackingUnit."""
        self._runs[run.run_id] = _StoredRun(run)

    def save_run(self, run: RunInfo) -> None:
        """See TrackingUnit."""
        self._runs[run.run_id].info = run

    def search_runs(self, query: RunsQuery, search: Search, after: Place | None, limit: int) -> list[FoundRun]:
        """See TrackingUnit."""
        found = [run.info for run in self._runs.values() if _chosen(run.info, query)]
        bound = query.bound_to
        found = [info for info in found if not bound or (info.experiment_id, bound) in self._roles]
        searched = [SearchedRun(run, self._series(run.info.run_id)) for run in load_runs(self, found)]
        chosen = [(place_of(search.orders, one), one) for one in searched if holds(search.term, one)]
        return [FoundRun(one.run.info, at) for at, one in ordered(chosen, search.orders, after)[:limit]]

    def _series(self, run_id: str) -> list[SummarisedSeries]:
        return summarised(self.metrics, self.metrics.series_of_subjects([run_id], None, 1_000_000))

    def has_unfilled_numbers(self) -> bool:
        """See TrackingUnit."""
        return False

    def fill_numbers(self, limit: int) -> None:
        """See TrackingUnit."""

    def text_sizes(self, run_ids: Sequence[str]) -> dict[str, int]:
        """See TrackingUnit."""
        inputs, outputs = self.models.inputs(run_ids), self.models.outputs(run_ids)
        sizes = {
            run_id: _text_size(self._runs[run_id])
            + sum(map(len, inputs.get(run_id, ())))
            + sum(len(one.model_id) for one in outputs.get(run_id, ()))
            for run_id in run_ids
        }
        return {run_id: size for run_id, size in sizes.items() if size}

    def params(self, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """See TrackingUnit."""
        return {run_id: dict(self._runs[run_id].params) for run_id in run_ids if self._runs[run_id].params}

    def params_of(self, run_id: str, keys: Collection[str]) -> dict[str, str]:
        """See TrackingUnit."""
        return {key: value for key, value in self._runs[run_id].params.items() if key in keys}

    def add_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """See TrackingUnit."""
        self._runs[run_id].params |= params

    def tags(self, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """See TrackingUnit."""
        return {run_id: dict(self._runs[run_id].tags) for run_id in run_ids if self._runs[run_id].tags}

    def tags_of(self, run_id: str, keys: Collection[str]) -> dict[str, str]:
        """See TrackingUnit."""
        return {key: value for key, value in self._runs[run_id].tags.items() if key in keys}

    def put_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """See TrackingUnit."""
        self._runs[run_id].tags |= tags

    def delete_tags(self, run_id: str, keys: Collection[str]) -> None:
        """See TrackingUnit."""
        for key in keys:
            self._runs[run_id].tags.pop(key, None)

    def dataset_inputs(self, run_ids: Sequence[str]) -> dict[str, list[DatasetInput]]:
        """See TrackingUnit."""
        stored = {run_id: self._runs[run_id].dataset_inputs for run_id in run_ids}
        return {run_id: [inputs[key] for key in sorted(inputs)] for run_id, inputs in stored.items() if inputs}

    def add_dataset_inputs(self, run_id: str, inputs: Sequence[DatasetInput]) -> None:
        """See TrackingUnit."""
        for one in inputs:
            self._runs[run_id].dataset_inputs.setdefault((one.name, one.digest), one)

    def used_datasets(self, query: RunsQuery, limit: int) -> list[UsedDataset]:
        """See TrackingUnit."""
        bound = query.bound_to
        chosen = [run for run in self._runs.values() if _chosen(run.info, query)]
        chosen = [run for run in chosen if not bound or (run.info.experiment_id, bound) in self._roles]
        found = {
            UsedDataset(run.info.experiment_id, one.name, one.digest, one.context)
            for run in chosen
            for one in run.dataset_inputs.values()
        }
        return sorted(found)[:limit]

    def refusals(self, run_id: str) -> list[RefusedRecord]:
        """See TrackingUnit."""
        return list(self._runs[run_id].refusals)

    def add_refusals(self, run_id: str, refused: Sequence[RefusedRecord]) -> None:
        """See TrackingUnit."""
        self._runs[run_id].refusals += refused


class MemoryBindings:
    """Bindings over a dictionary by experiment and principal."""

    def __init__(self, roles: dict[tuple[int, str], int], experiments: Mapping[int, Experiment]) -> None:
        self._roles = roles
        self._experiments = experiments

    def role(self, experiment_id: int, principal: str) -> int:
        """See Bindings."""
        return self._roles.get((experiment_id, principal), 0)

    def role_in(self, workspace: str, principal: str) -> int:
        """See Bindings."""
        roles = [
            role
            for (experiment_id, name), role in self._roles.items()
            if name == principal and self._experiments[experiment_id].workspace == workspace
        ]
        return max(roles, default=0)

    def page(self, experiment_id: int, after: str, limit: int) -> list[tuple[str, int]]:
        """See Bindings."""
        found = sorted((name, role) for (number, name), role in self._roles.items() if number == experiment_id)
        return [each for each in found if each[0] > after][:limit]

    def count(self, experiment_id: int) -> int:
        """See Bindings."""
        return sum(number == experiment_id for number, _ in self._roles)

    def put(self, experiment_id: int, principal: str, role: int) -> None:
        """See Bindings."""
        self._roles[experiment_id, principal] = role

    def drop(self, experiment_id: int, principal: str) -> bool:
        """See Bindings."""
        return self._roles.pop((experiment_id, principal), 0) > 0


class MemoryTracking(MemoryTransactions[MemoryTrackingUnit]):
    """Transactions[TrackingUnit] in memory, with the `Default` experiment."""

    def __init__(self) -> None:
        super().__init__(MemoryTrackingUnit())


@dataclass(slots=True)
class _StoredRun:
    info: RunInfo
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    dataset_inputs: dict[tuple[str, str], DatasetInput] = field(default_factory=dict)
    refusals: list[RefusedRecord] = field(default_factory=list)


def _shown(deleted: bool, view: View) -> bool:
    return view is View.ALL or deleted == (view is View.DELETED_ONLY)


def _chosen(run: RunInfo, query: RunsQuery) -> bool:
    return (
        run.workspace == query.workspace
        and (not query.experiment_ids or run.experiment_id in query.experiment_ids)
        and (not query.parent_run_id or run.parent_run_id == query.parent_run_id)
        and _shown(run.deleted, query.view)
    )


def _text_size(run: _StoredRun) -> int:
    texts = [*run.params.values(), *run.tags.values()]
    texts += [getattr(one, name) for one in run.dataset_inputs.values() for name in DATASET_TEXTS]
    texts += [encode_tags(one.tags) for one in run.dataset_inputs.values()]
    return sum(map(len, texts))
