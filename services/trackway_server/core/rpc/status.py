"""From refusals to gRPC statuses: the one total table, and the rich status that callers read.

Every refusal carries, in the trailer `grpc-status-details-bin`, a google.rpc.Status with exactly one
google.rpc.ErrorInfo (domain "trackway"), with a google.rpc.BadRequest where fields are at fault, and with a
google.rpc.RetryInfo where a retry makes sense.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from trackway_server.core.errors import DomainError, Reason, TryLaterError
from trackway_server.core.rpc.violations import FieldViolation, InvalidFieldsError

DOMAIN = "trackway"
DETAILS_KEY = "grpc-status-details-bin"
# A client takes 8 KiB of trailers by default; in them the message is percent-encoded and the details are base64.
MESSAGE_BYTES = 500
VALUE_BYTES = 200

STATUS_CODES: Mapping[Reason, grpc.StatusCode] = {reason: grpc.StatusCode[reason.kind.name] for reason in Reason}

RETRY_AFTER_SECONDS: Mapping[Reason, int] = {
    Reason.STORAGE_FULL: 10,
    Reason.SERVICE_UNAVAILABLE: 1,
    Reason.SHUTTING_DOWN: 1,
    Reason.TOO_MANY_ATTEMPTS: 3,
}


@dataclass(frozen=True, slots=True)
class RefusedStatus:
    """A refusal as gRPC sends it."""

    code: grpc.StatusCode
    message: str
    details: bytes
    """A serialised google.rpc.Status."""


def status_of(error: DomainError) -> RefusedStatus:
    """The status that a refusal becomes; long texts are cut so that it fits a trailer."""
    code = STATUS_CODES[error.reason]
    message = _cut(error.message, MESSAGE_BYTES)
    rich = Status(code=code.value[0], message=message, details=[_packed(detail) for detail in _details(error)])
    return RefusedStatus(code, message, rich.SerializeToString())


def refusal_of(error: grpc.aio.AioRpcError, *, service: str) -> DomainError:
    """The refusal behind a failed call to another service, so that it can be passed on as it is.

    A status without our ErrorInfo is SERVICE_UNAVAILABLE where the service cannot be reached, and INTERNAL otherwise.
    """
    trailers = error.trailing_metadata() or ()
    info = error_info(trailers)
    if info is not None and info.reason in Reason.__members__:
        return _passed_on(Reason[info.reason], error.details() or "", dict(info.metadata), _retry_seconds(trailers))
    if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}:
        message = f"The {service} service cannot be reached; try again."
        return DomainError(Reason.SERVICE_UNAVAILABLE, message, service=service)
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DomainError(Reason.DEADLINE_EXCEEDED, f"The {service} service did not answer in time.")
    return DomainError(Reason.INTERNAL, f"The {service} service failed.")


def _passed_on(reason: Reason, message: str, metadata: dict[str, str], retry_s: float) -> DomainError:
    if reason is Reason.LIMIT_EXCEEDED and retry_s:  # one that passes by itself, which callers are to know
        limit, maximum = metadata.get("limit", ""), metadata.get("maximum", "")
        return TryLaterError(message, retry_s, limit=limit, maximum=maximum)
    return DomainError(reason, message, **metadata)


def error_info(trailers: Iterable[tuple[str, str | bytes]]) -> ErrorInfo | None:
    """Our ErrorInfo in a call's trailing metadata, if there is one."""
    info = ErrorInfo()
    for detail in _details_in(trailers):
        if detail.Unpack(info) and info.domain == DOMAIN:
            return info
    return None


def _retry_seconds(trailers: Iterable[tuple[str, str | bytes]]) -> float:
    """After how long the call may be made again, as its refusal says; 0 where it does not."""
    retry = RetryInfo()
    for detail in _details_in(trailers):
        if detail.Unpack(retry):
            return float(retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9)
    return 0


def _details_in(trailers: Iterable[tuple[str, str | bytes]]) -> tuple[AnyMessage, ...]:
    for key, value in trailers:
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return tuple(Status.FromString(value).details)
            except DecodeError:
                return ()
    return ()


def _details(error: DomainError) -> Iterable[Message]:
    metadata = {key: _cut(value, VALUE_BYTES) for key, value in error.metadata.items()}
    yield ErrorInfo(reason=error.reason.name, domain=DOMAIN, metadata=metadata)
    if violations := _violations(error):
        yield BadRequest(field_violations=[_field_violation(violation) for violation in violations])
    if seconds := _retry_after_seconds(error):
        retry = RetryInfo()
        retry.retry_delay.seconds = seconds
        yield retry


def _retry_after_seconds(error: DomainError) -> int:
    if isinstance(error, TryLaterError):
        return max(1, math.ceil(error.retry_after_s))
    return RETRY_AFTER_SECONDS.get(error.reason, 0)


def _violations(error: DomainError) -> tuple[FieldViolation, ...]:
    if isinstance(error, InvalidFieldsError):
        return error.violations
    if error.reason is Reason.INVALID_FIELD:
        return (FieldViolation(error.metadata.get("field", ""), error.message),)
    return ()


def _field_violation(violation: FieldViolation) -> BadRequest.FieldViolation:
    field = _cut(violation.field, VALUE_BYTES)
    return BadRequest.FieldViolation(field=field, description=_cut(violation.description, VALUE_BYTES))


def _packed(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed


def _cut(text: str, size: int) -> str:
    """The text, or as much of it as fits with an ellipsis into so many bytes of UTF-8."""
    raw = text.encode(errors="replace")
    return raw.decode() if len(raw) <= size else raw[: size - 3].decode(errors="ignore") + "…"
