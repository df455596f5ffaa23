"""ModelDeletions over plain dictionaries: the reference adapter. What each promises: domain/model_deletions.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trackway_server.tracking.domain.model import Experiment
from trackway_server.tracking.store.logged_models_memory import ModelState


class MemoryModelDeletions:
    """Which logged models go and have gone, over the models' state."""

    def __init__(self, state: ModelState, experiments: Mapping[int, Experiment]) -> None:
        self._state = state
        self._experiments = experiments

    def due(self, before_us: int, after: str, limit: int) -> list[str]:
        """See ModelDeletions."""
        found = [
            model_id
            for model_id, model in sorted(self._state.infos.items())
            if model_id > after
            and any(
                one.deleted and one.update_time_us <= before_us
                for one in (model, self._experiments[model.experiment_id])
            )
        ]
        return found[:limit]

    def doomed(self, model_ids: Sequence[str], before_us: int | None) -> set[str]:
        """See ModelDeletions."""
        due = [] if before_us is None else self.due(before_us, "", len(self._state.infos))
        return (self._state.gone | set(due)).intersection(model_ids)

    def drop(self, model_ids: Sequence[str], before_us: int) -> list[str]:
        """See ModelDeletions."""
        going = sorted(set(self.due(before_us, "", len(self._state.infos))).intersection(model_ids))
        for model_id in going:
            for known in (self._state.infos, self._state.params, self._state.tags):
                known.pop(model_id, None)
        self._state.gone.update(going)
        return going
