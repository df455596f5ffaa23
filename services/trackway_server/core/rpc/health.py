"""grpc.health.v1: whether the server, or one service of it, takes calls. Open to everybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from grpc_health.v1 import health_pb2

from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call
from trackway_server.core.rpc.method import Method

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health:
    """The state of the server; it is that of each of its services too. "" names the server as a whole."""

    def __init__(self, services: frozenset[str]) -> None:
        self._services = services | {""}
        self._serving = False
        self._changed = asyncio.Event()

    @property
    def serving(self) -> bool:
        """Whether the server takes calls."""
        return self._serving

    def set_serving(self, serving: bool) -> None:
        """Say so to everyone who asks or watches."""
        self._serving = serving
        self._changed.set()
        self._changed = asyncio.Event()

    def methods(self) -> tuple[Method, ...]:
        """The RPCs of grpc.health.v1.Health."""
        service = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
        request, listing = health_pb2.HealthCheckRequest, health_pb2.HealthListRequest
        return (
            Method(service, "Check", False, False, request, self.Check, None, is_probe=True),
            Method(service, "Watch", False, True, request, self.Watch, None, is_probe=True),
            Method(service, "List", False, False, listing, self.List, None, is_probe=True),
        )

    async def Check(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, call: Call
    ) -> health_pb2.HealthCheckResponse:
        """The state of one service now; NOT_FOUND for an unknown one."""
        if request.service not in self._services:
            message = "This server has no service of that name."
            raise DomainError(Reason.SERVICE_NOT_FOUND, message, service=request.service)
        return health_pb2.HealthCheckResponse(status=self._status(request.service))

    async def Watch(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, call: Call
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """The state of one service now and at every change."""
        last = None
        while True:
            changed, status = self._changed, self._status(request.service)
            if status != last:
                yield health_pb2.HealthCheckResponse(status=status)
                last = status
            await changed.wait()

    async def List(  # noqa: N802
        self, request: health_pb2.HealthListRequest, call: Call
    ) -> health_pb2.HealthListResponse:
        """The state of every service."""
        states = {name: health_pb2.HealthCheckResponse(status=self._status(name)) for name in self._services}
        return health_pb2.HealthListResponse(statuses=states)

    def _status(self, service: str) -> Any:
        if service not in self._services:
            return SERVICE_UNKNOWN
        return SERVING if self._serving else NOT_SERVING
