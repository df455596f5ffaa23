"""Server reflection, v1 and v1alpha, which have the same messages: what grpcurl and its kind ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import ReflectionServicer

from trackway_server.core.auth.principal import Permission, Role
from trackway_server.core.rpc.call import Call
from trackway_server.core.rpc.method import Method

SERVICES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
PERMISSION = Permission("reflection.read", Role.VIEWER)


def reflection_methods(services: Iterable[str]) -> tuple[Method, ...]:
    """The RPCs that describe the services named, and themselves."""
    reflection = Reflection([*services, SERVICES[1]])
    return tuple(
        Method(
            service,
            "ServerReflectionInfo",
            True,
            True,
            reflection_pb2.ServerReflectionRequest,
            reflection.ServerReflectionInfo,
            PERMISSION,
        )
        for service in SERVICES
    )


class Reflection:
    """Answers by the library's own servicer."""

    def __init__(self, services: Iterable[str]) -> None:
        self._servicer = ReflectionServicer(services)

    async def ServerReflectionInfo(  # noqa: N802
        self, requests: AsyncIterator[reflection_pb2.ServerReflectionRequest], call: Call
    ) -> AsyncIterator[reflection_pb2.ServerReflectionResponse]:
        """One answer a request."""
        async for request in requests:
            answers: Iterable[Any] = self._servicer.ServerReflectionInfo(iter([_by_service(request)]), None)
            for answer in answers:
                answer.original_request.CopyFrom(request)
                yield answer


def _by_service(request: reflection_pb2.ServerReflectionRequest) -> reflection_pb2.ServerReflectionRequest:
    """The request, with a method's name replaced by its service's: protobuf's pool finds no methods."""
    service, _, method = request.file_containing_symbol.rpartition(".")
    try:
        described = descriptor_pool.Default().FindServiceByName(service)
    except KeyError:
        return request
    if method not in described.methods_by_name:
        return request
    return reflection_pb2.ServerReflectionRequest(host=request.host, file_containing_symbol=service)
