"""Refusals as Connect writes them: a code by name, a message, and the details of gRPC's rich status.

https://connectrpc.com/docs/protocol#error-codes has the table of HTTP statuses.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from trackway_server.core.errors import DomainError
from trackway_server.core.rpc.status import DETAILS_KEY, error_info, refusal_of, status_of
from trackway_server.gateway.bodies import BodyTooLargeError, EncodingUnknownError, SlowBodyError

Code = grpc.StatusCode

CONNECT_CODES: Mapping[grpc.StatusCode, tuple[str, int]] = {
    Code.CANCELLED: ("canceled", 499),
    Code.UNKNOWN: ("unknown", 500),
    Code.INVALID_ARGUMENT: ("invalid_argument", 400),
    Code.DEADLINE_EXCEEDED: ("deadline_exceeded", 504),
    Code.NOT_FOUND: ("not_found", 404),
    Code.ALREADY_EXISTS: ("already_exists", 409),
    Code.PERMISSION_DENIED: ("permission_denied", 403),
    Code.RESOURCE_EXHAUSTED: ("resource_exhausted", 429),
    Code.FAILED_PRECONDITION: ("failed_precondition", 400),
    Code.ABORTED: ("aborted", 409),
    Code.OUT_OF_RANGE: ("out_of_range", 400),
    Code.UNIMPLEMENTED: ("unimplemented", 501),
    Code.INTERNAL: ("internal", 500),
    Code.UNAVAILABLE: ("unavailable", 503),
    Code.DATA_LOSS: ("data_loss", 500),
    Code.UNAUTHENTICATED: ("unauthenticated", 401),
}
"""Every status but OK: Connect's name for it, and the HTTP status."""

JSON_TYPE = "application/json"
_KNOWN: tuple[type[Message], ...] = (ErrorInfo, BadRequest, RetryInfo)


_CLOSE = {"Connection": "close"}
_BODIES: Mapping[type[DomainError], tuple[int, Mapping[str, str]]] = {
    BodyTooLargeError: (413, _CLOSE),
    SlowBodyError: (408, _CLOSE),
    EncodingUnknownError: (415, {"Accept-Encoding": "gzip, identity"}),
}


@dataclass(frozen=True, slots=True)
class Refused:
    """One refusal, ready to be written."""

    code: grpc.StatusCode
    message: str
    details: tuple[AnyMessage, ...] = ()
    http_status: int = 0
    """Where HTTP has a better one than Connect's table; 0: the table's."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.http_status or CONNECT_CODES[self.code][1]

    @property
    def all_headers(self) -> dict[str, str]:
        """What goes with the status."""
        found = {"Content-Type": JSON_TYPE, **self.headers}
        if self.code is Code.UNAUTHENTICATED:
            found["WWW-Authenticate"] = 'Bearer realm="Trackway"'  # Basic would have browsers ask for a password
        for detail in self.details:
            retry = RetryInfo()
            if detail.Unpack(retry):
                found["Retry-After"] = str(max(1, retry.retry_delay.seconds))
        return found

    def as_value(self) -> dict[str, Any]:
        """`code`, `message` and `details`, as JSON will have them."""
        value: dict[str, Any] = {"code": CONNECT_CODES[self.code][0], "message": self.message}
        if self.details:
            value["details"] = [_detail(detail) for detail in self.details]
        return value

    def as_json(self) -> bytes:
        """The body."""
        return json.dumps(self.as_value()).encode()


CLIENT_GONE = Refused(Code.CANCELLED, "The client has gone.")


def refused_call(error: grpc.aio.AioRpcError, service: str) -> Refused:
    """What a failed call becomes: all that a service says of its refusal, and nothing that gRPC itself says."""
    trailers = tuple(error.trailing_metadata() or ())
    if error_info(trailers) is not None and error.code() in CONNECT_CODES:
        return Refused(error.code(), error.details() or "", tuple(_details_in(trailers)))
    if error.code() is Code.RESOURCE_EXHAUSTED:
        return Refused(Code.RESOURCE_EXHAUSTED, "The message is larger than the service takes; send less at once.")
    if error.code() is Code.UNIMPLEMENTED:
        return Refused(Code.UNIMPLEMENTED, f"The {service} service does not have this method; it may be older.")
    return refused(refusal_of(error, service=service))


def refused(error: DomainError) -> Refused:
    """What a refusal of the gateway's own becomes."""
    status = status_of(error)
    details = tuple(Status.FromString(status.details).details)
    http_status, headers = _BODIES.get(type(error), (0, {}))
    return Refused(status.code, status.message, details, http_status, headers)


def _details_in(trailers: Iterable[tuple[str, str | bytes]]) -> Iterable[AnyMessage]:
    for key, value in trailers:
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                yield from Status.FromString(value).details
            except DecodeError:
                continue


def _detail(detail: AnyMessage) -> dict[str, Any]:
    value = base64.b64encode(detail.value).decode().rstrip("=")
    found: dict[str, Any] = {"type": detail.type_url.rpartition("/")[2], "value": value}
    for known in _KNOWN:
        message = known()
        if detail.Unpack(message):
            found["debug"] = json_format.MessageToDict(message)
    return found
