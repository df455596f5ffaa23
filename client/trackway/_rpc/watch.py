"""The registry's events as they happen, through every break of the connection: none lost, none twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from trackway import errors, types
from trackway._rpc import convert
from trackway._rpc.connection import Connection
from trackway._rpc.retry import Backoff
from trackway._rpc.status import has_expired
from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub

IDLE_SECONDS = 30.0
"""The server sends a bookmark at least every 10 seconds."""
_PASSING = (errors.Unavailable, errors.DeadlineExceeded, errors.Cancelled)


class Watch(AsyncIterator[types.Event]):
    """Events from a resume token on. It holds a token, not a stream: a stream that breaks is opened again from the
    token, in whichever event loop the next event is asked for."""

    def __init__(
        self,
        connection: Connection,
        model_name: str,
        *,
        resume_token: str,
        from_start: bool,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self._connection = connection
        self._model_name = model_name
        self._token = resume_token
        self._from_start = from_start
        self._idle = idle
        self._backoff = Backoff()
        self._answers: Any = None
        self._begun = False

    @property
    def resume_token(self) -> str:
        """Asks for what follows the last event taken; empty before the server has answered."""
        return self._token

    async def __anext__(self) -> types.Event:
        while True:
            try:
                answer = await self._answer()
            except errors.Unauthenticated as refused:
                if not has_expired(refused):
                    raise
                await self._backoff.wait()
                continue
            except _PASSING:
                if not self._begun:
                    raise  # a server that was never reached is for the caller to know
                await self._backoff.wait()
                continue
            self._begun = True
            self._backoff.reset()
            self._token = answer.resume_token or answer.event.resume_token or self._token
            if answer.HasField("event"):
                return convert.event(answer.event)

    async def aclose(self) -> None:
        """End the stream. Asking for an event opens it again."""
        answers, self._answers = self._answers, None
        if answers is not None:
            await answers.aclose()

    async def _answer(self) -> pb.WatchResponse:
        if self._answers is None:
            self._answers = self._connection.stream(self._stub.Watch, self._request(), idle=self._idle)
        try:
            answer: pb.WatchResponse = await anext(self._answers)
        except BaseException as error:
            self._answers = None  # its stream has ended with the error
            if isinstance(error, StopAsyncIteration):
                raise errors.Unavailable("the server ended the watch") from None
            raise
        return answer

    def _request(self) -> pb.WatchRequest:
        return pb.WatchRequest(
            model_name=self._model_name,
            workspace=self._connection.workspace,
            resume_token=self._token,
            from_start=self._from_start and not self._token,
        )

    @property
    def _stub(self) -> Any:
        return self._connection.stub(ModelRegistryServiceStub)
