"""When the uplink says that a writer lives: while it does, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from support.training import run_id
from trackway._ingest.meta import Meta
from trackway._ingest.sender import SpoolSender
from trackway._ingest.server import Servers
from trackway._ingest.writer import Writer
from trackway.api.metrics.v1 import ingest_pb2 as pb
from trackway.api.tracking.v1 import tracking_service_pb2_grpc as rpc

INTERVAL_MS = 20


@dataclass
class Listener(rpc.TrackingServiceServicer):
    """Acknowledges everything, and counts what it hears."""

    interval_ms: int = INTERVAL_MS
    heartbeats: int = 0
    appends: int = 0

    async def Ingest(self, requests: AsyncIterator[pb.IngestRequest], context: Any) -> AsyncIterator[pb.IngestResponse]:
        async for request in requests:
            match request.WhichOneof("kind"):
                case "open":
                    yield pb.IngestResponse(
                        opened=pb.WriterOpened(max_append_bytes=1 << 23, heartbeat_interval_ms=self.interval_ms)
                    )
                case "append":
                    self.appends += 1
                    end = request.append.first_sequence + request.append.record_count
                    yield pb.IngestResponse(acknowledged=pb.RecordsAcknowledged(durable_sequence=end))
                case "heartbeat":
                    self.heartbeats += 1


@asynccontextmanager
async def sending(
    listener: Listener, root: Path, monkeypatch: pytest.MonkeyPatch, **meta: str
) -> AsyncIterator[Writer]:
    """A writer of this process whose spool is sent to the listener; at the end all of it is."""
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")
    server = grpc.aio.server()
    rpc.add_TrackingServiceServicer_to_server(listener, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    servers = Servers()
    writer = Writer.open(run_id(1), uri=f"trackway://127.0.0.1:{port}", token="t", spool_root=str(root), owns_run=False)
    writer.log_metric("loss", 1.0)
    directory = Path(writer.directory)
    written = replace(Meta.read(directory), **meta)
    sender = SpoolSender(directory, written, servers.get(written.uri, "default"))
    session = asyncio.create_task(sender.session(follow=True))
    try:
        yield writer
        writer.close()
        await asyncio.wait_for(session, 30)
        assert sender.progress.complete
    finally:
        session.cancel()
        sender.close()
        await servers.close()
        await server.stop(None)


async def until_heard(listener: Listener, heartbeats: int) -> None:
    async with asyncio.timeout(30):
        while listener.heartbeats < heartbeats:
            await asyncio.sleep(0.01)


async def test_a_writer_with_nothing_to_log_is_spoken_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener()
    async with sending(listener, tmp_path, monkeypatch):
        await until_heard(listener, 5)
    heard = listener.heartbeats
    assert listener.appends >= 1
    await asyncio.sleep(5 * INTERVAL_MS / 1000)
    assert listener.heartbeats == heard  # not of a writer that has closed


async def test_a_process_of_another_machine_is_not_spoken_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener()
    async with sending(listener, tmp_path, monkeypatch, machine="elsewhere"):
        await asyncio.sleep(10 * INTERVAL_MS / 1000)
    assert listener.heartbeats == 0


async def test_an_older_server_hears_no_heartbeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener(interval_ms=0)
    async with sending(listener, tmp_path, monkeypatch) as writer:
        for step in range(5):
            writer.log_metric("loss", 1.0, step)
            await asyncio.sleep(2 * INTERVAL_MS / 1000)
    assert listener.heartbeats == 0


async def test_a_long_upload_is_a_sign_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a process that has vanished and left its files to be uploaded."""
    listener, uploading = Listener(), asyncio.Event()

    async def upload(self: Any) -> int:
        if not uploading.is_set():
            uploading.set()
            await until_heard(listener, 3)
        return 0

    monkeypatch.setattr("trackway._ingest.uploads.Uploads.run_waiting", upload)
    async with sending(listener, tmp_path, monkeypatch, machine="elsewhere"):
        await uploading.wait()
        await until_heard(listener, 3)
