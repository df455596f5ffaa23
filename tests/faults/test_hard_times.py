"""R3: a server that is absent, swallowed by the network, far away, or answers errors. Training goes on, no exception
reaches it, and once the server is back all of it arrives."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest

from support.fault_proxy import FaultProxy, fault_proxy
from support.training import environment, exactly, run_id
from trackway._ingest.discover import find_spools
from trackway.aio import AsyncClient
from trackway.testing import LocalServer

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"
POINTS = 200_000 if FULL else 4000

pytestmark = [pytest.mark.timeout(900 if FULL else 240), pytest.mark.xdist_group("faults")]

TRAINING = """
    import json, sys, time
    import trackway
    from trackway._ingest.writer import Writer
    writer = Writer.open({run!r}, uri={uri!r}, owns_run=True)
    writer.run_start(start_time_us=1)
    spent = []
    for step in range({points}):
        began = time.perf_counter_ns()
        writer.log_metric("loss", step / 3, step)
        spent.append(time.perf_counter_ns() - began)
        if step % 1000 == 0:
            time.sleep(0.05)
    spent.sort()
    print(json.dumps([spent[len(spent) // 2] / 1000, spent[len(spent) * 999 // 1000] / 1000]), flush=True)
    sys.stdin.readline()
    writer.set_status(3)
    writer.finish(120)
"""


ERRORS = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
)


class ErringServer(grpc.GenericRpcHandler):
    """A gRPC server that answers each call with the next error."""

    def __init__(self) -> None:
        self.calls = 0
        self._server = grpc.aio.server(handlers=[self])
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def service(self, handler_call_details: object) -> grpc.RpcMethodHandler:
        return grpc.stream_stream_rpc_method_handler(self._fail)

    async def _fail(self, requests: object, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        self.calls += 1
        await context.abort(ERRORS[self.calls % len(ERRORS)], "not today")
        yield b""

    async def __aenter__(self) -> ErringServer:
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(None)


async def absent(proxy: FaultProxy) -> None:
    await proxy.die()


async def swallowed(proxy: FaultProxy) -> None:
    proxy.hole = True


async def far(proxy: FaultProxy) -> None:
    proxy.delay = 0.1  # each way


async def erring(proxy: FaultProxy) -> None:
    pass  # it leads to the erring server


@pytest.mark.parametrize("trouble", [absent, swallowed, far, erring])
async def test_training_goes_on_and_nothing_is_lost(
    tmp_path: Path, trouble, capsys: pytest.CaptureFixture[str]
) -> None:
    spools = tmp_path / "spools"
    with LocalServer() as server:
        port = int(server.uri.rpartition(":")[2])
        async with (
            fault_proxy(port) as proxy,
            ErringServer() as errors,
            AsyncClient(server.uri, token=server.token) as client,
        ):
            await trouble(proxy)
            if trouble is erring:
                proxy.server_port = errors.port
            uri = f"trackway://127.0.0.1:{proxy.port}"
            script = textwrap.dedent(TRAINING.format(run=run_id(3), uri=uri, points=POINTS))
            variables = environment(server, spools, TRACKWAY_URI=uri, TRACKWAY_UPLINK_IDLE="5")
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", script),
                env=variables,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            median, tail = json.loads(await process.stdout.readline())
            with capsys.disabled():
                if FULL:
                    print(f"\n{trouble.__name__}: log_metric p50 {median:.2f} µs, p99.9 {tail:.0f} µs")
            if trouble is erring:
                async with asyncio.timeout(60):
                    while errors.calls < 2:
                        await asyncio.sleep(0.05)
                proxy.server_port = port
                proxy.reset_all()
            elif trouble is absent:
                await proxy.start()
            proxy.hole = False
            _, told = await process.communicate(b"\n")
            assert (process.returncode, told) == (0, b"")
            async with asyncio.timeout(120):
                while find_spools([spools]):
                    await asyncio.sleep(0.1)
            (series,) = await client.tracking.read_series(run_id(3), "loss")
            exactly(series.steps.tolist(), POINTS)
            assert (series.values == series.steps / 3).all()
            assert (await client.tracking.get_run(run_id(3))).info.status == "FINISHED"
