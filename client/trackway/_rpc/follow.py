"""The points of series as they come, through every break of the connection: none lost, none twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from trackway import errors
from trackway._rpc import series
from trackway._rpc.connection import Connection
from trackway._rpc.retry import Backoff
from trackway._rpc.status import has_expired
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.series import MetricUpdate

IDLE_SECONDS = 30.0
"""The server says something at least every 10 seconds."""
_PASSING = (errors.Unavailable, errors.DeadlineExceeded, errors.Cancelled)


class Follow(AsyncIterator[MetricUpdate]):
    """Updates from a position on. It holds a position, not a stream: a stream that breaks is opened again from it, in
    whichever event loop the next update is asked for."""

    def __init__(self, connection: Connection, request: pb.FollowRequest, *, idle: float = IDLE_SECONDS) -> None:
        self._connection = connection
        self._request = request
        self._idle = idle
        self._backoff = Backoff()
        self._answers: Any = None
        self._begun = False

    async def __anext__(self) -> MetricUpdate:
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
            self._request.position = answer.position
            if answer.points or answer.caught_up:
                return series.update(answer)

    async def aclose(self) -> None:
        """End the stream. Asking for an update opens it again."""
        answers, self._answers = self._answers, None
        if answers is not None:
            await answers.aclose()

    async def _answer(self) -> pb.FollowResponse:
        if self._answers is None:
            stub = self._connection.stub(TrackingServiceStub)
            self._answers = self._connection.stream(stub.Follow, self._request, idle=self._idle)
        try:
            answer: pb.FollowResponse = await anext(self._answers)
        except BaseException:
            self._answers = None  # its stream has ended with the error, or because all runs have
            raise
        return answer
