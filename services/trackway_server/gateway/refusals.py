"""What a browser is told when a service refuses: the status code, and one line."""

from __future__ import annotations

import grpc
from starlette.responses import PlainTextResponse, Response

_HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}

_LINES = {
    400: "The address asks for something that cannot be: check the id.",
    401: "Sign in with any user name and your API key as the password; the first is admin.key in the data directory.",
    403: "This key may not read here.",
    404: "There is nothing under this id.",
    429: "The server is at a limit. Try again later.",
    502: "A service answered with an error. The server's log has it.",
    503: "A service cannot be reached. Try again in a moment.",
    504: "A service did not answer in time. Try again in a moment.",
}

_HEADERS = {401: {"WWW-Authenticate": 'Basic realm="Trackway", charset="UTF-8"'}, 429: {"Retry-After": "3"}}


def refusal(code: grpc.StatusCode, request_id: str) -> Response:
    """The response for a refusal of that status. A service's own text stays out: it may quote what a stranger wrote."""
    status = _HTTP_STATUS.get(code, 502)
    return PlainTextResponse(f"{_LINES[status]} (request {request_id})\n", status, _HEADERS.get(status))
