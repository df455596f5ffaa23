"""Logged models, by MLflow's functions. They ask the server at once; metrics, inputs and outputs go the way of the
run's records. Every read first sends what this process logged."""

from __future__ import annotations

from itertools import islice

from trackway._fluent import active_model, reads, session
from trackway._fluent.open_runs import flush_open_runs
from trackway._fluent.stack import active_run, current_run
from trackway.errors import InvalidArgument, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Any, Literal

    import pandas as pd

    from trackway._sync.logged_models import LoggedModels
    from trackway.flavors.model import ModelInfo
    from trackway.logged_model import LoggedModel
    from trackway.types import LoggedModelOutput, LoggedModelStatus

EXTERNAL_TAG = "mlflow.model.isExternal"
_STATUSES: dict[str, LoggedModelStatus] = {
    "PENDING": "PENDING",
    "READY": "READY",
    "FAILED": "UPLOAD_FAILED",
    "UPLOAD_FAILED": "UPLOAD_FAILED",
}
_PAGE = 1000


def initialize_logged_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Make a logged model, PENDING, of the active run and its experiment where nothing else is said.

    Without a name it gets one. Raises NotFound where there is no such experiment.
    """
    run = active_run()
    source = source_run_id or (run.info.run_id if run is not None else None)
    if experiment_id is None:
        experiment_id = run.info.experiment_id if run is not None else reads.selected_experiment_id()
    made = _models().create(
        str(experiment_id), name=name, model_type=model_type, source_run_id=source, params=params, tags=tags
    )
    active_model.note(made.model_id)
    return made


def create_external_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Make a logged model whose files are somewhere else: READY at once. Otherwise as `initialize_logged_model`."""
    marked = {**(tags or {}), EXTERNAL_TAG: "true"}
    made = initialize_logged_model(name, source_run_id, marked, params, model_type, experiment_id)
    return _models().finalize(made.model_id, "READY")


def log_model_params(params: Mapping[str, Any], model_id: str | None = None) -> None:
    """Set params of a model, by default the active one, each for ever. Raises FailedPrecondition where one has another
    value already, and sets none."""
    chosen = model_id or active_model.active_model_id()
    if chosen is None:
        raise InvalidArgument("there is no active model: give model_id, or choose one with set_active_model")
    _models().log_params(chosen, params)


def finalize_logged_model(model_id: str, status: str) -> LoggedModel:
    """Say how the making of a model ended: READY or FAILED."""
    return _models().finalize(model_id, status_of(status))


def get_logged_model(model_id: str) -> LoggedModel:
    """A model as the server has it, with the last points of its metrics. Raises NotFound, also for a deleted one."""
    found = _read().get(model_id)
    if found.lifecycle_stage == "deleted":
        raise NotFound(f"the logged model {model_id} is deleted")
    return found


def last_logged_model() -> LoggedModel | None:
    """The model that this thread made last, or None."""
    model_id = active_model.last_model_id()
    return None if model_id is None else get_logged_model(model_id)


def search_logged_models(
    experiment_ids: Iterable[str] | None = None,
    filter_string: str | None = None,
    datasets: Sequence[Mapping[str, str]] | None = None,
    max_results: int | None = None,
    order_by: Sequence[Mapping[str, Any]] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
) -> pd.DataFrame | list[LoggedModel]:
    """The models that a filter chooses, as a DataFrame or as a list.

    Without experiments, those of the chosen one (`set_experiment`). `datasets` (`{"dataset_name": …}`, maybe with
    `dataset_digest`) has metrics count only where they were measured on one of them. A term of `order_by` is
    `{"field_name": "metrics.loss", "ascending": False}`, maybe with a data set, or a text. Raises InvalidArgument
    where something is not understood.
    """
    if output_format not in ("pandas", "list"):
        raise InvalidArgument(f"output_format must be 'pandas' or 'list', not {output_format!r}")
    ids = [reads.selected_experiment_id()] if experiment_ids is None else [str(each) for each in experiment_ids]
    found = find_models(_read(), ids, filter_string, datasets, max_results, order_by)
    return found if output_format == "list" else _frame(found)


def set_logged_model_tags(model_id: str, tags: Mapping[str, Any]) -> None:
    """Set tags of a model."""
    _models().update_tags(model_id, set_tags=tags)


def delete_logged_model_tag(model_id: str, key: str) -> None:
    """Delete a tag of a model. Raises NotFound where it is not there."""
    _models().update_tags(model_id, delete_tags=[key])


def log_outputs(
    models: Sequence[LoggedModelOutput | LoggedModel | ModelInfo | str] | None = None, *, step: int | None = None
) -> None:
    """Note logged models that the active run makes, at the step that each says, or at `step`. A run is begun where
    there is none. What `log_model` logged is noted already. Raises InvalidArgument for what is no logged model."""
    current_run().log_outputs(models or (), step)


def set_active_model(*, name: str | None = None, model_id: str | None = None) -> ActiveModel:
    """Choose the model that this thread's metrics are about, for good or as a context manager.

    By name it is the newest of the chosen experiment; one that is not there is made, as an external one. Raises
    NotFound for an id that is none.
    """
    if (name is None) == (model_id is None):
        raise InvalidArgument("name one model: give either name or model_id")
    if model_id is not None:
        return ActiveModel(get_logged_model(model_id))
    quoted = str(name).replace("'", "''")
    found = find_models(_read(), [reads.selected_experiment_id()], f"name = '{quoted}'", None, 1, None)
    return ActiveModel(found[0] if found else create_external_model(name))


def get_active_model_id() -> str | None:
    """The id of the model that this thread's metrics are about, or None."""
    return active_model.active_model_id()


def clear_active_model() -> None:
    """Have this thread's metrics be about no model."""
    active_model.activate(None)


class ActiveModel:
    """The active model; `with` it, until the end of the block. It has what a LoggedModel has."""

    def __init__(self, model: LoggedModel) -> None:
        self._model = model
        self._before = active_model.active_model_id()
        active_model.activate(model.model_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __enter__(self) -> ActiveModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        active_model.activate(self._before)

    def __repr__(self) -> str:
        return f"<ActiveModel: {self._model.model_id} {self._model.name!r}>"


def status_of(status: object) -> LoggedModelStatus:
    """MLflow's word for a state. Raises InvalidArgument."""
    word = str(getattr(status, "value", status))
    if word not in _STATUSES:
        raise InvalidArgument(f"{status!r} is no status of a model: write READY or FAILED")
    return _STATUSES[word]


def find_models(
    models: LoggedModels,
    experiment_ids: Sequence[str],
    filter_string: str | None,
    datasets: Sequence[Mapping[str, str]] | None,
    max_results: int | None,
    order_by: Sequence[str | Mapping[str, Any]] | None,
) -> list[LoggedModel]:
    """At most `max_results` models of the experiments."""
    found = models.search(
        experiment_ids,
        filter=filter_string or "",
        datasets=datasets or (),
        order_by=order_by or (),
        page_size=max(1, min(max_results or _PAGE, _PAGE)),
    )
    return list(islice(found, max_results))


def _models() -> LoggedModels:
    return session.server().logged_models


def _read() -> LoggedModels:
    flush_open_runs()
    return _models()


def _frame(models: Sequence[LoggedModel]) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError:
        raise InvalidArgument(
            "search_logged_models needs pandas for a DataFrame: pip install pandas, or output_format='list'"
        ) from None
    names = (
        *("experiment_id", "model_id", "name", "model_type", "source_run_id", "status", "status_message"),
        *("creation_timestamp", "last_updated_timestamp", "params", "tags", "metrics"),
    )
    return pd.DataFrame([{name: getattr(model, name) for name in names} for model in models], columns=names)
