"""What a running server counts: the names, the bounds on labels, and /metrics of processes without a gateway."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from support.tracking_service import append, open_writer, points, series, start
from trackway.aio import AsyncClient
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.app.embedded import RunningServer, open_server
from trackway_server.app.options import ServerOptions, Target
from trackway_server.core.config import CoreSettings

ROOT = Path(__file__).parents[3]
LABELS = {"service", "method", "status", "reason", "database", "kind", "operation", "version", "target", "le"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    options = ServerOptions(grpc_port=0, http_port=0, data_dir=tmp_path / "data")
    async with open_server(options, CoreSettings()) as running:
        yield running


def key_of(server: RunningServer) -> str:
    assert server.access is not None
    assert server.access.key is not None
    return server.access.key.get_secret_value()


async def exposition(server: RunningServer) -> str:
    async with httpx.AsyncClient(auth=("x", key_of(server))) as browser:
        return (await browser.get(f"http://127.0.0.1:{server.http_port}/metrics")).text


def values(text: str) -> dict[str, float]:
    """Every sample under its name and labels as the format writes them."""
    return {
        sample.name + "".join(f",{name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def ingest(server: RunningServer, messages: list[ingest_pb2.IngestRequest]) -> list[ingest_pb2.IngestResponse]:
    import grpc

    metadata = (("authorization", f"Bearer {key_of(server)}"),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = TrackingServiceStub(channel).Ingest(metadata=metadata)  # type: ignore[no-untyped-call]
        responses = []
        for message in messages:
            await call.write(message)
            response = await call.read()
            responses.append(response)
        await call.done_writing()
        return responses


async def test_ingestion_is_counted_by_commit_and_refusal(server: RunningServer) -> None:
    first = append(0, start(), series(0), points(np.arange(100.0).tolist(), 0, at=2), points([1.0], 7, at=102))
    first.append.record_count = 103
    await ingest(server, [open_writer(1), first, first, append(500, start())])
    found = values(await exposition(server))
    assert found["trackway_ingest_points_total,service=tracking"] == 100
    assert found["trackway_ingest_records_total,service=tracking"] == 103
    assert found["trackway_ingest_replayed_records_total,service=tracking"] == 103
    assert found["trackway_ingest_refused_records_total,reason=SERIES_UNDEFINED,service=tracking"] == 1
    assert found["trackway_ingest_refused_streams_total,reason=SEQUENCE_GAP,service=tracking"] == 1
    assert found["trackway_ingest_received_bytes_total,service=tracking"] > 1600
    assert found["trackway_ingest_stored_bytes_total,service=tracking"] > 0
    assert found["trackway_ingest_commit_seconds_count,service=tracking"] == 1
    assert found["trackway_ingest_lag_seconds_count,service=tracking"] == 2
    assert found["trackway_ingest_lag_seconds_bucket,le=86400.0,service=tracking"] == 0  # points of 1970
    assert found["trackway_ingest_held_bytes,service=tracking"] == 0
    assert found["trackway_ingest_open_streams,service=tracking"] == 0
    assert found["trackway_db_group_size_count,database=tracking"] >= 1
    assert found["trackway_db_commit_seconds_count,database=tracking"] >= 1
    assert found["trackway_db_transaction_seconds_count,database=tracking,kind=write"] >= 1


async def test_points_of_the_future_have_no_lag(server: RunningServer) -> None:
    record = points([1.0], 0, at=2)
    record.points.first_time_us = 2**60
    await ingest(server, [open_writer(1), append(0, start(), series(0), record)])
    found = values(await exposition(server))
    assert found["trackway_ingest_lag_seconds_sum,service=tracking"] == 0


async def test_artifacts_and_the_registry_are_counted(server: RunningServer, tmp_path: Path) -> None:
    content = tmp_path / "model.bin"
    content.write_bytes(b"x" * 3000)
    async with AsyncClient(f"trackway://127.0.0.1:{server.grpc_port}", token=key_of(server)) as client:
        run = await client.tracking.create_run(experiment_id="0")
        await client.artifacts.upload_file(run.info.run_id, content, "model/model.bin")
        await client.artifacts.download(run.info.run_id, "model/model.bin", tmp_path / "back")
        await client.registry.create_model("m")
        watch = client.registry.watch("m", from_start=True)
        event = await anext(watch)
        assert event.kind == "MODEL_CREATED"
        found = values(await exposition(server))
        await watch.aclose()
    assert found["trackway_artifact_written_bytes_total"] == 3000
    assert found["trackway_artifact_read_bytes_total"] == 3000
    assert found["trackway_registry_events_total,kind=MODEL_CREATED"] == 1
    assert found["trackway_registry_watchers"] == 1
    assert found["trackway_registry_watch_lag_seconds_count"] == 1
    watching = "trackway_rpc_in_flight,method=Watch,service=trackway.api.registry.v1.ModelRegistryService"
    assert found[watching] == 1


async def test_what_callers_send_makes_no_label(server: RunningServer) -> None:
    async with httpx.AsyncClient(auth=("x", key_of(server))) as browser:
        before = values(await exposition(server))
        for number in range(20):
            await browser.get(f"http://127.0.0.1:{server.http_port}/runs/{number:032x}")
            await browser.get(f"http://127.0.0.1:{server.http_port}/nothing-{number}")
    import grpc

    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        for number in range(20):
            with pytest.raises(grpc.aio.AioRpcError):
                await channel.unary_unary(f"/made.up.Service{number}/Method")(b"")
    text = await exposition(server)
    after = values(text)
    families = {name.partition(",")[0] for name in set(after) - set(before)}
    assert families <= {
        "trackway_rpc_calls_total",
        "trackway_rpc_calls_created",
        "trackway_rpc_in_flight",
        *(f"trackway_rpc_duration_seconds_{part}" for part in ("bucket", "count", "sum", "created")),
    }
    assert "made.up" not in text
    assert "nothing-" not in text
    assert {name for line in after for name in re.findall(r",(\w+)=", line)} <= LABELS
    assert len(after) < 3000


async def test_names_follow_the_conventions(server: RunningServer) -> None:
    families = list(text_string_to_metric_families(await exposition(server)))
    assert all(family.documentation for family in families)
    for family in families:
        assert family.name.startswith(("trackway_", "process_")), family.name
        assert not family.name.endswith(("_ms", "_us", "_mb", "_count"))
    kinds = {family.name: family.type for family in families}
    assert kinds["process_resident_memory_bytes"] == "gauge"
    assert kinds["process_open_fds"] == "gauge"
    assert kinds["trackway_event_loop_lag_seconds"] == "histogram"
    assert kinds["trackway_ingest_points"] == "counter"


async def test_the_dashboard_names_only_metrics_that_exist(server: RunningServer) -> None:
    board = json.loads((ROOT / "deploy" / "grafana" / "trackway.json").read_text(encoding="utf-8"))
    queries = " ".join(target["expr"] for panel in board["panels"] for target in panel.get("targets", ()))
    named = set(re.findall(r"\b(?:trackway|process)_\w+", queries))
    assert len(named) > 15
    exist = set()
    for family in text_string_to_metric_families(await exposition(server)):
        exist.add(family.name)
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ())
        exist.update(family.name + suffix for suffix in suffixes)
    assert named <= exist
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


async def test_a_service_alone_answers_metrics_on_a_port_of_its_own(tmp_path: Path) -> None:
    options = ServerOptions(target=Target.TRACKING, grpc_port=0, data_dir=tmp_path / "data", metrics_port=0)
    core = CoreSettings(metrics_token=SecretStr("scrape-me"))
    async with open_server(options, core) as server, httpx.AsyncClient() as scraper:
        assert server.metrics_port
        url = f"http://127.0.0.1:{server.metrics_port}"
        for keyed in ("scrape-me", key_of(server)):
            answer = await scraper.get(f"{url}/metrics", headers={"authorization": f"Bearer {keyed}"})
            assert answer.status_code == 200
            assert 'trackway_build_info{target="tracking"' in answer.text
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "scrape-me"}):
            refused = await scraper.get(f"{url}/metrics", headers=headers)
            assert refused.status_code == 401
            assert "trackway_build_info" not in refused.text
        assert (await scraper.get(f"{url}/metrics", headers={"host": "evil.example"})).status_code == 403
        assert (await scraper.get(f"{url}/healthz")).text == "ok\n"


async def test_the_token_for_metrics_opens_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_METRICS_TOKEN", "scrape-me")
    options = ServerOptions(grpc_port=0, http_port=0, data_dir=tmp_path / "data")
    async with open_server(options, CoreSettings()) as server:
        headers = {"authorization": "Bearer scrape-me"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.http_port}", headers=headers) as scraper:
            assert (await scraper.get("/metrics")).status_code == 200
            assert (await scraper.get("/")).status_code == 401


async def test_no_listener_unless_asked_for(tmp_path: Path) -> None:
    options = ServerOptions(target=Target.ARTIFACTS, grpc_port=0, data_dir=tmp_path / "data")
    async with open_server(options, CoreSettings()) as server:
        assert server.metrics_port is None
