"""Every public RPC over HTTP: requests and answers arrive as they were, and refusals are those of gRPC."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import json_format

from support.auth_serving import AuthServer, auth_server, bearer
from support.filled_messages import filled
from support.gateway_serving import (
    JSON,
    PROTO,
    enveloped,
    events,
    gateway_before,
    http_client,
    reason_in,
    unenveloped,
)
from support.rpc_requests import RUN, outcome, request_of
from support.scripted_server import KEY, ScriptedServer
from trackway.api.metrics.v1.ingest_pb2 import RunStart
from trackway.api.registry.v1 import model_registry_service_pb2 as registry
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call
from trackway_server.gateway.connect.methods import SERVICES, Rpc, public_rpcs
from trackway_server.gateway.connect.refusals import CONNECT_CODES

RPCS = public_rpcs()
UNARY = [rpc for rpc in RPCS.values() if not rpc.streams_requests and not rpc.streams_answers]
STREAMS = [rpc for rpc in RPCS.values() if rpc.streams_answers and not rpc.streams_requests]
UPLOADS = [rpc for rpc in RPCS.values() if rpc.streams_requests]
READS = ("Get", "List", "Resolve")


def descriptor(rpc: Rpc) -> Any:
    return SERVICES[rpc.service].methods_by_name[rpc.name]


@asynccontextmanager
async def scripted(handlers: dict[str, Any]) -> AsyncIterator[tuple[ScriptedServer, httpx.AsyncClient]]:
    """A server of all services that does what handlers say, and a client of the gateway before it."""
    server = ScriptedServer(handlers)
    await server.start()
    try:
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
            gateway_before(channel) as port,
            http_client(port, KEY) as client,
        ):
            yield server, client
    finally:
        await server.stop()


async def test_every_unary_rpc_arrives_and_answers_as_it_was_in_json_and_in_protobuf() -> None:
    dice = random.Random(5)
    answers = {rpc.name: filled(rpc.answer_type, dice) for rpc in UNARY}

    async def handler(_: Any, call: Call) -> Any:
        return answers[call.method.rpartition("/")[2]]

    async with scripted(dict.fromkeys(answers, handler)) as (server, client):
        for rpc in UNARY:
            request, expected = request_of(descriptor(rpc)), answers[rpc.name].SerializeToString(deterministic=True)
            said = await client.post(rpc.path, content=json_format.MessageToJson(request), headers=JSON)
            assert (said.status_code, said.headers["content-type"]) == (200, "application/json"), said.text
            parsed = json_format.Parse(said.text, rpc.answer_type())
            assert parsed.SerializeToString(deterministic=True) == expected
            raw = await client.post(rpc.path, content=request.SerializeToString(), headers=PROTO)
            assert (raw.status_code, raw.headers["content-type"]) == (200, "application/proto")
            assert rpc.answer_type.FromString(raw.content).SerializeToString(deterministic=True) == expected
            assert server.calls(rpc.name) == [request, request]


async def test_every_stream_of_answers_arrives_as_events_and_in_envelopes() -> None:
    dice = random.Random(6)
    answers = {rpc.name: [filled(rpc.answer_type, dice) for _ in range(3)] for rpc in STREAMS}

    async def handler(_: Any, call: Call) -> AsyncIterator[Any]:
        for answer in answers[call.method.rpartition("/")[2]]:
            yield answer

    def same(found: Any, rpc: Rpc) -> bool:
        return [one.SerializeToString(deterministic=True) for one in found] == [
            one.SerializeToString(deterministic=True) for one in answers[rpc.name]
        ]

    async with scripted(dict.fromkeys(answers, handler)) as (_, client):
        for rpc in STREAMS:
            request = request_of(descriptor(rpc))
            written = json_format.MessageToJson(request).encode()
            async with client.stream("POST", rpc.path, content=written, headers=JSON) as response:
                assert response.headers["content-type"] == "text/event-stream"
                told = [event async for event in events(response)]
            assert [event.kind for event in told] == ["message"] * 3 + ["end"]
            assert same([json_format.ParseDict(event.data, rpc.answer_type()) for event in told[:-1]], rpc)

            framed = {"content-type": "application/connect+proto"}
            raw = await client.post(rpc.path, content=enveloped(request.SerializeToString()), headers=framed)
            *messages, end = unenveloped(raw.content)
            assert same([rpc.answer_type.FromString(content) for _, content in messages], rpc)
            assert end == (2, b"{}")
            framed = {"content-type": "application/connect+json"}
            raw = await client.post(rpc.path, content=enveloped(written), headers=framed)
            *messages, end = unenveloped(raw.content)
            assert same([json_format.Parse(content, rpc.answer_type()) for _, content in messages], rpc)


async def test_every_reason_is_told_as_it_is_in_every_form() -> None:
    path = RPCS["/trackway.api.tracking.v1.TrackingService/GetRun"].path
    watch = "/trackway.api.registry.v1.ModelRegistryService/Watch"
    reason = Reason.INTERNAL

    async def refuse(*_: Any) -> Any:
        raise DomainError(reason, "Because.")

    async def refuse_stream(*_: Any) -> AsyncIterator[Any]:
        raise DomainError(reason, "Because.")
        yield

    async with scripted({"GetRun": refuse, "Watch": refuse_stream}) as (_, client):
        for reason in Reason:
            name, status = CONNECT_CODES[grpc.StatusCode[reason.kind.name]]
            unary = await client.post(path, json={"runId": RUN})
            stream = await client.post(watch, json={})
            for said in (unary, stream):
                assert (said.status_code, said.json()["code"], reason_in(said.json())) == (status, name, reason.name)
                assert said.headers["content-type"] == "application/json"
            framed = {"content-type": "application/connect+json"}
            ended = await client.post(watch, content=enveloped(b"{}"), headers=framed)
            ((flags, end),) = unenveloped(ended.content)
            assert (ended.status_code, flags) == (200, 2)
            assert reason_in(json.loads(end)["error"]) == reason.name


async def test_streams_of_requests_and_what_is_internal_or_unknown_are_not_there() -> None:
    async with scripted({}) as (server, client):
        for rpc in UPLOADS:
            said = await client.post(rpc.path, json={})
            assert (said.status_code, said.json()["code"]) == (501, "unimplemented")
            assert "gRPC" in said.json()["message"]
        for path in (
            "/trackway.api.tracking.v1.TrackingService/GetRunAccess",
            "/trackway.api.tracking.v1.TrackingService/GetLoggedModelAccess",
            "/trackway.api.registry.v1.ModelRegistryService/GetManifestAccess",
            "/trackway.api.auth.v1.AuthService/ExchangeCertificate",
            "/trackway.api.tracking.v1.TrackingService/",
            "/trackway.api.tracking.v1.TrackingService/getRun",
            "/trackway.api.tracking.v1.TrackingService/GetRun/",
            "/trackway.api.nothing.v1.Service/Get",
        ):
            said = await client.post(path, json={})
            assert (said.status_code, said.json()["code"]) == (404, "unimplemented"), path
        for path in ("/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"):
            assert (await client.post(path, json={})).status_code == 405
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            said = await client.request(method, "/trackway.api.tracking.v1.TrackingService/GetRun")
            assert (said.status_code, said.headers["allow"]) == (405, "POST")
        assert server.seen == []


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AuthServer]:
    async with auth_server(tmp_path) as running:
        stub = TrackingServiceStub(running.channel)
        await stub.CreateExperiment(tracking.CreateExperimentRequest(name="there"), metadata=running.admin)
        start = RunStart(start_time_us=5, experiment_id="1", run_name="é", tags={"a": "b"})
        await stub.CreateRun(tracking.CreateRunRequest(run_id=RUN, start=start), metadata=running.admin)
        models = ModelRegistryServiceStub(running.channel)
        await models.CreateModel(registry.CreateModelRequest(name="something"), metadata=running.admin)
        yield running


async def test_a_real_server_reads_the_same_over_both(server: AuthServer) -> None:
    answered = 0
    async with http_client(server.http_port, server.admin_key) as client:
        for rpc in [rpc for rpc in UNARY if rpc.name.startswith(READS)]:
            request = request_of(descriptor(rpc))
            said = await client.post(rpc.path, content=json_format.MessageToJson(request), headers=JSON)
            try:
                raw = await server.channel.unary_unary(rpc.path)(request.SerializeToString(), metadata=server.admin)
            except grpc.aio.AioRpcError as error:
                assert (said.json()["code"], said.status_code) == CONNECT_CODES[error.code()], rpc.name
                assert said.json()["message"] == error.details()
                continue
            assert json_format.Parse(said.text, rpc.answer_type()) == rpc.answer_type.FromString(raw), rpc.name
            answered += 1
    assert answered >= 12


async def test_whoever_may_not_by_grpc_may_not_by_http(server: AuthServer) -> None:
    viewer = await server.token(await server.principal("vera", default="VIEWER"))
    for credential in ("", "tw_" + "w" * 43, viewer):
        metadata = bearer(credential) if credential else ()
        async with http_client(server.http_port, credential) as client:
            for rpc in [rpc for rpc in RPCS.values() if not rpc.streams_requests and not rpc.takes_credentials]:
                request = request_of(descriptor(rpc))
                _, reason = await outcome(server.channel, descriptor(rpc), request.SerializeToString(), metadata)
                written = json_format.MessageToJson(request).encode()
                async with client.stream("POST", rpc.path, content=written, headers=JSON) as said:
                    if reason:
                        assert reason_in(json.loads(await said.aread())) == reason, (rpc.name, credential)
                    else:
                        assert said.status_code == 200, (rpc.name, credential)


async def test_writes_over_http_are_there_over_grpc(server: AuthServer) -> None:
    service = "/trackway.api.tracking.v1.TrackingService/"
    async with http_client(server.http_port, server.admin_key) as client:
        run_id = "0f" * 16
        start = {"experimentId": "1", "runName": "by http", "startTimeUs": "9007199254740993"}
        made = await client.post(service + "CreateRun", json={"runId": run_id, "start": start})
        assert made.json()["run"]["startTimeUs"] == "9007199254740993"
        batch = {"runId": run_id, "params": {"params": {"lr": "0.1"}}, "tags": {"set": {"t": "é"}}}
        logged = await client.post(service + "LogBatch", json=batch)
        assert (logged.status_code, logged.text) == (200, "{}")
        ended = await client.post(service + "UpdateRun", json={"runId": run_id, "status": "RUN_STATUS_FINISHED"})
        assert ended.json()["run"]["status"] == "RUN_STATUS_FINISHED"
    run = (
        await TrackingServiceStub(server.channel).GetRun(tracking.GetRunRequest(run_id=run_id), metadata=server.admin)
    ).run
    assert (run.run_name, dict(run.params), run.tags["t"]) == ("by http", {"lr": "0.1"}, "é")
