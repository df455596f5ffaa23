"""What a refused call says, read from its rich status."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

import grpc
from google.rpc import error_details_pb2, status_pb2


@dataclass(frozen=True)
class Refused:
    """A refusal as the caller sees it."""

    code: grpc.StatusCode
    message: str
    reason: str
    metadata: dict[str, str]
    fields: list[str]
    retry_after: int
    request_id: str


def refused(error: grpc.RpcError) -> Refused:
    """Read the error of a call, and assert that it has exactly one ErrorInfo of ours."""
    trailers = dict(error.trailing_metadata())
    rich = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    assert rich.code == error.code().value[0]
    assert rich.message == error.details()
    infos, bad, retry = [], error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in rich.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            infos.append(info)
        detail.Unpack(bad) or detail.Unpack(retry)
    assert [info.domain for info in infos] == ["trackway"]
    return Refused(
        code=error.code(),
        message=error.details(),
        reason=infos[0].reason,
        metadata=dict(infos[0].metadata),
        fields=[violation.field for violation in bad.field_violations],
        retry_after=retry.retry_delay.seconds,
        request_id=trailers["x-request-id"],
    )


async def refusal_of(call: Awaitable[object]) -> Refused:
    """What a unary call is refused with; it must be."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return refused(error)
    raise AssertionError("the call was not refused")
