"""The logged model that this thread's metrics are about. It is loaded with the functions that log."""

from __future__ import annotations

import os
from _thread import _local

from trackway.errors import InvalidArgument

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


def measured(
    context: Mapping[str, Any] | None, model_id: str | None, dataset: Any, model: Any = None
) -> Mapping[str, Any] | None:
    """The context of a metric, with the model it is about, by default the active one, and the data set.

    Raises InvalidArgument for what is no model or data set, and where two models are named.
    """
    if model_id is None and model is None and dataset is None and not _used:
        return context
    if model_id and model is not None:
        raise InvalidArgument("give model or model_id, not both: they are the same thing")
    about = model_id or model
    if about is None:
        about = active_model_id()
    if about is None and dataset is None:
        return context
    from trackway._fluent.model_checks import measured_on

    return {**(context or {}), **measured_on(about, dataset)}
