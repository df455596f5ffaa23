"""R6: every RPC takes a thousand malformed or hostile requests, over one channel to one real server, and stays well.

`make test` runs the fixed seed; `make faults` ten times as many of a new one, which a failure names.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from support.hostile_calls import HostileCaller, all_methods, told
from support.hostile_messages import HostileMessages, Known
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as artifacts_pb
from trackway.api.artifacts.v1.artifact_store_service_pb2_grpc import ArtifactStoreServiceStub
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.registry.v1 import model_registry_service_pb2 as registry_pb
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking_pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.testing import LocalServer
from trackway_server.core.ids import new_id

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"
REQUESTS = 10_000 if FULL else 1_000
REPLAYED = 150
SEED = os.environ.get("TRACKWAY_SEED") or (secrets.token_hex(4) if FULL else "trackway")

METHODS = dict(all_methods())

assert len(METHODS) > 40, "the contract's services were not found"

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("hostile"),
    pytest.mark.timeout(600 if FULL else 120),
]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(arguments=["--insecure-no-auth", "--log-level", "error"]) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def channel(server: LocalServer) -> AsyncIterator[grpc.aio.Channel]:
    options = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(server.uri.removeprefix("trackway://"), options=options) as opened:
        yield opened


@pytest.mark.parametrize("path", METHODS)
async def test_a_thousand_hostile_requests(path: str, channel: grpc.aio.Channel, server: LocalServer) -> None:
    method, seed = METHODS[path], f"{SEED} {path}"
    log_before = server.log
    caller = HostileCaller(channel, path, method, HostileMessages(seed, await world(channel)), seed)

    outcomes = await caller.all(list(caller.requests(REQUESTS)))

    assert len(outcomes) == REQUESTS
    for outcome in outcomes:
        try:
            outcome.check()
        except AssertionError as error:
            raise AssertionError(f"seed {SEED}: {error}\n{new_lines(server, log_before)}") from None
    assert server.log == log_before, f"seed {SEED}: the server logged an error"
    await serves(channel)

    refused = [o.requests for o in outcomes if o.code is grpc.StatusCode.INVALID_ARGUMENT and not o.answers]
    assert len(refused) > REQUESTS // 20 or not method.input_type.fields, told(outcomes)
    await store_nothing(caller, refused[:REPLAYED], server)


async def store_nothing(caller: HostileCaller, refused: list[tuple[bytes, ...]], server: LocalServer) -> None:
    """What is wrong in itself is refused again, and nothing is committed to any database. The server's own work on what
    earlier tests stored (compaction a minute later, sweeping) may commit beside one try, not beside each of three."""
    with ExitStack() as stack:
        databases = [stack.enter_context(closing(opened(path))) for path in sorted(server.data_dir.glob("*.db"))]
        assert len(databases) == 4
        changes = []
        for _ in range(3):
            before = await settled(databases)
            again = await caller.all(refused, patient=True)
            assert {outcome.code for outcome in again} <= {grpc.StatusCode.INVALID_ARGUMENT}, told(again)
            after = await settled(databases)
            if after == before:
                return
            changes.append((before, after))
        raise AssertionError(f"requests that were refused changed a database each time: {changes}")


async def serves(channel: grpc.aio.Channel) -> None:
    """A normal call of each service is answered."""
    answer = await HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    await TrackingServiceStub(channel).SearchExperiments(tracking_pb.SearchExperimentsRequest(page_size=1), timeout=10)
    await ModelRegistryServiceStub(channel).SearchModels(registry_pb.SearchModelsRequest(page_size=1), timeout=10)


async def world(channel: grpc.aio.Channel) -> Known:
    """A run with a file and a model version made of it, so that plausible requests find something."""
    run_id, name = new_id(), f"m{new_id()}"
    owner = f"runs/{run_id}"
    start = ingest_pb2.RunStart(experiment_name=name, start_time_us=1)
    tracking, registry = TrackingServiceStub(channel), ModelRegistryServiceStub(channel)
    run = (await tracking.CreateRun(tracking_pb.CreateRunRequest(run_id=run_id, start=start))).run
    await ArtifactStoreServiceStub(channel).UploadArtifact(file_of(owner, "model/MLmodel", b"flavors: {}\n"))
    await registry.CreateModel(registry_pb.CreateModelRequest(name=name))
    source = f"runs:/{run_id}/model"
    version = (await registry.CreateVersion(registry_pb.CreateVersionRequest(name=name, source=source))).version
    names, model_id = (name.encode(), b"another", b"Default"), f"m-{new_id()}"
    logged = tracking_pb.CreateLoggedModelRequest(model_id=model_id, experiment_id=run.experiment_id)
    await tracking.CreateLoggedModel(logged)
    return {
        "run_id": (run_id.encode(),),
        "subject_id": (run_id.encode(),),
        "owner": (owner.encode(), f"models/{model_id}".encode()),
        "model_id": (model_id.encode(),),
        "experiment_id": (run.experiment_id.encode(), b"0"),
        "experiment_name": names,
        "name": names,
        "model_name": names,
        "version": (b"1", b"1", b"2"),
        "expected_version": (b"0", b"1"),
        "stage": (b"Production", b"Staging", b"production", b"None", b"x"),
        "stages": (b"Production", b"x"),
        "source": (source.encode(), f"runs:/{run_id}/nothing".encode()),
        "digest": (version.manifest_digest.encode(), b"sha256:" + hashlib.sha256(b"").hexdigest().encode()),
        "page_token": (b"", b"", b"x", b"AAAA"),
        "etag": (b"", b"", b"1", b"x"),
        "resume_token": (b"", b"", b"1", b"1-1"),
        "workspace": (b"", b"", b"default", b"other"),
        "epoch": (b"1", b"2", b"9223372036854775807"),
        "record_count": (b"1", b"2"),
        "first_sequence": (b"0", b"0", b"1"),
        "file_by_filename": (b"trackway/api/tracking/v1/tracking_service.proto", b"x"),
        "file_containing_symbol": (b"trackway.api.tracking.v1.TrackingService", b"x"),
    }


def file_of(owner: str, path: str, data: bytes) -> Iterator[artifacts_pb.UploadArtifactRequest]:
    yield artifacts_pb.UploadArtifactRequest(header=artifacts_pb.UploadHeader(owner=owner, path=path))
    yield artifacts_pb.UploadArtifactRequest(data=data)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    yield artifacts_pb.UploadArtifactRequest(trailer=artifacts_pb.UploadTrailer(digest=digest, size_bytes=len(data)))


def new_lines(server: LocalServer, before: str) -> str:
    return server.log[len(before) :][:3_000]


async def settled(databases: list[sqlite3.Connection]) -> list[int]:
    """SQLite's numbers for the states of the databases, once background work (folding) has ended."""
    last: list[int] = []
    for _ in range(40):
        now = [database.execute("PRAGMA data_version").fetchone()[0] for database in databases]
        if now == last:
            return now
        last = now
        await asyncio.sleep(0.05)
    raise AssertionError("the databases keep changing by themselves")


def opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)
