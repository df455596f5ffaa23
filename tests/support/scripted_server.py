"""A real server of all four services whose methods are what a test says, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from pydantic import SecretStr

from trackway.aio import AsyncClient
from trackway.api.artifacts.v1 import artifact_store_service_pb2
from trackway.api.auth.v1 import auth_service_pb2
from trackway.api.registry.v1 import model_registry_service_pb2
from trackway.api.tracking.v1 import tracking_service_pb2
from trackway_server.core.auth.authenticator import AdminKeyAuthenticator
from trackway_server.core.auth.principal import Permission, Role
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call, ServiceBinding
from trackway_server.core.rpc.server import RpcServer, build_server

KEY = "tw_" + "s" * 43
SERVICES: tuple[ServiceDescriptor, ...] = (
    tracking_service_pb2.DESCRIPTOR.services_by_name["TrackingService"],
    artifact_store_service_pb2.DESCRIPTOR.services_by_name["ArtifactStoreService"],
    model_registry_service_pb2.DESCRIPTOR.services_by_name["ModelRegistryService"],
    auth_service_pb2.DESCRIPTOR.services_by_name["AuthService"],
)


class ScriptedServer:
    """`handlers` by RPC name, in the shapes of `Call`'s docstring; may change while it runs. `seen` are the calls."""

    def __init__(self, handlers: dict[str, Any]) -> None:
        self.handlers = handlers
        self.seen: list[tuple[str, Any, Call]] = []
        self.port = 0
        self._server: RpcServer | None = None

    @property
    def uri(self) -> str:
        return f"trackway://127.0.0.1:{self.port}"

    async def start(self) -> None:
        bindings = [ServiceBinding(service, self._servicer(service), policy(service)) for service in SERVICES]
        self._server = build_server(bindings, AdminKeyAuthenticator(SecretStr(KEY)))
        self.port = self._server.listen_tcp("127.0.0.1", self.port)
        await self._server.start()
        self._server.health.set_serving(True)

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop(grace=0.1)

    async def restart(self) -> None:
        """Break every connection, then serve on the same port."""
        await self.stop()
        await self.start()

    def calls(self, name: str) -> list[Any]:
        """The requests that came to one RPC."""
        return [request for seen, request, _ in self.seen if seen == name]

    def _servicer(self, service: ServiceDescriptor) -> Any:
        return type("Servicer", (), {method.name: staticmethod(self._method(method)) for method in service.methods})()

    def _method(self, method: MethodDescriptor) -> Callable[..., Any]:
        async def once(request: Any, call: Call) -> Any:
            return await self._handler(method.name, request, call)(request, call)

        async def stream(request: Any, call: Call) -> AsyncIterator[Any]:
            async for answer in self._handler(method.name, request, call)(request, call):
                yield answer

        return stream if method.server_streaming else once

    def _handler(self, name: str, request: Any, call: Call) -> Any:
        self.seen.append((name, request, call))
        if name not in self.handlers:
            raise DomainError(Reason.UNKNOWN_METHOD, "Not scripted; script it.", method=name)
        return self.handlers[name]


def policy(service: ServiceDescriptor) -> dict[str, Permission]:
    return {method.name: Permission("scripted.use", Role.VIEWER) for method in service.methods}


@asynccontextmanager
async def scripted(**handlers: Any) -> AsyncIterator[tuple[ScriptedServer, AsyncClient]]:
    """The server, and a client of it."""
    server = ScriptedServer(handlers)
    await server.start()
    try:
        async with AsyncClient(server.uri, token=KEY) as client:
            yield server, client
    finally:
        await server.stop()
