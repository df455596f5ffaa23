"""Experiments and runs as the server has them. Every read first sends what this process logged."""

from __future__ import annotations

from itertools import islice

from trackway._fluent import context, session
from trackway._fluent.open_runs import flush_open_runs
from trackway.errors import AlreadyExists, InvalidArgument, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, Literal

    import pandas as pd

    from trackway.series import MetricSeries, MetricUpdate
    from trackway.types import Experiment, Run, RunComparison, View

_VIEWS: dict[object, View] = {
    1: "active",
    2: "deleted",
    3: "all",
    "ACTIVE_ONLY": "active",
    "DELETED_ONLY": "deleted",
    "ALL": "all",
    "active": "active",
    "deleted": "deleted",
    "all": "all",
}
_PAGE = 1000


def view_of(view_type: object) -> View:
    """The facade's word for an MLflow `ViewType`. Raises InvalidArgument."""
    if view_type not in _VIEWS:
        raise InvalidArgument(f"{view_type!r} is no view: give ViewType.ACTIVE_ONLY, DELETED_ONLY or ALL")
    return _VIEWS[view_type]


def get_run(run_id: str) -> Run:
    """A run as the server has it, a deleted one too, after what was logged here has reached it. Raises NotFound."""
    flush_open_runs()
    return session.server().tracking.get_run(run_id)


def metric_history(run_id: str, key: str, context: Mapping[str, Any] | None = None) -> list[MetricSeries]:
    """The points of a metric as numpy columns, one entry for each context and writer. Raises NotFound."""
    flush_open_runs()
    chosen = None if context is None else {str(name): str(value) for name, value in context.items()}
    return session.server().tracking.read_series(run_id, key, context=chosen)


def follow(run_id: str, key: str | None, *, until_end: bool) -> Iterator[MetricUpdate]:
    """The points of a metric (None: of all) as they are stored."""
    flush_open_runs()
    return session.server().tracking.follow(run_id, key, until_end=until_end)


def get_parent_run(run_id: str) -> Run | None:
    """The run that a run is nested in, or None. Raises NotFound."""
    parent = get_run(run_id).data.tags.get(context.PARENT_RUN_ID)
    return get_run(parent) if parent else None


def delete_run(run_id: str) -> None:
    """Delete a run softly: `restore_run` undoes it."""
    flush_open_runs()
    session.server().tracking.delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Undo `delete_run`."""
    session.server().tracking.restore_run(run_id)


def search_runs(
    experiment_ids: Iterable[str] | None = None,
    filter_string: str = "",
    run_view_type: object = 1,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Iterable[str] | None = None,
) -> pd.DataFrame | list[Run]:
    """The runs that a filter chooses, as a DataFrame with MLflow's columns or as a list.

    Without experiments, those of the chosen one (`set_experiment`). Filters and orders are MLflow's and more: the
    README has the language. Raises InvalidArgument where one is not understood, with the place.
    """
    if output_format not in ("pandas", "list"):
        raise InvalidArgument(f"output_format must be 'pandas' or 'list', not {output_format!r}")
    ids = [] if search_all_experiments else _experiment_ids(experiment_ids, experiment_names)
    runs = find_runs(ids, filter_string, order_by, view_of(run_view_type), max_results)
    return _frame(runs) if output_format == "pandas" else runs


def find_runs(
    experiment_ids: Sequence[str],
    filter_string: str | None,
    order_by: Sequence[str] | None,
    view: View,
    max_results: int,
) -> list[Run]:
    """At most `max_results` runs of the experiments (of all where none is named)."""
    flush_open_runs()
    found = session.server().tracking.search_runs(
        experiment_ids,
        filter=filter_string or "",
        order_by=order_by or (),
        view=view,
        page_size=max(1, min(max_results, _PAGE)),
    )
    return list(islice(found, max_results))


def compare_runs(
    run_ids: Iterable[str],
    *,
    only_differing: bool = False,
    any_context: bool = False,
    output_format: Literal["pandas", "list"] = "pandas",
) -> pd.DataFrame | RunComparison:
    """At most 100 runs beside one another, as a DataFrame (a row for each param, tag and metric, a column for each run)
    or, with `output_format="list"`, as a `RunComparison`, which has the whole summaries of metrics.

    `only_differing` leaves out what all have the same, `any_context` adds series with a context (ranks, subsets).
    Raises NotFound with the first run that is not there for you.
    """
    if output_format not in ("pandas", "list"):
        raise InvalidArgument(f"output_format must be 'pandas' or 'list', not {output_format!r}")
    flush_open_runs()
    found = session.server().tracking.compare_runs(run_ids, only_differing=only_differing, any_context=any_context)
    return found.to_pandas() if output_format == "pandas" else found


def _experiment_ids(ids: Iterable[str] | None, names: Iterable[str] | None) -> list[str]:
    if ids is not None and names is not None:
        raise InvalidArgument("give experiment_ids or experiment_names, not both")
    if names is not None:
        return [session.server().tracking.get_experiment(name=name).experiment_id for name in names]
    if ids is not None:
        return [str(each) for each in ([ids] if isinstance(ids, str) else ids)]
    return [selected_experiment_id()]


def selected_experiment_id() -> str:
    """The id of the chosen experiment; one that is named and not there is made."""
    flush_open_runs()
    name, chosen_id = session.selected_experiment()
    return chosen_id or (find_experiment(name, "").experiment_id if name else "0")


def _frame(runs: Sequence[Run]) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError:
        raise InvalidArgument(
            "search_runs needs pandas for a DataFrame: pip install pandas, or output_format='list'"
        ) from None
    return pd.DataFrame(
        [_row(pd, run) for run in runs], columns=None if runs else ["run_id", "experiment_id", "status"]
    )


def _row(pd: Any, run: Run) -> dict[str, Any]:
    info = run.info
    times = {name: pd.to_datetime(getattr(info, name), unit="ms", utc=True) for name in ("start_time", "end_time")}
    row = {"run_id": info.run_id, "experiment_id": info.experiment_id, "status": info.status}
    row |= {"artifact_uri": info.artifact_uri, **times}
    for kind in ("metrics", "params", "tags"):
        row |= {f"{kind}.{key}": value for key, value in getattr(run.data, kind).items()}
    return row


# -- experiments ------------------------------------------------------------------------------------------------------


def create_experiment(name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None) -> str:
    """Make an experiment and answer its id. Raises AlreadyExists where the name is taken, by a deleted one too."""
    check_no_location(artifact_location)
    return session.server().tracking.create_experiment(name, tags=tags).experiment_id


def check_no_location(artifact_location: str | None) -> None:
    """Raises InvalidArgument where a place of artifacts is named."""
    if artifact_location:
        raise InvalidArgument("artifact_location is not supported: the server keeps artifacts itself; leave it out")


def get_experiment(experiment_id: str) -> Experiment:
    """An experiment by id, a deleted one too. Raises NotFound."""
    flush_open_runs()
    return session.server().tracking.get_experiment(str(experiment_id))


def get_experiment_by_name(name: str) -> Experiment | None:
    """An experiment by name, a deleted one too; None where there is none."""
    flush_open_runs()
    try:
        return session.server().tracking.get_experiment(name=name)
    except NotFound:
        return None


def find_experiment(name: str, experiment_id: str) -> Experiment:
    """The experiment with this id, or with this name; by name, one that is not there is made."""
    if experiment_id:
        return get_experiment(experiment_id)
    found = get_experiment_by_name(name)
    if found is not None:
        return found
    try:
        return session.server().tracking.create_experiment(name)
    except AlreadyExists:  # another process was faster
        return session.server().tracking.get_experiment(name=name)


def search_experiments(
    view_type: object = 1,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """The experiments that a filter chooses, newest first where `order_by` does not say otherwise.

    Raises InvalidArgument where the filter is not understood, with the place.
    """
    flush_open_runs()
    found = session.server().tracking.search_experiments(
        filter_string or "", order_by=order_by or (), view=view_of(view_type), page_size=_PAGE
    )
    return list(islice(found, max_results))


def delete_experiment(experiment_id: str) -> None:
    """Delete an experiment and its runs softly: `restore_experiment` undoes it."""
    session.server().tracking.delete_experiment(experiment_id)


def restore_experiment(experiment_id: str) -> None:
    """Undo `delete_experiment`."""
    session.server().tracking.restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the chosen experiment."""
    set_experiment_tags({key: value})


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the chosen experiment."""
    texts = {key: str(tags[key]) for key in tags}
    session.server().tracking.update_experiment(selected_experiment_id(), set_tags=texts)


def delete_experiment_tag(key: str) -> None:
    """Delete a tag of the chosen experiment. Raises NotFound where it is not there."""
    session.server().tracking.update_experiment(selected_experiment_id(), delete_tags=[key])
