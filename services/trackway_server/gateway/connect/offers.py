"""What of the RPCs is offered over HTTP, and how it must be asked for."""

from __future__ import annotations

import grpc
from starlette.datastructures import Headers

from trackway_server.gateway.connect.headers import STREAM_TYPES, UNARY_TYPES, media_type
from trackway_server.gateway.connect.methods import Rpc
from trackway_server.gateway.connect.refusals import Refused

Code = grpc.StatusCode


NO_METHOD = Refused(Code.UNIMPLEMENTED, "There is no such method here.", http_status=404)


def not_offered(http_method: str, rpc: Rpc | None, headers: Headers) -> Refused | None:
    """Why a request is not taken, by its head alone; None where it is."""
    if rpc is None:
        return NO_METHOD
    if http_method != "POST":
        message = "Methods are called by POST."
        return Refused(Code.UNIMPLEMENTED, message, http_status=405, headers={"Allow": "POST"})
    if rpc.streams_requests:
        message = f"{rpc.name} takes a stream of requests, which HTTP clients cannot send; call it by gRPC."
        return Refused(Code.UNIMPLEMENTED, message)
    taken = {**UNARY_TYPES, **STREAM_TYPES} if rpc.streams_answers else UNARY_TYPES
    if media_type(headers) not in taken:
        accepted = ", ".join(taken)
        message = f"The Content-Type must be one of {accepted}; other charsets than UTF-8 are not taken."
        return Refused(Code.INVALID_ARGUMENT, message, http_status=415, headers={"Accept-Post": accepted})
    return None
