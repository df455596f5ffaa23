"""Choosing the experiment of the runs that follow."""

from __future__ import annotations

from trackway._fluent import session
from trackway.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trackway.types import Experiment


class SelectedExperiment:
    """The experiment chosen by `set_experiment`. What the server knows of it is asked for when it is read."""

    __slots__ = ("_found", "_id", "_name")

    def __init__(self, name: str, experiment_id: str) -> None:
        self._name = name
        self._id = experiment_id
        self._found: Experiment | None = None

    @property
    def name(self) -> str:
        return self._name or self._experiment().name

    @property
    def experiment_id(self) -> str:
        """The id; a new experiment is made now. Raises Unavailable where no server is there to know it."""
        return self._id or self._experiment().experiment_id

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._experiment(), name)

    def __repr__(self) -> str:
        return f"<Experiment: {f'name={self._name!r}' if self._name else f'experiment_id={self._id!r}'}>"

    def _experiment(self) -> Experiment:
        if self._found is None:
            from trackway._fluent.reads import find_experiment

            self._found = find_experiment(self._name, self._id)
        return self._found


def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None) -> SelectedExperiment:
    """Choose the experiment of the runs that follow; by name, it is made where it does not exist.

    No server is asked: what it refuses (a deleted experiment, say) is reported when the run ends. Raises
    InvalidArgument unless exactly one of the two is given.
    """
    if bool(experiment_name) == bool(experiment_id):
        raise InvalidArgument("set_experiment takes exactly one of experiment_name and experiment_id")
    name, chosen_id = str(experiment_name or ""), str(experiment_id or "")
    if len(name) > 500 or not name.isprintable():
        raise InvalidArgument(
            f"the experiment name {name!r:.80} must have at most 500 characters, none of them control characters"
        )
    if chosen_id and not (chosen_id.isascii() and chosen_id.isdigit()):
        raise InvalidArgument(
            f"the experiment id {chosen_id!r:.80} must be a number; to choose by name, give experiment_name"
        )
    session.select_experiment(name, chosen_id)
    return SelectedExperiment(name, chosen_id)
