"""Traces across services: one call of a client is one trace, also through the gateway; without tracing, nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from support.toy_service import AUTHORIZED, Toy, send, toy_server
from trackway.aio import AsyncClient
from trackway.errors import NotFound
from trackway_server.app.embedded import RunningServer, open_server
from trackway_server.app.options import ServerOptions
from trackway_server.core.config import CoreSettings
from trackway_server.core.tracing import Tracing, pseudonym, tracing_wanted

PARENT = "00-" + "4bf92f3577b34da6a3ce929d0e0e4736" + "-00f067aa0ba902b7-01"


@dataclass
class Traced:
    """A provider whose spans can be read."""

    provider: TracerProvider
    exporter: InMemorySpanExporter

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.spans if span.name.endswith(name)]
        return found


@pytest.fixture
def traced() -> Traced:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Traced(provider, exporter)


@pytest.fixture
async def server(traced: Traced, tmp_path: Path) -> AsyncIterator[RunningServer]:
    options = ServerOptions(grpc_port=0, http_port=0, data_dir=tmp_path / "data")
    async with open_server(options, CoreSettings(), tracing=Tracing(traced.provider)) as running:
        yield running


def key_of(server: RunningServer) -> str:
    assert server.access is not None
    assert server.access.key is not None
    return server.access.key.get_secret_value()


async def test_a_registration_is_one_trace_over_three_services(
    server: RunningServer, traced: Traced, tmp_path: Path
) -> None:
    content = tmp_path / "MLmodel"
    content.write_text("flavors: {}")
    users = traced.provider.get_tracer("a user's program")
    async with AsyncClient(f"trackway://127.0.0.1:{server.grpc_port}", token=key_of(server)) as client:
        run = await client.tracking.create_run(experiment_id="0")
        await client.artifacts.upload_file(run.info.run_id, content, "model/MLmodel")
        await client.registry.create_model("m")
        traced.exporter.clear()
        with users.start_as_current_span("release") as release:
            await client.registry.create_version("m", f"runs:/{run.info.run_id}/model")
    created = traced.named("ModelRegistryService/CreateVersion")
    asked = [traced.named("TrackingService/GetRun"), traced.named("ArtifactStoreService/CreateManifest")]
    assert created.parent is not None
    assert created.parent.span_id == release.get_span_context().span_id
    assert [span.parent and span.parent.span_id for span in asked] == [created.context.span_id] * 2
    assert {span.context.trace_id for span in traced.spans} == {release.get_span_context().trace_id}
    attributes = dict(created.attributes or {})
    assert attributes["rpc.grpc.status_code"] == 0
    assert attributes["rpc.method"] == "CreateVersion"
    assert attributes["enduser.pseudo.id"] == pseudonym("admin")
    told = " ".join(f"{span.name} {dict(span.attributes or {})}" for span in traced.spans)
    assert key_of(server) not in told
    assert run.info.run_id not in told


async def test_a_page_of_the_gateway_is_one_trace(server: RunningServer, traced: Traced) -> None:
    async with httpx.AsyncClient(auth=("x", key_of(server))) as browser:
        await browser.get(
            f"http://127.0.0.1:{server.http_port}/runs/{'0' * 32}?secret=1", headers={"traceparent": PARENT}
        )
    page, asked = traced.named("HTTP"), traced.named("TrackingService/GetRun")
    assert page.parent is not None
    assert f"{page.parent.span_id:016x}" == PARENT.split("-")[2]
    assert asked.parent is not None
    assert asked.parent.span_id == page.context.span_id
    assert dict(page.attributes or {})["http.route"] == "/runs/{run_id}"
    assert dict(page.attributes or {})["http.response.status_code"] == 404


async def test_a_stream_begins_a_trace_that_is_linked(traced: Traced) -> None:
    async with toy_server(tracing=Tracing(traced.provider)) as toys:
        await send(toys, "Both", Toy(text="a"), metadata=(*AUTHORIZED, ("traceparent", PARENT)))
        await send(toys, "Once", Toy(text="a"), metadata=(*AUTHORIZED, ("traceparent", PARENT)))
        await send(toys, "Once", Toy(text="a"), metadata=(*AUTHORIZED, ("traceparent", "00-nonsense")))
    stream = traced.named("ToyService/Both")
    assert stream.parent is None
    assert [f"{link.context.trace_id:032x}" for link in stream.links] == [PARENT.split("-")[1]]
    child, root = [span for span in traced.spans if span.name.endswith("Once")]
    assert child.parent is not None
    assert root.parent is None


async def test_only_the_servers_own_failures_are_errors(server: RunningServer, traced: Traced) -> None:
    async with AsyncClient(f"trackway://127.0.0.1:{server.grpc_port}", token=key_of(server)) as client:
        with pytest.raises(NotFound):
            await client.tracking.get_run("0" * 32)
    span = traced.named("TrackingService/GetRun")
    assert dict(span.attributes or {})["rpc.grpc.status_code"] == 5
    assert span.status.status_code is trace.StatusCode.UNSET
    assert not span.events


async def test_a_server_without_tracing_passes_the_context_on() -> None:
    async with toy_server() as toys:
        given = (("traceparent", PARENT), ("tracestate", "a=b"))
        await send(toys, "Once", Toy(text="a"), metadata=(*AUTHORIZED, *given))
        await send(toys, "Once", Toy(text="a"), metadata=(*AUTHORIZED, ("traceparent", "x"), ("tracestate", "a=b")))
        passed, refused = [call.onward_metadata() for call in toys.servicer.seen]
    assert set(given) <= set(passed)
    assert {key for key, _ in refused} == {"x-request-id", "authorization"}


def test_what_turns_it_on() -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    assert not tracing_wanted(None, {})
    assert tracing_wanted(None, endpoint)
    assert tracing_wanted(True, {})
    assert not tracing_wanted(False, endpoint)
    assert not tracing_wanted(True, {"OTEL_SDK_DISABLED": "true"})


def test_opentelemetry_is_never_imported_when_off(tmp_path: Path) -> None:
    program = f"""
import asyncio, sys
from pathlib import Path
from trackway.aio import AsyncClient
from trackway_server.app.embedded import open_server
from trackway_server.app.options import ServerOptions
from trackway_server.core.config import CoreSettings

async def main():
    options = ServerOptions(grpc_port=0, http_port=0, data_dir=Path({str(tmp_path / "data")!r}))
    async with open_server(options, CoreSettings()) as server:
        key = server.access.key.get_secret_value()
        async with AsyncClient(f"trackway://127.0.0.1:{{server.grpc_port}}", token=key) as client:
            await client.tracking.get_experiment("0")

asyncio.run(main())
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
