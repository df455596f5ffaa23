"""Streams of answers over HTTP: resumed, kept alive, ended, cancelled, and slow for nobody but who is slow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
from google.protobuf import json_format

from support.auth_serving import AuthServer, auth_server
from support.gateway_serving import JSON, Event, events, gateway_before, http_client, reason_in
from support.rpc_requests import RUN
from support.scripted_server import KEY, ScriptedServer
from support.tracking_service import append, open_writer, points, series, start
from trackway.api.metrics.v1.series_pb2 import SeriesSelection
from trackway.api.registry.v1 import model_registry_service_pb2 as registry
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub
from trackway.api.registry.v1.resources_pb2 import RegisteredModel
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway_server.core.errors import DomainError, Reason

WATCH = "/trackway.api.registry.v1.ModelRegistryService/Watch"
READ_SERIES = "/trackway.api.tracking.v1.TrackingService/ReadSeries"
GET_MODEL = "/trackway.api.registry.v1.ModelRegistryService/GetModel"
LONG = 20
"""Seconds in which everything happens, on a machine under any load."""


@asynccontextmanager
async def scripted(handlers: dict[str, Any], **settings: Any) -> AsyncIterator[int]:
    """The port of a gateway before a server that does what handlers say."""
    server = ScriptedServer(handlers)
    await server.start()
    try:
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
            gateway_before(channel, **settings) as port,
        ):
            yield port
    finally:
        await server.stop()


async def kinds(client: httpx.AsyncClient, body: str = "{}", **headers: str) -> AsyncIterator[Event]:
    """The events of a watch."""
    async with client.stream("POST", WATCH, content=body, headers={**JSON, **headers}) as response:
        assert response.status_code == 200, await response.aread()
        async for event in events(response):
            yield event


async def created(server: AuthServer, name: str) -> None:
    stub = ModelRegistryServiceStub(server.channel)
    await stub.CreateModel(registry.CreateModelRequest(name=name), metadata=server.admin)


async def test_a_watch_resumes_where_it_broke_off(tmp_path: Path) -> None:
    async with auth_server(tmp_path) as server, http_client(server.http_port, server.admin_key) as client:
        for name in ("a", "b"):
            await created(server, name)
        seen, last = [], ""
        async with asyncio.timeout(LONG):
            async for event in kinds(client, '{"fromStart": true}'):
                if "event" in event.data:
                    seen.append(event.data["event"]["modelName"])
                    last = event.id
                    assert event.id == event.data["resumeToken"]
                    break
            await created(server, "c")
            async for event in kinds(client, '{"fromStart": true}', **{"last-event-id": last}):
                if "event" in event.data:
                    seen.append(event.data["event"]["modelName"])
                if len(seen) == 3:
                    break
        assert seen == ["a", "b", "c"]
        wrong = await client.post(WATCH, json={}, headers={"last-event-id": "nonsense"})
        assert (wrong.status_code, reason_in(wrong.json())) == (400, "RESUME_TOKEN_INVALID")


async def test_points_are_the_same_bit_for_bit(tmp_path: Path) -> None:
    values = [0.1, float("nan"), float("inf"), float("-inf"), -0.0, 5e-324]
    async with auth_server(tmp_path) as server, http_client(server.http_port, server.admin_key) as client:
        stub = TrackingServiceStub(server.channel)
        call = stub.Ingest(metadata=server.admin)
        await call.write(open_writer(1, RUN))
        await call.read()
        await call.write(append(0, start(experiment_id="0"), series(0), points(values, 0, at=2), count=2 + len(values)))
        await call.done_writing()
        assert (await call.read()).acknowledged.durable_sequence == 2 + len(values)
        wanted = tracking.ReadSeriesRequest(run_ids=[RUN], series=SeriesSelection(keys=["loss"]))
        over_grpc = [answer async for answer in stub.ReadSeries(wanted, metadata=server.admin)]
        body = json_format.MessageToJson(wanted)
        async with client.stream("POST", READ_SERIES, content=body, headers=JSON) as response:
            *told, end = [event async for event in events(response)]
        assert end.kind == "end"
        over_http = [json_format.ParseDict(event.data, tracking.ReadSeriesResponse()) for event in told]
        assert [one.SerializeToString() for one in over_http] == [one.SerializeToString() for one in over_grpc]
        assert len(over_http[0].points.values) == len(values)
        missing = await client.post(READ_SERIES, json={"runIds": [RUN], "series": {"keys": ["other"]}})
        assert (missing.status_code, reason_in(missing.json())) == (404, "SERIES_NOT_FOUND")


async def test_a_quiet_stream_is_kept_alive_and_ends_with_what_ended_it() -> None:
    told = asyncio.Event()

    async def watch(*_: Any) -> AsyncIterator[registry.WatchResponse]:
        yield registry.WatchResponse(resume_token="1")
        await told.wait()
        raise DomainError(Reason.SHUTTING_DOWN, "Come again.")

    async with scripted({"Watch": watch}, heartbeat_s=0.05) as port, http_client(port, KEY) as client:
        found = []
        async with asyncio.timeout(LONG):
            async for event in kinds(client):
                found.append(event)
                if [one.kind for one in found].count("comment") == 2:
                    told.set()
        assert found[0].id == "1"
        assert found[-1].kind == "error"
        assert (found[-1].data["code"], reason_in(found[-1].data)) == ("unavailable", "SHUTTING_DOWN")


async def test_an_answer_begins_before_the_first_event_of_a_quiet_stream() -> None:
    async def watch(*_: Any) -> AsyncIterator[registry.WatchResponse]:
        await asyncio.sleep(3600)
        yield registry.WatchResponse()

    async with scripted({"Watch": watch}, heartbeat_s=0.05) as port, http_client(port, KEY) as client:
        async with asyncio.timeout(LONG):
            async for event in kinds(client):
                assert event.kind == "comment"
                break


async def test_a_caller_that_goes_away_cancels_the_call() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def forever() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    async def get(*_: Any) -> Any:
        await forever()

    async def watch(*_: Any) -> AsyncIterator[Any]:
        yield registry.WatchResponse(resume_token="1")
        await forever()

    body = b'{"name":"m"}'
    async with scripted({"Watch": watch, "GetModel": get}) as port:
        for path in (GET_MODEL, WATCH):
            begun.clear()
            cancelled.clear()
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
            writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            async with asyncio.timeout(LONG):
                await begun.wait()
                writer.close()
                await cancelled.wait()


async def test_the_timeout_of_the_caller_is_the_deadline_of_the_call() -> None:
    async def get(*_: Any) -> Any:
        await asyncio.sleep(3600)

    async def watch(*_: Any) -> AsyncIterator[Any]:
        yield registry.WatchResponse(resume_token="1")
        await asyncio.sleep(3600)

    async with (
        scripted({"Watch": watch, "GetModel": get}, rpc_timeout_s=3600) as port,
        http_client(port, KEY) as client,
    ):
        short = {"connect-timeout-ms": "200"}
        said = await client.post(GET_MODEL, json={"name": "m"}, headers=short)
        assert (said.status_code, said.json()["code"]) == (504, "deadline_exceeded")
        patience, found = 100, []
        while not found:  # a loaded machine may be late with the first answer: that is a 504, too
            patience *= 2
            stream = client.stream("POST", WATCH, json={}, headers={"connect-timeout-ms": str(patience)})
            async with stream as response:
                assert response.status_code in (200, 504)
                found = [event async for event in events(response)] if response.status_code == 200 else []
        assert found[-1].kind == "error"
        assert found[-1].data["code"] == "deadline_exceeded"
        said = await client.post(GET_MODEL, json={"name": "m"}, headers={"connect-timeout-ms": "1s"})
        assert (said.status_code, said.json()["code"]) == (400, "invalid_argument")
    async with scripted({"GetModel": get}, rpc_timeout_s=0.2) as port, http_client(port, KEY) as client:
        assert (await client.post(GET_MODEL, json={"name": "m"})).status_code == 504


async def test_a_reader_that_takes_nothing_slows_its_own_stream_alone() -> None:
    sent = 0

    async def watch(*_: Any) -> AsyncIterator[Any]:
        nonlocal sent
        while True:
            sent += 1
            yield registry.WatchResponse(resume_token="x" * (1 << 20))

    async def get(*_: Any) -> Any:
        return registry.GetModelResponse(model=RegisteredModel(name="m"))

    async with scripted({"Watch": watch, "GetModel": get}) as port, http_client(port, KEY) as client:
        _, slow = await asyncio.open_connection("127.0.0.1", port, limit=1 << 10)
        head = f"POST {WATCH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
        slow.write(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        async with asyncio.timeout(LONG):
            still = -1
            while still != sent or not sent:  # until nothing more is asked of the service
                still = sent
                for _ in range(5):
                    assert (await client.post(GET_MODEL, json={"name": "m"})).status_code == 200
        assert sent < 100
        slow.close()


async def test_streams_have_a_number_and_their_places_are_given_back() -> None:
    async def watch(*_: Any) -> AsyncIterator[Any]:
        yield registry.WatchResponse(resume_token="1")
        await asyncio.sleep(3600)

    async with scripted({"Watch": watch}, max_streams=1) as port, http_client(port, KEY) as client:
        async with client.stream("POST", WATCH, json={}) as open_one:
            assert open_one.status_code == 200
            refused = await client.post(WATCH, json={})
            assert (refused.status_code, reason_in(refused.json())) == (429, "LIMIT_EXCEEDED")
            assert int(refused.headers["retry-after"]) > 0
        async with asyncio.timeout(LONG):
            while True:
                async with client.stream("POST", WATCH, json={}) as another:
                    if another.status_code == 200:
                        break


async def test_the_request_id_goes_all_the_way() -> None:
    found: list[str] = []

    async def get(_: Any, call: Any) -> Any:
        found.append(call.request_id)
        raise DomainError(Reason.INTERNAL, "A defect.", request_id=call.request_id)

    async with scripted({"GetModel": get}) as port, http_client(port, KEY) as client:
        said = await client.post(GET_MODEL, json={"name": "m"}, headers={"x-request-id": "mine-1"})
        assert said.headers["x-request-id"] == "mine-1"
        assert json.loads(said.text)["details"][0]["debug"]["metadata"] == {"request_id": "mine-1"}
        await client.post(GET_MODEL, json={"name": "m"}, headers={"x-request-id": "a b"})
        assert found[0] == "mine-1"
        assert len(found[1]) == 32
