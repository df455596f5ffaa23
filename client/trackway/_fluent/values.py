"""Log metrics, params, tags and data sets to the active run. One is begun where there is none."""

from __future__ import annotations

from trackway._fluent.active_model import measured
from trackway._fluent.open_runs import flush_open_runs
from trackway._fluent.stack import current_run, run_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trackway.data import Dataset
    from trackway.flavors.model import ModelInfo
    from trackway.logged_model import LoggedModel
    from trackway.types import LoggedModelInput


def log_metric(
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Dataset | None = None,
    *,
    model: LoggedModel | ModelInfo | None = None,
    context: Mapping[str, Any] | None = None,
) -> None:
    """Log one point of a metric.

    `step` may be any 64-bit integer, in any order; without it the series counts its own from 0. `timestamp` is in
    milliseconds since 1970, by default now. `context` tells apart series of one key: `{"rank": "3"}`,
    `{"subset": "test"}`. `synchronous` is MLflow's and makes no difference: what this has returned from survives
    `kill -9`. `model` is the logged model it is about, as `log_model` answered it, or `model_id` its id (by default
    `set_active_model`'s), `dataset` the data it was measured on: both go into the context. Raises ValueError for a key
    that no server takes, TypeError for a value that is no number, InvalidArgument for what is no model or data set.
    """
    run = current_run() if run_id is None else run_of(run_id)
    run.log_metric(key, value, step, timestamp, measured(context, model_id, dataset, model))


def log_metrics(
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Dataset | None = None,
    *,
    model: LoggedModel | ModelInfo | None = None,
    context: Mapping[str, Any] | None = None,
) -> None:
    """Log one point each of several metrics at one step, together or not at all. Otherwise as `log_metric`."""
    run_of(run_id).log_metrics(metrics, step, timestamp, measured(context, model_id, dataset, model))


def log_series(
    key: str,
    steps: Any,
    values: Any,
    times: Any = None,
    *,
    context: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    model: LoggedModel | ModelInfo | None = None,
    dataset: Dataset | None = None,
) -> None:
    """Log many points of one metric in one call: lists, arrays of numpy or tensors on the CPU, of equal length.

    `steps` are integers in any order; None goes on with the series' own count. `times` are milliseconds since 1970 or
    numpy's `datetime64`; None is now for all. `model` and `dataset` are as in `log_metric`. Raises TypeError or
    ValueError for what does not fit.
    """
    run_of(run_id).log_series(key, steps, values, times, measured(context, None, dataset, model))


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Set a param, for ever, as text, and answer the value. Raises InvalidArgument where it has another one already."""
    current_run().log_params({key: value})
    return value


def log_params(params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None) -> None:
    """Set params, each for ever, as text. Raises InvalidArgument where one has another value already, and sets none."""
    run_of(run_id).log_params(params)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> None:
    """Set a tag, as text; the last value wins."""
    current_run().set_tags({key: value})


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> None:
    """Set tags, as text; the last value of each wins."""
    current_run().set_tags(tags)


def delete_tag(key: str) -> None:
    """Delete a tag; one that is not there is no error."""
    current_run().delete_tag(key)


def log_input(
    dataset: Dataset | None = None,
    context: str | None = None,
    tags: Mapping[str, str] | None = None,
    model: LoggedModelInput | LoggedModel | str | None = None,
) -> None:
    """Note that the run reads a data set (of `trackway.data`), what for (`training`, `validation`, …), and what else is
    to be said of that; or that it reads a logged model, or both. Raises InvalidArgument where neither is given."""
    current_run().log_input(dataset, context, tags, model)


def log_inputs(
    datasets: Sequence[Dataset | None] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, str] | None] | None = None,
    models: Sequence[LoggedModelInput | LoggedModel | str | None] | None = None,
) -> None:
    """`log_input` for several data sets; `models` are logged models that the run reads. Raises InvalidArgument where
    the lists are not of one length; then nothing is noted."""
    current_run().log_inputs(datasets, contexts, tags_list, models)


def log_dataset(
    name: str,
    digest: str,
    *,
    source_type: str = "",
    source: str = "",
    schema: str = "",
    profile: str = "",
    context: str = "",
    tags: Mapping[str, Any] | None = None,
) -> None:
    """Note that the run reads a data set: its name and a digest of its content; `schema` and `profile` are JSON."""
    form = {"source_type": source_type, "source": source, "schema": schema, "profile": profile}
    current_run().log_dataset(name, digest, **form, context=context, tags=tags)


def flush(timeout: float = 60.0) -> None:
    """Wait until the server has what this process logged to its open runs, at most `timeout` seconds in all.

    Not needed for safety: what was logged is on disk already.
    """
    flush_open_runs(timeout)


def flush_async_logging() -> None:
    """MLflow's name of `flush`."""
    flush_open_runs()
