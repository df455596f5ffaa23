"""Trackway behind nginx, HAProxy and Envoy, with the files of deploy/proxies: calls, streams, files, restarts.

`make faults` adds the pauses that the proxies' defaults do not bear, and kills the server behind each of them.
"""

from __future__ import annotations

import json
import os
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from support.load_process import TESTS, mixed_load
from support.proxies import PROXIES, Proxy, proxy
from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.registry.v1 import model_registry_service_pb2 as registry_pb
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking_pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.client import Client
from trackway.testing import LocalServer

FULL = os.environ.get("TRACKWAY_FAULTS") == "full"
MEBIBYTES = 100
LONGER_THAN_DEFAULTS = 75.0 if FULL else 3.0
"""nginx ends what is idle for 60 seconds, unless told otherwise; in the short form shortened files stand for that."""
KILLS = 5 if FULL else 1
KILLED_BEHIND = PROXIES if FULL else ("envoy",)
SHORT = {
    "nginx": {"1h;": "1s;"},
    "haproxy": {"timeout client 1h": "timeout client 1s", "timeout server 1h": "timeout server 1s"},
    "envoy": {"stream_idle_timeout: 3600s": "stream_idle_timeout: 1s"},
}
RUN = "0190aaaabbbb7cccadddeeeeffff7777"

pytestmark = [pytest.mark.timeout(900 if FULL else 120), pytest.mark.xdist_group("proxies")]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module", params=PROXIES)
def proxied(
    request: pytest.FixtureRequest, server: LocalServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    with proxy(request.param, server, tmp_path_factory.mktemp(request.param)) as running:
        yield running


def key_of(server: LocalServer) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {server.token}"),)


def test_calls_metrics_refusals_and_large_files(server: LocalServer, proxied: Proxy, tmp_path: Path) -> None:
    own = {"TRACKWAY_URI": proxied.uri, "TRACKWAY_TOKEN": server.token, "TRACKWAY_SPOOL_DIR": str(tmp_path)}
    paths = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    told = subprocess.run(
        [sys.executable, "-m", "support.client_story", str(MEBIBYTES)],
        env={**os.environ, **own, **proxied.variables, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert told.returncode == 0, told.stderr + proxied.log.read_text()
    story = json.loads(told.stdout.splitlines()[-1])
    with Client(server.uri, token=server.token) as client:
        assert client.tracking.get_run(story["run"]).data.params == {"lr": "0.1"}


def idle_stream(channel: grpc.Channel, server: LocalServer, seconds: float) -> grpc.StatusCode:
    """How an Ingest ends that says nothing for so long and is then half-closed."""
    done = threading.Event()

    def messages() -> Iterator[ingest_pb2.IngestRequest]:
        opening = ingest_pb2.OpenWriter(subject_id=RUN, writer_id=os.urandom(16).hex(), epoch=1)
        yield ingest_pb2.IngestRequest(open=opening)
        done.wait(seconds)

    call = TrackingServiceStub(channel).Ingest(messages(), metadata=key_of(server))
    try:
        for _ in call:
            pass
    except grpc.RpcError:
        pass
    finally:
        done.set()
    return call.code()  # type: ignore[no-any-return]


def watched(channel: grpc.Channel, server: LocalServer, name: str, wait: float) -> list[Any]:
    """The messages of a watch during which, after that time, a model is made."""
    stub = ModelRegistryServiceStub(channel)
    call = stub.Watch(registry_pb.WatchRequest(model_name=name), metadata=key_of(server))
    answers = [next(call)]
    time.sleep(wait)
    stub.CreateModel(registry_pb.CreateModelRequest(name=name), metadata=key_of(server))
    for answer in call:
        answers.append(answer)
        if answer.HasField("event"):
            call.cancel()
            return answers
    return answers


def test_streams_outlive_pauses(server: LocalServer, proxied: Proxy) -> None:
    name = f"watched-{proxied.port}"
    with proxied.channel() as channel, ThreadPoolExecutor() as pool:
        idle = pool.submit(idle_stream, channel, server, LONGER_THAN_DEFAULTS)
        answers = watched(channel, server, name, LONGER_THAN_DEFAULTS)
        assert answers[-1].event.model_name == name
        assert idle.result() is grpc.StatusCode.OK, proxied.log.read_text()


@pytest.mark.parametrize("name", PROXIES)
def test_without_the_settings_for_streams_pauses_end_them(name: str, server: LocalServer, tmp_path: Path) -> None:
    with proxy(name, server, tmp_path, SHORT[name]) as short, short.channel() as channel:
        begun = time.monotonic()
        assert idle_stream(channel, server, 30) is not grpc.StatusCode.OK
        assert time.monotonic() - begun < 10


def test_without_the_setting_for_sizes_nginx_refuses_files(server: LocalServer, tmp_path: Path) -> None:
    with proxy("nginx", server, tmp_path, {"client_max_body_size 0;": ""}) as small, small.channel() as channel:
        records = [ingest_pb2.Record(params=ingest_pb2.ParamsSet(params={"a": "x" * (2 << 20)}))]
        append = ingest_pb2.AppendRecords(record_count=1, records=records)
        stub = TrackingServiceStub(channel)
        call = stub.Ingest(iter([ingest_pb2.IngestRequest(append=append)]), metadata=key_of(server))
        with pytest.raises(grpc.RpcError):
            list(call)
        assert not any(key == "grpc-status-details-bin" for key, _ in call.trailing_metadata() or ())


@pytest.mark.parametrize("name", KILLED_BEHIND)
def test_a_server_killed_behind_the_proxy_under_load(name: str, tmp_path: Path) -> None:
    with LocalServer() as server, proxy(name, server, tmp_path / name) as before:
        with mixed_load(before.uri, server.token, tmp_path / "spools", **before.variables) as load:
            for number in range(KILLS):
                load.phase(f"kill {number}")
                time.sleep(0.3)
                server.kill()
                server.restart()
            load.phase("steady again")
            report = load.report()
    assert min(report["files"], report["versions"], report["points"]) > 0
    assert not [kind for kind in report["failed"] if "Deadline" in kind], report


def frame(message: Any) -> bytes:
    """A message as gRPC-Web frames it."""
    data = message.SerializeToString()
    return struct.pack(">BI", 0, len(data)) + bytes(data)


def frames(body: bytes) -> list[tuple[int, bytes]]:
    found = []
    while body:
        flags, length = struct.unpack_from(">BI", body)
        found.append((flags, body[5 : 5 + length]))
        body = body[5 + length :]
    return found


def test_grpc_web_through_envoy_with_a_plain_http_client(server: LocalServer, tmp_path: Path) -> None:
    path = "/trackway.api.tracking.v1.TrackingService/GetExperiment"
    headers = {
        "content-type": "application/grpc-web+proto",
        "x-grpc-web": "1",
        "origin": "https://trackway.example.org",
    }
    with proxy("envoy", server, tmp_path) as envoy:
        trusted = ssl.create_default_context(cafile=str(envoy.authority))
        with httpx.Client(base_url=f"https://127.0.0.1:{envoy.port}", verify=trusted, headers=headers) as browser:
            key = {"authorization": f"Bearer {server.token}"}
            request = tracking_pb.GetExperimentRequest(experiment_id="0")
            answer = browser.post(path, content=frame(request), headers=key)
            (_, message), (flags, trailers) = frames(answer.content)
            assert tracking_pb.GetExperimentResponse.FromString(message).experiment.name == "Default"
            assert (flags, b"grpc-status:0" in trailers.replace(b" ", b"")) == (0x80, True)
            assert answer.headers["access-control-allow-origin"] == "https://trackway.example.org"

            stranger = browser.post(path, content=frame(request))
            assert stranger.headers["grpc-status"] == str(grpc.StatusCode.UNAUTHENTICATED.value[0])
            preflight = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
            assert "authorization" in browser.options(path, headers=preflight).headers["access-control-allow-headers"]
            elsewhere = browser.options(path, headers={**preflight, "origin": "https://evil.example"})
            assert "access-control-allow-origin" not in elsewhere.headers
