"""Building and listening; health and reflection."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from support.refusals import refused
from support.toy_service import AUTHORIZED, POLICY, SERVICE, Toy, ToyServer, ToyServicer, send, toy_server
from trackway_server.core.auth.authenticator import InsecureAuthenticator
from trackway_server.core.lifecycle import StartupError
from trackway_server.core.rpc.call import ServiceBinding
from trackway_server.core.rpc.config import RpcSettings
from trackway_server.core.rpc.interceptors import AccessLog, Authorization, RequestId, check_order
from trackway_server.core.rpc.server import build_server

MAX_MESSAGE_BYTES = RpcSettings().max_message_bytes

HEALTH = health_pb2.HealthCheckResponse


@pytest.fixture
async def toys():
    async with toy_server() as toys:
        yield toys


def binding(servicer: object, policy: dict) -> ServiceBinding:
    return ServiceBinding(SERVICE, servicer, policy)


async def test_an_rpc_without_a_policy_refuses_to_start() -> None:
    policy = {name: permission for name, permission in POLICY.items() if name != "Up"}
    with pytest.raises(StartupError, match="ToyService/Up has no entry"):
        build_server([binding(ToyServicer(), policy)], InsecureAuthenticator())


async def test_a_policy_for_an_unknown_rpc_refuses_to_start() -> None:
    with pytest.raises(StartupError, match="unknown RPCs: Nope"):
        build_server([binding(ToyServicer(), {**POLICY, "Nope": POLICY["Once"]})], InsecureAuthenticator())


async def test_an_rpc_without_an_implementation_refuses_to_start() -> None:
    with pytest.raises(StartupError, match="has no implementation"):
        build_server([binding(object(), dict(POLICY))], InsecureAuthenticator())


def test_the_declared_order_is_checked() -> None:
    check_order([RequestId(), AccessLog()])
    with pytest.raises(ValueError, match="access_log must come once, and after request_id"):
        check_order([AccessLog(), RequestId()])
    with pytest.raises(ValueError, match="authorization"):
        check_order([RequestId(), Authorization()])
    with pytest.raises(ValueError, match="request_id"):
        check_order([RequestId(), RequestId()])


async def test_a_port_that_is_taken_is_one_clear_line(toys: ToyServer) -> None:
    other = build_server([], InsecureAuthenticator())
    with pytest.raises(StartupError, match=f"cannot listen on 127.0.0.1 port {toys.port}: Address already in use"):
        other.listen_tcp("127.0.0.1", toys.port)
    with socket.socket() as plain:
        plain.bind(("127.0.0.1", 0))
        plain.listen()
        with pytest.raises(StartupError):
            other.listen_tcp("127.0.0.1", plain.getsockname()[1])
    await other.stop(grace=0)


async def test_a_unix_socket_for_this_user_only(toys: ToyServer, tmp_path: Path) -> None:
    path = Path(os.path.relpath(tmp_path)) / "s"
    with socket.socket(socket.AF_UNIX) as stale:  # what a killed server leaves behind
        stale.bind(str(path))
    server = build_server([binding(ToyServicer(), dict(POLICY))], InsecureAuthenticator())
    server.listen_unix(path)
    await server.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
        assert await send(ToyServer(server, ToyServicer(), channel, 0), "Once", Toy(text="a"))
    await server.stop(grace=0)


async def test_a_message_that_is_too_large(toys: ToyServer) -> None:
    """The transport itself refuses: the listed exception to ErrorInfo."""
    assert await send(toys, "Once", Toy(data=b"x" * (MAX_MESSAGE_BYTES - 100)))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await send(toys, "Once", Toy(data=b"x" * MAX_MESSAGE_BYTES))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("size", [1 << 10, MAX_MESSAGE_BYTES + (1 << 20)])
async def test_compression_does_not_pass_the_limit(toys: ToyServer, size: int) -> None:
    call = toys.call("Once")(Toy(data=bytes(size)), metadata=AUTHORIZED, compression=grpc.Compression.Gzip)
    if size < MAX_MESSAGE_BYTES:
        assert len((await call).data) == size
        return
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert toys.servicer.seen == []


def health_call(toys: ToyServer, method: str):
    kind = toys.channel.unary_stream if method == "Watch" else toys.channel.unary_unary
    return kind(f"/grpc.health.v1.Health/{method}", health_pb2.HealthCheckRequest.SerializeToString, HEALTH.FromString)


async def test_health_is_open_to_everybody(toys: ToyServer) -> None:
    for service in ("", SERVICE.full_name):
        answer = await health_call(toys, "Check")(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == HEALTH.SERVING
    toys.server.health.set_serving(False)
    assert (await health_call(toys, "Check")(health_pb2.HealthCheckRequest())).status == HEALTH.NOT_SERVING


async def test_the_health_of_an_unknown_service(toys: ToyServer) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await health_call(toys, "Check")(health_pb2.HealthCheckRequest(service="nope"))
    found = refused(caught.value)
    assert (found.code, found.reason) == (grpc.StatusCode.NOT_FOUND, "SERVICE_NOT_FOUND")
    watch = health_call(toys, "Watch")(health_pb2.HealthCheckRequest(service="nope"))
    assert (await watch.read()).status == HEALTH.SERVICE_UNKNOWN


async def test_health_can_be_watched(toys: ToyServer) -> None:
    watch = health_call(toys, "Watch")(health_pb2.HealthCheckRequest())
    assert (await watch.read()).status == HEALTH.SERVING
    toys.server.health.set_serving(False)
    assert (await watch.read()).status == HEALTH.NOT_SERVING
    toys.server.health.set_serving(True)
    assert (await watch.read()).status == HEALTH.SERVING


async def test_health_of_all_services(toys: ToyServer) -> None:
    listing = toys.channel.unary_unary(
        "/grpc.health.v1.Health/List",
        health_pb2.HealthListRequest.SerializeToString,
        health_pb2.HealthListResponse.FromString,
    )
    assert set((await listing(health_pb2.HealthListRequest())).statuses) == {"", SERVICE.full_name}


async def reflect(toys: ToyServer, version: str, metadata, **request) -> reflection_pb2.ServerReflectionResponse:
    call = toys.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )(metadata=metadata)
    await call.write(reflection_pb2.ServerReflectionRequest(**request))
    answer = await call.read()
    await call.done_writing()
    return answer


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_describes_the_services_to_those_with_a_key(toys: ToyServer, version: str) -> None:
    answer = await reflect(toys, version, AUTHORIZED, list_services="")
    names = {service.name for service in answer.list_services_response.service}
    assert {SERVICE.full_name, "grpc.health.v1.Health"} <= names
    answer = await reflect(toys, version, AUTHORIZED, file_containing_symbol=SERVICE.full_name)
    files = [
        descriptor_pb2.FileDescriptorProto.FromString(raw)
        for raw in answer.file_descriptor_response.file_descriptor_proto
    ]
    assert "support/toy.proto" in {file.name for file in files}
    answer = await reflect(toys, version, AUTHORIZED, file_containing_symbol="no.such.Thing")
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await reflect(toys, version, None, list_services="")
    assert refused(caught.value).reason == "CREDENTIALS_MISSING"
