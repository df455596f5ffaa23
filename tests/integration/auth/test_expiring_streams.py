"""Streams and the tokens they were opened with: none outlives its token, and our clients lose nothing by it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc
import httpx
import pytest

from support.auth_serving import AuthServer, bearer
from support.refusals import refused
from support.tracking_service import append, open_writer, start
from trackway.aio import AsyncClient
from trackway.api.auth.v1 import auth_service_pb2 as auth
from trackway.api.registry.v1 import model_registry_service_pb2 as registry
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.errors import Unauthenticated
from trackway_server.app.embedded import open_server
from trackway_server.app.options import ServerOptions
from trackway_server.core.auth import tokens
from trackway_server.core.config import CoreSettings

PATIENCE = 60.0
TRAINER = """
import sys, time
from pathlib import Path
import trackway
stop = Path(sys.argv[1])
with trackway.start_run() as run:
    print(run.info.run_id, flush=True)
    step = 0
    while not stop.exists():
        trackway.log_metric("loss", float(step), step=step)
        step += 1
        time.sleep(0.005)
print(step)
"""


class Server(AuthServer):
    """A server whose tokens are taken for four or five seconds."""

    http_port = 0

    async def samples(self, *words: str) -> float:
        """The sum of the samples of /metrics whose line has all the words."""
        async with httpx.AsyncClient(auth=("x", self.admin_key)) as browser:
            text = (await browser.get(f"http://127.0.0.1:{self.http_port}/metrics")).text
        lines = [line for line in text.splitlines() if not line.startswith("#") and all(word in line for word in words)]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    async def ended(self, method: str) -> float:
        """How many streams of the method have been ended for their tokens."""
        return await self.samples("trackway_rpc_calls_total", f'"{method}"', '"UNAUTHENTICATED"')


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setenv("TRACKWAY_AUTH_TOKEN_SECONDS", "1")
    monkeypatch.setattr(tokens, "LEEWAY_SECONDS", 4)  # of which a call may take three to arrive: machines are loaded
    options = ServerOptions(grpc_port=0, http_port=0, data_dir=tmp_path / "data")
    async with open_server(options, CoreSettings()) as running:
        assert running.access is not None
        assert running.access.key is not None
        assert running.grpc_port is not None
        async with grpc.aio.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
            made = Server(running.grpc_port, tmp_path / "data", running.access.key.get_secret_value(), channel)
            made.http_port = running.http_port or 0
            yield made


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.05)


async def test_a_trainer_outlives_many_tokens_and_loses_nothing(server: Server, tmp_path: Path) -> None:
    key = await server.principal("trainer", default="EDITOR")
    address = f"trackway://127.0.0.1:{server.port}"
    environment = {
        **os.environ,
        "TRACKWAY_URI": address,
        "TRACKWAY_TOKEN": key,
        "TRACKWAY_SPOOL_DIR": str(tmp_path / "spool"),
    }
    training = subprocess.Popen(
        [sys.executable, "-c", TRAINER, str(tmp_path / "stop")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while await server.samples("trackway_ingest_refused_streams_total", '"CREDENTIALS_EXPIRED"') < 2:
                await asyncio.sleep(0.05)
    finally:
        (tmp_path / "stop").touch()
        out, err = await asyncio.to_thread(training.communicate, timeout=PATIENCE)
    assert (training.returncode, err) == (0, "")
    run_id, steps = out.split()
    async with AsyncClient(address, token=server.admin_key) as client:
        (series,) = await client.tracking.read_series(run_id, "loss")
        run = await client.tracking.get_run(run_id)
    assert series.steps.tolist() == list(range(int(steps)))
    assert run.info.status == "FINISHED"
    uplink_log = [line for path in (tmp_path / "spool").glob("*.log") for line in path.read_text().splitlines()]
    assert not [line for line in uplink_log if "expired" in line]


async def test_a_stream_ends_with_its_token(server: Server) -> None:
    """The streams of a revoked key, too: it gets no other token."""
    key = await server.principal("ed", default="EDITOR")
    metadata = bearer(await server.token(key))
    await server.stub.RevokeKey(auth.RevokeKeyRequest(key_id=key.split("_")[1]), metadata=server.admin)

    ingest = TrackingServiceStub(server.channel).Ingest(metadata=metadata)  # type: ignore[no-untyped-call]
    await ingest.write(open_writer(1))
    assert (await ingest.read()).HasField("opened")
    await ingest.write(append(0, start()))
    assert (await ingest.read()).acknowledged.durable_sequence == 1
    watch = ModelRegistryServiceStub(server.channel).Watch(registry.WatchRequest(), metadata=metadata)  # type: ignore[no-untyped-call]
    assert (await watch.read()).resume_token

    async with asyncio.timeout(PATIENCE):
        told = await ingest.read()
        assert told.refused.retryable
        assert told.refused.durable_sequence == 1  # what was read before the end is stored and acknowledged
        assert told.refused.reason == 19  # CREDENTIALS_EXPIRED
        await ingest.done_writing()
        assert await ingest.code() is grpc.StatusCode.UNAUTHENTICATED
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            while await watch.read() is not grpc.aio.EOF:
                pass
    assert (refused(ended.value).code, refused(ended.value).reason) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "CREDENTIALS_EXPIRED",
    )


async def test_a_watch_goes_on_and_ends_when_the_key_is_revoked(server: Server) -> None:
    key = await server.principal("vera", default="EDITOR")
    async with AsyncClient(f"trackway://127.0.0.1:{server.port}", token=key) as client:
        watching = client.registry.watch()
        first = asyncio.ensure_future(anext(watching))
        await until(lambda: _at_least(server, "Watch", 1))
        await client.registry.create_model("m")
        async with asyncio.timeout(PATIENCE):
            assert (await first).kind == "MODEL_CREATED"
        await server.stub.RevokeKey(auth.RevokeKeyRequest(key_id=key.split("_")[1]), metadata=server.admin)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(Unauthenticated):
                await anext(watching)


async def test_a_download_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    key = await server.principal("ann", default="EDITOR")
    content = os.urandom(48 << 20)
    (tmp_path / "big.bin").write_bytes(content)
    go_on = threading.Event()
    begun = threading.Event()

    def progress(done: int, _: int) -> None:
        if done:
            begun.set()
            go_on.wait(PATIENCE)

    def download() -> bytes:
        from trackway.client import Client

        with Client(f"trackway://127.0.0.1:{server.port}", token=key) as client:
            client.tracking.create_run(run_id="ab" * 16)
            client.artifacts.upload_file("ab" * 16, tmp_path / "big.bin")
            return client.artifacts.download("ab" * 16, "big.bin", tmp_path / "got", progress=progress).read_bytes()

    working = asyncio.ensure_future(asyncio.to_thread(download))
    await until(lambda: asyncio.sleep(0, begun.is_set() or working.done()))
    await until(lambda: _at_least(server, "DownloadArtifact", 1))
    go_on.set()
    async with asyncio.timeout(PATIENCE):
        assert hashlib.sha256(await working).digest() == hashlib.sha256(content).digest()


async def _at_least(server: Server, method: str, number: int) -> bool:
    return await server.ended(method) >= number
