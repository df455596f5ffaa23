"""A client takes part in the trace of the program that it runs in, and imports nothing for it."""

from __future__ import annotations

import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from trackway._rpc.auth import call_metadata
from trackway._rpc.trace_context import trace_headers
from trackway.config import parse_uri


def test_nothing_outside_a_span() -> None:
    assert trace_headers() == ()


def test_the_current_span_as_opentelemetry_itself_would_write_it() -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")
    expected: dict[str, str] = {}
    with tracer.start_as_current_span("training"):
        TraceContextTextMapPropagator().inject(expected)
        assert dict(trace_headers()) == expected
        assert set(trace_headers()) <= set(call_metadata(parse_uri("trackway://127.0.0.1"), "r"))


def test_a_program_without_opentelemetry_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    assert trace_headers() == ()
    assert "opentelemetry.trace" not in sys.modules
