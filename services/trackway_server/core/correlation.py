"""What ties together all that happens for one request, across services: its id, and the W3C trace context.

https://www.w3.org/TR/trace-context/ says what `traceparent` and `tracestate` hold. A service without tracing passes
them on as they came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from trackway_server.core.ids import new_id

REQUEST_ID_KEY = "x-request-id"
TRACE_KEYS = ("traceparent", "tracestate")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_MAX_TRACESTATE = 512

Headers = tuple[tuple[str, str], ...]


def request_id_from(given: str | None) -> str:
    """The id that a caller sent, where it is a plain token of at most 64 characters; else a new one."""
    return given if given is not None and _REQUEST_ID.fullmatch(given) else new_id()


def trace_headers_from(metadata: Mapping[str, str]) -> Headers:
    """The trace context that a caller sent, to be passed on; nothing where it is not well formed."""
    traceparent, tracestate = (metadata.get(key, "") for key in TRACE_KEYS)
    if not _TRACEPARENT.fullmatch(traceparent):
        return ()
    headers = (("traceparent", traceparent),)
    passable = tracestate and len(tracestate) <= _MAX_TRACESTATE and tracestate.isascii() and tracestate.isprintable()
    return (*headers, ("tracestate", tracestate)) if passable else headers


def trace_id_in(headers: Headers) -> str:
    """The trace id, 32 hexadecimal digits; empty without a trace context."""
    found = _TRACEPARENT.fullmatch(dict(headers).get("traceparent", ""))
    return found[1] if found else ""
