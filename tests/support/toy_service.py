"""A service with one RPC of each arity, its protos built at run time, and a server to put it on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from google.protobuf.message_factory import GetMessageClass
from pydantic import SecretStr

from trackway.api.common.v1 import limits_pb2  # noqa: F401 - the file below depends on it
from trackway_server.core.auth.authenticator import AdminKeyAuthenticator, Authenticator
from trackway_server.core.auth.principal import Permission, Role
from trackway_server.core.rpc.call import Call, ServiceBinding
from trackway_server.core.rpc.server import RpcServer, build_server

KEY = "tw_" + "k" * 43
AUTHORIZED = (("authorization", f"Bearer {KEY}"),)

FILE = """
name: "support/toy.proto" package: "support.toy.v1" syntax: "proto3"
dependency: "trackway/api/common/v1/limits.proto"
message_type {
  name: "Toy"
  field { name: "text" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL
          options { [trackway.api.common.v1.limits] { max_length: 10 } } }
  field { name: "count" number: 2 type: TYPE_INT32 label: LABEL_OPTIONAL
          options { [trackway.api.common.v1.limits] { minimum: 0 maximum: 1000000 } } }
  field { name: "data" number: 3 type: TYPE_BYTES label: LABEL_OPTIONAL }
}
service {
  name: "ToyService"
  method { name: "Once" input_type: "Toy" output_type: "Toy" }
  method { name: "Down" input_type: "Toy" output_type: "Toy" server_streaming: true }
  method { name: "Up" input_type: "Toy" output_type: "Toy" client_streaming: true }
  method { name: "Both" input_type: "Toy" output_type: "Toy" client_streaming: true server_streaming: true }
  method { name: "Guarded" input_type: "Toy" output_type: "Toy" }
}
"""


def _descriptor() -> Any:
    pool = descriptor_pool.Default()
    proto = text_format.Parse(FILE, descriptor_pb2.FileDescriptorProto(), descriptor_pool=pool)
    pool.AddSerializedFile(proto.SerializeToString())
    return pool.FindFileByName("support/toy.proto")


DESCRIPTOR = _descriptor()
SERVICE = DESCRIPTOR.services_by_name["ToyService"]
Toy = GetMessageClass(DESCRIPTOR.message_types_by_name["Toy"])
ARITIES = ("Once", "Down", "Up", "Both")

USE = Permission("toys.use", Role.VIEWER)
POLICY = {**dict.fromkeys(ARITIES, USE), "Guarded": Permission("toys.guard", Role.ADMIN)}


@dataclass
class ToyServicer:
    """Echoes. The text "refuse", "break" or "wait" asks for more."""

    seen: list[Call] = field(default_factory=list)
    refusal: Exception = field(default_factory=lambda: RuntimeError("driver text: secret"))
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: int = 0

    async def Once(self, request: Any, call: Call) -> Any:
        self.seen.append(call)
        await self._obey(request)
        return request

    async def Guarded(self, request: Any, call: Call) -> Any:
        return request

    async def Down(self, request: Any, call: Call) -> AsyncIterator[Any]:
        self.seen.append(call)
        for number in range(request.count):
            yield Toy(count=number)
        await self._obey(request)

    async def Up(self, requests: AsyncIterator[Any], call: Call) -> Any:
        self.seen.append(call)
        total = 0
        async for request in requests:
            await self._obey(request)
            total += 1
        return Toy(count=total)

    async def Both(self, requests: AsyncIterator[Any], call: Call) -> AsyncIterator[Any]:
        self.seen.append(call)
        async for request in requests:
            await self._obey(request)
            yield request

    async def _obey(self, request: Any) -> None:
        if request.text == "refuse":
            raise self.refusal
        if request.text == "wait":
            self.waiting.set()
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise


@dataclass
class ToyServer:
    """A running server, a channel to it, and the servicer behind."""

    server: RpcServer
    servicer: ToyServicer
    channel: grpc.aio.Channel
    port: int

    def call(self, method: str) -> Any:
        """The raw multi-callable of a method of the toy service; takes and gives Toy messages."""
        return self.raw(method, Toy.SerializeToString, Toy.FromString)

    def raw(self, method: str, serializer: Any = None, deserializer: Any = None) -> Any:
        """The same with other (or no) serialisers."""
        kind = {"Down": "unary_stream", "Up": "stream_unary", "Both": "stream_stream"}.get(method, "unary_unary")
        make = getattr(self.channel, kind)
        return make(f"/{SERVICE.full_name}/{method}", serializer, deserializer)


@asynccontextmanager
async def toy_server(
    servicer: ToyServicer | None = None, authenticator: Authenticator | None = None, **options: Any
) -> AsyncIterator[ToyServer]:
    """A server with the toy service on a free port of 127.0.0.1."""
    servicer = servicer or ToyServicer()
    binding = ServiceBinding(SERVICE, servicer, POLICY)
    server = build_server([binding], authenticator or AdminKeyAuthenticator(SecretStr(KEY)), **options)
    port = server.listen_tcp("127.0.0.1", 0)
    await server.start()
    server.health.set_serving(True)
    try:
        unlimited = [("grpc.max_receive_message_length", -1)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=unlimited) as channel:
            yield ToyServer(server, servicer, channel, port)
    finally:
        await server.stop(grace=0.2)


async def send(toys: ToyServer, method: str, *requests: Any, metadata: Any = AUTHORIZED) -> list[Any]:
    """Call a method of any arity with these requests; the responses as a list."""
    callable_ = toys.call(method)
    given = _stream(requests) if method in {"Up", "Both"} else requests[0]
    call = callable_(given, metadata=metadata)
    if method in {"Down", "Both"}:
        return [response async for response in call]
    return [await call]


async def _stream(requests: tuple[Any, ...]) -> AsyncIterator[Any]:
    for request in requests:
        yield request
