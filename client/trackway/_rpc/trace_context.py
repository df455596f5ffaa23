"""The trace of the user's process, where it has one: the server's spans then belong to it.

OpenTelemetry is never imported for it: a process that traces has done so.
"""

from __future__ import annotations

import sys

Headers = tuple[tuple[str, str], ...]


def trace_headers() -> Headers:
    """The W3C trace context (https://www.w3.org/TR/trace-context/) of the current span; nothing without one."""
    opentelemetry = sys.modules.get("opentelemetry.trace")
    if opentelemetry is None:
        return ()
    context = opentelemetry.get_current_span().get_span_context()
    if not context.is_valid:
        return ()
    traceparent = ("traceparent", f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}")
    state = context.trace_state.to_header() if context.trace_state else ""
    return (traceparent, ("tracestate", state)) if state else (traceparent,)
