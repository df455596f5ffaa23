"""Refusals in MLflow's words: `{"error_code": …, "message": …}` and the HTTP status that belongs to the code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import grpc

from trackway_server.core.errors import DomainError, Kind, Reason, TryLaterError
from trackway_server.core.rpc.status import error_info, refusal_of

STATUS_OF: Mapping[str, int] = {
    "INVALID_PARAMETER_VALUE": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "BAD_REQUEST": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL_ERROR": 500,
    "INVALID_STATE": 500,
    "DATA_LOSS": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""The codes that are answered here, of https://github.com/mlflow/mlflow/blob/master/mlflow/exceptions.py."""

CODE_OF_KIND: Mapping[Kind, str] = {
    Kind.INVALID_ARGUMENT: "INVALID_PARAMETER_VALUE",
    Kind.NOT_FOUND: "RESOURCE_DOES_NOT_EXIST",
    Kind.ALREADY_EXISTS: "RESOURCE_ALREADY_EXISTS",
    Kind.FAILED_PRECONDITION: "INVALID_PARAMETER_VALUE",
    Kind.ABORTED: "ABORTED",
    Kind.OUT_OF_RANGE: "INVALID_PARAMETER_VALUE",
    Kind.UNAUTHENTICATED: "UNAUTHENTICATED",
    Kind.PERMISSION_DENIED: "PERMISSION_DENIED",
    Kind.RESOURCE_EXHAUSTED: "RESOURCE_EXHAUSTED",
    Kind.UNAVAILABLE: "TEMPORARILY_UNAVAILABLE",
    Kind.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
    Kind.CANCELLED: "CANCELLED",
    Kind.UNIMPLEMENTED: "NOT_IMPLEMENTED",
    Kind.DATA_LOSS: "DATA_LOSS",
    Kind.INTERNAL: "INTERNAL_ERROR",
}


_CLASSES: Mapping[str, tuple[str, str]] = {
    "INVALID_PARAMETER_VALUE": ("INVALID_PARAMETER_VALUE", "KAM00"),
    "BAD_REQUEST": ("INVALID_PARAMETER_VALUE", "KAM00"),
    "RESOURCE_ALREADY_EXISTS": ("RESOURCE_ALREADY_EXISTS", "KAM00"),
    "RESOURCE_DOES_NOT_EXIST": ("RESOURCE_NOT_FOUND", "KAM00"),
    "PERMISSION_DENIED": ("PERMISSION_DENIED", "KAM00"),
    "INTERNAL_ERROR": ("CLIENT_INTERNAL_ERROR", "XXM00"),
    "INVALID_STATE": ("CLIENT_INTERNAL_ERROR", "XXM00"),
    "TEMPORARILY_UNAVAILABLE": ("CLIENT_INTERNAL_ERROR", "XXM00"),
}
"""`error_class` and `sqlstate`, which newer versions send besides."""

_WORDS: Mapping[Reason, str] = {
    Reason.CREDENTIALS_MISSING: (
        "This server needs a key: set MLFLOW_TRACKING_TOKEN to it"
        " (or MLFLOW_TRACKING_USERNAME to anything and MLFLOW_TRACKING_PASSWORD to the key)."
    ),
    Reason.CREDENTIALS_INVALID: "{message} MLflow sends MLFLOW_TRACKING_TOKEN, or else MLFLOW_TRACKING_PASSWORD.",
    Reason.EXPERIMENT_NOT_FOUND: "No Experiment with id={experiment} exists",
    Reason.EXPERIMENT_DELETED: "The experiment {experiment} must be in the 'active' state. Current state is deleted.",
    Reason.MODEL_NOT_FOUND: "Registered Model with name={name} not found",
    Reason.MODEL_VERSION_NOT_FOUND: "Model Version (name={name}, version={version}) not found",
    Reason.RUN_NOT_FOUND: "Run with id={run_id} not found",
    Reason.RUN_DELETED: "The run {run_id} must be in the 'active' state. Current state is deleted.",
    Reason.LOGGED_MODEL_NOT_FOUND: "Logged model with ID '{model_id}' not found.",
    Reason.WEBHOOK_NOT_FOUND: "Webhook with ID {webhook_id} not found.",
    Reason.PARAM_IMMUTABLE: "Changing param values is not allowed. {message}",
}
"""What programs are known to look for in messages."""


class MlflowError(Exception):
    """A refusal as MLflow's clients read it."""

    def __init__(self, error_code: str, message: str, retry_after_s: float = 0) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.message = message
        self.retry_after_s = retry_after_s

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS_OF[self.error_code]

    def as_value(self) -> dict[str, str]:
        """The body."""
        value = {"error_code": self.error_code, "message": self.message}
        if self.error_code in _CLASSES:
            value["error_class"], value["sqlstate"] = _CLASSES[self.error_code]
        return value


def invalid(message: str) -> MlflowError:
    """INVALID_PARAMETER_VALUE."""
    return MlflowError("INVALID_PARAMETER_VALUE", message)


def reason_of(error: grpc.aio.AioRpcError) -> Reason | None:
    """Why a service refused; None where it did not say."""
    info = error_info(error.trailing_metadata() or ())
    return Reason.__members__.get(info.reason) if info is not None else None


def of_call(error: grpc.aio.AioRpcError) -> MlflowError:
    """What a failed call becomes; nothing that gRPC itself says is in it."""
    return of_refusal(refusal_of(error, service="tracking"))


@contextmanager
def in_words(words: Mapping[Reason, str], code: str = "") -> Iterator[None]:
    """Within it, refusals of these reasons say these words, under another code where one is given."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        reason = reason_of(error)
        if reason is None or reason not in words:
            raise
        raise MlflowError(code or of_call(error).error_code, words[reason]) from None


def of_refusal(error: DomainError) -> MlflowError:
    """What a refusal becomes."""
    if error.reason is Reason.INVALID_FIELD and error.metadata.get("field") == "run_id":
        return MlflowError("RESOURCE_DOES_NOT_EXIST", f"There is no run of this id: {error.message}")
    if error.reason is Reason.INVALID_FIELD and error.metadata.get("field") == "model_id":
        return MlflowError("RESOURCE_DOES_NOT_EXIST", f"There is no logged model of this id: {error.message}")
    if isinstance(error, TryLaterError):
        return MlflowError("RESOURCE_EXHAUSTED", error.message, error.retry_after_s)
    if error.reason is Reason.LIMIT_EXCEEDED:  # not 429: MLflow's clients would send it again and again for minutes
        return invalid(error.message)
    known = _Known(error.metadata, message=error.message)
    return MlflowError(CODE_OF_KIND[error.kind], _WORDS.get(error.reason, "{message}").format_map(known))


class _Known(dict[str, str]):
    """What a refusal says of what it refuses."""

    def __missing__(self, key: str) -> str:
        return "of this id"
