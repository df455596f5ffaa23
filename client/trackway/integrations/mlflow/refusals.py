"""Trackway's errors as MLflow's users expect them: `MlflowException` with MLflow's code."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2

from trackway import errors

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=type)

CODES: Mapping[type[errors.TrackwayError], str] = {
    errors.InvalidArgument: "INVALID_PARAMETER_VALUE",
    errors.NotFound: "RESOURCE_DOES_NOT_EXIST",
    errors.AlreadyExists: "RESOURCE_ALREADY_EXISTS",
    errors.FailedPrecondition: "INVALID_PARAMETER_VALUE",
    errors.Conflict: "ABORTED",
    errors.PermissionDenied: "PERMISSION_DENIED",
    errors.Unauthenticated: "UNAUTHENTICATED",
    errors.ResourceExhausted: "RESOURCE_EXHAUSTED",
    errors.Unavailable: "TEMPORARILY_UNAVAILABLE",
    errors.DeadlineExceeded: "DEADLINE_EXCEEDED",
    errors.Cancelled: "CANCELLED",
    errors.DataLoss: "DATA_LOSS",
    errors.Unsupported: "NOT_IMPLEMENTED",
    errors.Internal: "INTERNAL_ERROR",
}
"""The codes that MLflow's own server answers in the same places, by class of error."""


def refusal(error: errors.TrackwayError) -> MlflowException:
    """The exception to raise for an error."""
    if error.reason == "INVALID_FIELD" and error.metadata.get("field") == "run_id":
        return MlflowException(error.message, databricks_pb2.RESOURCE_DOES_NOT_EXIST)
    code = next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), "INTERNAL_ERROR")
    return MlflowException(error.message, getattr(databricks_pb2, code))


def invalid(message: str) -> MlflowException:
    """INVALID_PARAMETER_VALUE."""
    return MlflowException(message, databricks_pb2.INVALID_PARAMETER_VALUE)


def not_implemented(message: str) -> MlflowException:
    """NOT_IMPLEMENTED, for what MLflow has and a Trackway server does not."""
    return MlflowException(message, databricks_pb2.NOT_IMPLEMENTED)


def raises_mlflow(kind: C) -> C:
    """Have the methods that a class itself defines raise MlflowException for errors of Trackway's, and for values that
    cannot be recorded."""
    for name, method in list(vars(kind).items()):
        if inspect.isfunction(method) and not name.startswith("__"):
            setattr(kind, name, _translated(method))
    return kind


def _translated(method: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except errors.TrackwayError as error:
            raise refusal(error) from error
        except (TypeError, ValueError) as error:
            if not _is_ours(error):
                raise
            raise invalid(str(error)) from error

    return wrapper


def _is_ours(error: BaseException) -> bool:
    """Whether the recording side refused a value; any other TypeError is a defect, and stays one."""
    trace: Any = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = str(trace.tb_frame.f_globals.get("__name__")) if trace is not None else ""
    return module.startswith(("trackway._ingest.", "trackway._fluent."))
