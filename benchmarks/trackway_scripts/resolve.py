"""`Resolve("model@alias")` by one caller, then by many at once: `resolve CALLS CALLERS SECONDS SERVER_PID…`."""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path

import psutil

import trackway
from benchmarks.timing import answer
from trackway._rpc.auth import call_metadata
from trackway._rpc.channel import open_channel
from trackway.api.registry.v1.model_registry_service_pb2 import ResolveRequest
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.config import resolve as configured

FILES = 5


def main(calls: int, callers: int, seconds: float, pids: list[int]) -> None:
    with trackway.Client() as client:
        model = _registered(client)
        uri = f"models:/{model}@champion"
        samples = []
        for _ in range(calls):
            started = time.perf_counter_ns()
            resolved = client.registry.resolve(uri)
            samples.append(time.perf_counter_ns() - started)
            assert resolved.version.version == 1
    made, processor, taken = asyncio.run(_many(model, callers, seconds, [psutil.Process(pid) for pid in pids]))
    answer(samples=samples, calls=made, processor=processor, seconds=taken)


def _registered(client: trackway.Client) -> str:
    """The name of a model with one version of a few files."""
    model = f"bench-{secrets.token_hex(4)}"
    run = client.tracking.create_run(experiment_id="0")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "part"
        file.write_bytes(b"x" * 1000)
        for number in range(FILES):
            client.artifacts.upload_file(run.info.run_id, file, f"model/part-{number}")
    client.registry.create_model(model)
    client.registry.create_version(model, f"runs:/{run.info.run_id}/model")
    client.registry.set_alias(model, "champion", 1)
    return model


async def _many(model: str, callers: int, seconds: float, servers: list[psutil.Process]) -> tuple[int, float, float]:
    """How many calls were answered, and the seconds of the servers' processors and of the clock that they took."""
    address, made = configured(), 0
    request = ResolveRequest(name=model, alias="champion")
    async with open_channel(address) as channel:
        resolve = ModelRegistryServiceStub(channel).Resolve  # type: ignore[no-untyped-call]

        async def caller(until: float) -> None:
            nonlocal made
            while time.perf_counter() < until:
                await resolve(request, metadata=call_metadata(address, secrets.token_hex(16)), timeout=30)
                made += 1

        started, before = time.perf_counter(), _processor(servers)
        await asyncio.gather(*(caller(started + seconds) for _ in range(callers)))
        return made, _processor(servers) - before, time.perf_counter() - started


def _processor(servers: list[psutil.Process]) -> float:
    used = [server.cpu_times() for server in servers]
    return float(sum(times.user + times.system for times in used))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), [*map(int, sys.argv[4:])])
