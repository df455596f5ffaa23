"""The registry's events as they happen, through every break of the connection: none lost, none twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from trackway import types
from trackway._rpc import convert
from trackway._rpc.connection import Connection
from trackway._rpc.resuming import Resuming
from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub

IDLE_SECONDS = 30.0
"""The server sends a bookmark at least every 10 seconds."""


class Watch(Resuming[pb.WatchResponse, types.Event]):
    """Events from a resume token on."""

    ended_by_server = False

    def __init__(
        self,
        connection: Connection,
        model_name: str,
        *,
        resume_token: str,
        from_start: bool,
        idle: float = IDLE_SECONDS,
    ) -> None:
        super().__init__()
        self._connection = connection
        self._model_name = model_name
        self._token = resume_token
        self._from_start = from_start
        self._idle = idle

    @property
    def resume_token(self) -> str:
        """Asks for what follows the last event taken; empty before the server has answered."""
        return self._token

    def open_stream(self) -> AsyncIterator[pb.WatchResponse]:
        stub: Any = self._connection.stub(ModelRegistryServiceStub)
        return self._connection.stream(stub.Watch, self._request(), idle=self._idle)

    def take(self, answer: pb.WatchResponse) -> types.Event | None:
        self._token = answer.resume_token or answer.event.resume_token or self._token
        return convert.event(answer.event) if answer.HasField("event") else None

    def _request(self) -> pb.WatchRequest:
        return pb.WatchRequest(
            model_name=self._model_name,
            workspace=self._connection.workspace,
            resume_token=self._token,
            from_start=self._from_start and not self._token,
        )
