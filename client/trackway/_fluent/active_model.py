"""The logged model that this thread's metrics are about. It is loaded with the functions that log."""

from __future__ import annotations

import os
from _thread import _local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_threads = _local()
_used = bool(os.environ.get("TRACKWAY_ACTIVE_MODEL_ID") or os.environ.get("MLFLOW_ACTIVE_MODEL_ID"))
"""Whether there has been an active model: the others need not look."""


def active_model_id() -> str | None:
    """The id of the thread's active model, at first that of `TRACKWAY_ACTIVE_MODEL_ID` or `MLFLOW_ACTIVE_MODEL_ID`."""
    if not _used:
        return None
    try:
        return _threads.active  # type: ignore[no-any-return]
    except AttributeError:
        return os.environ.get("TRACKWAY_ACTIVE_MODEL_ID") or os.environ.get("MLFLOW_ACTIVE_MODEL_ID") or None


def activate(model_id: str | None) -> None:
    """Choose the thread's active model; None: none."""
    global _used  # noqa: PLW0603 it is what keeps log_metric fast
    _used = True
    _threads.active = model_id


def note(model_id: str) -> None:
    """Remember the model that this thread made last."""
    _threads.last = model_id


def last_model_id() -> str | None:
    """The id of the model that this thread made last."""
    return getattr(_threads, "last", None)


def measured(context: Mapping[str, Any] | None, model_id: str | None, dataset: Any) -> Mapping[str, Any] | None:
    """The context of a metric, with the model it is about, by default the active one, and the data set."""
    if model_id is None and dataset is None and not _used:
        return context
    about = model_id or active_model_id()
    if about is None and dataset is None:
        return context
    more = {} if about is None else {"model_id": about}
    if dataset is not None:
        form = dataset.to_dict()
        more |= {"dataset_name": form["name"], "dataset_digest": form["digest"]}
    return {**(context or {}), **more}
