"""A server process with OpenTelemetry's own variables sends its spans, and stops in time where nobody takes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from trackway.client import Client
from trackway.testing import LocalServer


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []

    def spans(self) -> dict[str, Any]:
        return {
            span.name: (span, {item.key: item.value.string_value for item in resource.resource.attributes})
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_spans_are_sent_before_the_server_has_stopped(collector: Collector) -> None:
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    }
    with LocalServer(environment=settings) as server, Client(server.uri, token=server.token) as client:
        client.tracking.get_experiment("0")
        token = server.token
    span, resource = collector.spans()["trackway.api.tracking.v1.TrackingService/GetExperiment"]
    assert resource["service.name"] == "trackway-all"
    assert {item.key for item in span.attributes} >= {"rpc.method", "rpc.grpc.status_code", "trackway.request_id"}
    assert not any(token.encode() in body for body in collector.bodies)


def test_a_collector_that_is_away_keeps_nobody_waiting() -> None:
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "TRACKWAY_LOG_FORMAT": "json"}
    with LocalServer(environment=settings) as server:
        with Client(server.uri, token=server.token) as client:
            client.tracking.get_experiment("0")
        started = time.monotonic()
        server.terminate()
        assert time.monotonic() - started < 15
        assert server.process.returncode == 0
        assert server.token not in server.log
