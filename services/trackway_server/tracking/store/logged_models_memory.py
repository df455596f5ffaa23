"""LoggedModels over plain dictionaries: the reference adapter. What each method promises: domain/logged_models.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from trackway_server.core.search.conditions import Search
from trackway_server.core.search.evaluation import holds
from trackway_server.core.search.ordering import Place, ordered, place_of
from trackway_server.metrics.domain.ports import MetricUnit, Series
from trackway_server.metrics.domain.reading import SummarisedSeries, summarised
from trackway_server.metrics.domain.records import context_digest
from trackway_server.tracking.domain.logged_model_search import SearchedModel
from trackway_server.tracking.domain.logged_models import FoundModel, LoggedModel, ModelInfo, ModelsQuery, measured
from trackway_server.tracking.domain.model import ModelOutput, View


@dataclass(slots=True)
class ModelState:
    """All that is stored."""

    infos: dict[str, ModelInfo] = field(default_factory=dict)
    params: dict[str, dict[str, str]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    inputs: dict[str, set[str]] = field(default_factory=dict)
    outputs: dict[str, set[ModelOutput]] = field(default_factory=dict)


class MemoryLoggedModels:
    """Logged models over a state. `workspaces` answers the runs' workspaces by run, `bound` whether a principal has a
    role on an experiment."""

    def __init__(
        self,
        state: ModelState,
        metrics: MetricUnit,
        workspaces: Mapping[str, str],
        bound: Callable[[int, str], int],
    ) -> None:
        self._state = state
        self._metrics = metrics
        self._workspaces = workspaces
        self._bound = bound

    def get(self, model_id: str) -> ModelInfo | None:
        """See LoggedModels."""
        return self._state.infos.get(model_id)

    def add(self, model: ModelInfo) -> None:
        """See LoggedModels."""
        self._state.infos[model.model_id] = model

    def save(self, model: ModelInfo) -> None:
        """See LoggedModels."""
        self._state.infos[model.model_id] = model

    def search(self, query: ModelsQuery, search: Search, after: Place | None, limit: int) -> list[FoundModel]:
        """See LoggedModels."""
        infos = [info for info in self._state.infos.values() if self._chosen(info, query)]
        searched = [SearchedModel(model) for model in self._loaded(query.workspace, infos)]
        chosen = [(place_of(search.orders, one), one) for one in searched if holds(search.term, one)]
        return [FoundModel(one.model.info, at) for at, one in ordered(chosen, search.orders, after)[:limit]]

    def _chosen(self, info: ModelInfo, query: ModelsQuery) -> bool:
        return (
            info.workspace == query.workspace
            and (not query.experiment_ids or info.experiment_id in query.experiment_ids)
            and (query.view is View.ALL or info.deleted == (query.view is View.DELETED_ONLY))
            and (not query.bound_to or self._bound(info.experiment_id, query.bound_to) > 0)
        )

    def _loaded(self, workspace: str, infos: Sequence[ModelInfo]) -> list[LoggedModel]:
        found = summarised(self._metrics, self.series(workspace, [info.model_id for info in infos], 1_000_000))
        metrics: dict[str, list[SummarisedSeries]] = {}
        for one in found:
            on = measured(one.context)
            metrics.setdefault(on.model_id if on else "", []).append(one)
        return [
            LoggedModel(
                info,
                self._state.params.get(info.model_id, {}),
                self._state.tags.get(info.model_id, {}),
                metrics.get(info.model_id, ()),
            )
            for info in infos
        ]

    def text_sizes(self, model_ids: Sequence[str]) -> dict[str, int]:
        """See LoggedModels."""
        texts = {
            one: [*self._state.params.get(one, {}).values(), *self._state.tags.get(one, {}).values()]
            for one in model_ids
        }
        return {one: size for one, values in texts.items() if (size := sum(map(len, values)))}

    def params(self, model_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """See LoggedModels."""
        return {one: dict(found) for one in model_ids if (found := self._state.params.get(one))}

    def add_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """See LoggedModels."""
        self._state.params.setdefault(model_id, {}).update(params)

    def tags(self, model_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """See LoggedModels."""
        return {one: dict(found) for one in model_ids if (found := self._state.tags.get(one))}

    def put_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        """See LoggedModels."""
        self._state.tags.setdefault(model_id, {}).update(tags)

    def delete_tags(self, model_id: str, keys: Collection[str]) -> None:
        """See LoggedModels."""
        for key in keys:
            self._state.tags.get(model_id, {}).pop(key, None)

    def series(self, workspace: str, model_ids: Sequence[str], limit: int) -> list[Series]:
        """See LoggedModels."""
        run_ids = [run_id for run_id, of_run in self._workspaces.items() if of_run == workspace]
        found = []
        for one in self._metrics.series_of_subjects(run_ids, None, 1_000_000):
            on = measured(one.context)
            if on is not None and on.model_id in model_ids:
                found.append((on.model_id, one.key, one.subject_id, context_digest(one.context), one))
        return [each[-1] for each in sorted(found, key=lambda each: each[:4])][:limit]

    def series_of_runs(self, run_ids: Sequence[str], limit: int) -> list[Series]:
        """See LoggedModels."""
        found = self._metrics.series_of_subjects(run_ids, None, 1_000_000)
        return [one for one in found if measured(one.context) is not None][:limit]

    def inputs(self, run_ids: Sequence[str]) -> dict[str, list[str]]:
        """See LoggedModels."""
        return {run_id: sorted(found) for run_id in run_ids if (found := self._state.inputs.get(run_id))}

    def outputs(self, run_ids: Sequence[str]) -> dict[str, list[ModelOutput]]:
        """See LoggedModels."""
        return {
            run_id: sorted(found, key=lambda one: (one.step, one.model_id))
            for run_id in run_ids
            if (found := self._state.outputs.get(run_id))
        }

    def add_inputs(self, run_id: str, model_ids: Sequence[str]) -> None:
        """See LoggedModels."""
        self._state.inputs.setdefault(run_id, set()).update(model_ids)

    def add_outputs(self, run_id: str, outputs: Sequence[ModelOutput]) -> None:
        """See LoggedModels."""
        self._state.outputs.setdefault(run_id, set()).update(outputs)
