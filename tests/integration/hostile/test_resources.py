"""Attack 26: floods, silence and readers that never read. The server's memory stays bounded and others are served."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from support.artifact_serving import data_of, header, trailer
from support.raw_http2 import (
    DATA,
    END_STREAM,
    HEADERS,
    PING,
    SETTINGS,
    WINDOW_UPDATE,
    call_headers,
    frame,
    http2_connection,
    message,
    raw_connection,
    reset,
)
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as artifacts_pb
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking_pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.testing import LocalServer
from trackway_server.core.ids import new_id

GET_RUN = "/trackway.api.tracking.v1.TrackingService/GetRun"
INGEST = "/trackway.api.tracking.v1.TrackingService/Ingest"
DOWNLOAD = "/trackway.api.artifacts.v1.ArtifactStoreService/DownloadArtifact"
MIB = 1 << 20

pytestmark = pytest.mark.xdist_group("hostile")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    variables = {"TRACKWAY_RPC_HANDSHAKE_S": "2", "TRACKWAY_RPC_FIRST_MESSAGE_S": "3"}
    with LocalServer(arguments=["--insecure-no-auth", "--log-level", "error"], environment=variables) as running:
        yield running


@pytest.fixture
def port(server: LocalServer) -> int:
    return int(server.uri.rpartition(":")[2])


@asynccontextmanager
async def others_are_served(server: LocalServer, *, growth: int, seconds: float = 30) -> AsyncIterator[None]:
    """Inside the block and after it, normal calls are answered; the process grows by at most so many bytes."""
    address = server.uri.removeprefix("trackway://")
    before = resident(server)
    async with grpc.aio.insecure_channel(address) as channel:
        stub, slowest = TrackingServiceStub(channel), 0.0
        loop, ending = asyncio.get_running_loop(), asyncio.Event()

        async def ask() -> None:
            nonlocal slowest
            while not ending.is_set():
                started = loop.time()
                await stub.SearchExperiments(tracking_pb.SearchExperimentsRequest(page_size=1), timeout=30)
                slowest = max(slowest, loop.time() - started)
                await asyncio.sleep(0.05)

        asking = asyncio.create_task(ask())
        try:
            yield
        finally:
            ending.set()
            await asking
    assert slowest < seconds
    assert resident(server) - before < growth
    assert server.process.poll() is None
    assert "call_failed" not in server.log


def resident(server: LocalServer) -> int:
    """The memory of the server's process, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        return 0
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
    assert found is not None
    return int(found[1]) * 1024


async def test_rapid_reset(server: LocalServer, port: int) -> None:
    """CVE-2023-44487: streams begun and reset at once, many more than may be open."""
    async with others_are_served(server, growth=100 * MIB), http2_connection(port) as (reader, writer):
        draining = asyncio.create_task(_discard(reader))
        with suppress(ConnectionError):
            for number in range(1, 10_000, 2):
                writer.write(call_headers(number, GET_RUN) + reset(number))
                await writer.drain()
        draining.cancel()


@pytest.mark.parametrize(
    "flood",
    [
        frame(DATA, 1),
        frame(DATA, 1, b"\x00"),
        frame(PING, 0, bytes(8)),
        frame(SETTINGS, 0),
        frame(WINDOW_UPDATE, 0, (1).to_bytes(4, "big")),
        frame(HEADERS, 1, b""),
    ],
    ids=["empty data", "one byte", "pings", "settings", "window updates", "empty headers"],
)
async def test_floods_of_tiny_frames(server: LocalServer, port: int, flood: bytes) -> None:
    async with others_are_served(server, growth=100 * MIB), http2_connection(port) as (reader, writer):
        draining = asyncio.create_task(_discard(reader))
        writer.write(call_headers(1, INGEST) + frame(DATA, 1, message(b"", size=100_000)))
        with suppress(ConnectionError):
            for _ in range(200):
                writer.write(flood * 100)
                await writer.drain()
        draining.cancel()


@pytest.mark.parametrize(
    "data",
    [
        message(b"x", size=2**32 - 1),
        message(b"x", size=17 * MIB),
        message(b"x" * 20, compressed=1),
        message(b"x" * 20, compressed=7),
        b"\x00\x00",
        b"",
        message(b"") * 50,
    ],
    ids=["4 GiB told", "17 MiB told", "compressed by nothing", "unknown flag", "cut prefix", "no message", "many"],
)
async def test_broken_message_framing(server: LocalServer, port: int, data: bytes) -> None:
    async with others_are_served(server, growth=50 * MIB):
        for path in (GET_RUN, INGEST):
            async with http2_connection(port) as (reader, writer):
                writer.write(call_headers(1, path) + frame(DATA, 1, data, END_STREAM))
                with suppress(TimeoutError, ConnectionError):
                    async with asyncio.timeout(0.3):
                        await _discard(reader)


async def test_bytes_that_are_no_http2(server: LocalServer, port: int) -> None:
    async with others_are_served(server, growth=50 * MIB):
        for raw in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\xff" * 70_000, b"PRI * HT"):
            async with raw_connection(port) as (reader, writer):
                writer.write(raw)
                async with asyncio.timeout(10):  # the last one says half a word: the handshake's own limit ends it
                    with suppress(ConnectionError):
                        await _discard(reader)


async def test_connections_that_say_nothing_are_closed(server: LocalServer, port: int) -> None:
    async with others_are_served(server, growth=50 * MIB), AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(raw_connection(port)) for _ in range(200)]
        async with asyncio.timeout(15):
            for reader, _ in silent:
                with suppress(ConnectionError):
                    await _discard(reader)


async def test_a_stream_that_never_says_what_it_wants_is_ended(server: LocalServer, port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = TrackingServiceStub(channel).Ingest()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async with asyncio.timeout(15):
                await call.read()
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_thousand_idle_streams_stay_small(server: LocalServer, port: int) -> None:
    """Writers that opened and log nothing, as 1,000 ranks do between epochs: about 50 KiB each."""
    async with others_are_served(server, growth=150 * MIB), AsyncExitStack() as stack:
        streams = []
        for _ in range(4):
            channel = await stack.enter_async_context(_own_connection(port))
            streams += [TrackingServiceStub(channel).Ingest() for _ in range(250)]

        async def open_one(stream: Any) -> None:
            opening = ingest_pb2.OpenWriter(subject_id="f" * 32, writer_id=new_id(), epoch=1)
            await stream.write(ingest_pb2.IngestRequest(open=opening))
            assert (await stream.read()).HasField("opened")

        await asyncio.gather(*map(open_one, streams))
        await asyncio.sleep(0.2)
        for stream in streams:
            stream.cancel()


async def test_readers_that_never_read(server: LocalServer, port: int) -> None:
    """Forty downloads of 64 MiB whose reader grants no window hold a few messages each, not the file."""
    owner, data = f"runs/{new_id()}", bytes(64 * MIB)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        upload = [header("big", owner), *data_of(data), trailer(data)]
        await ArtifactStoreServiceStub(channel).UploadArtifact(iter(upload))
    request = artifacts_pb.DownloadArtifactRequest(owner=owner, path="big").SerializeToString()
    before = resident(server)
    async with others_are_served(server, growth=400 * MIB), AsyncExitStack() as stack:
        for _ in range(40):
            reader, writer = await stack.enter_async_context(http2_connection(port))
            writer.write(call_headers(1, DOWNLOAD) + frame(DATA, 1, message(request), END_STREAM))
            await writer.drain()
            # All that HTTP/2's first window lets through: from here on the download waits for its reader.
            await reader.readexactly(60_000)
        assert resident(server) - before < 400 * MIB


async def test_metrics_have_no_label_that_strangers_choose(server: LocalServer, port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for number in range(200):
            with pytest.raises(grpc.aio.AioRpcError):
                await channel.unary_unary(f"/evil{number}.Service/Method{number}")(b"")
            with pytest.raises(grpc.aio.AioRpcError):
                await channel.unary_unary(f"/trackway.api.tracking.v1.TrackingService/evil{number}")(b"")
            with pytest.raises(grpc.aio.AioRpcError):
                await channel.unary_unary(GET_RUN)(b"evil", metadata=(("x-request-id", f"evil{number}"),))
    async with httpx.AsyncClient() as browser:
        for number in range(50):
            await browser.get(f"{server.http_url}/evil{number}")
        text = (await browser.get(f"{server.http_url}/metrics")).text
    assert 'service="unknown"' in text
    assert "evil" not in text
    series = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(series) < 2_500


async def _discard(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 16):
        pass


def _own_connection(port: int) -> grpc.aio.Channel:
    """A channel that shares its connection with no other."""
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
