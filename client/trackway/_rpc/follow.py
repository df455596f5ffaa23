"""The points of series as they come, through every break of the connection: none lost, none twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from trackway._rpc import series
from trackway._rpc.connection import Connection
from trackway._rpc.resuming import Resuming
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.series import MetricUpdate

IDLE_SECONDS = 30.0
"""The server says something at least every 10 seconds."""


class Follow(Resuming[pb.FollowResponse, MetricUpdate]):
    """Updates from a position on, until all runs have ended."""

    def __init__(self, connection: Connection, request: pb.FollowRequest, *, idle: float = IDLE_SECONDS) -> None:
        super().__init__()
        self._connection = connection
        self._request = request
        self._idle = idle

    def open_stream(self) -> AsyncIterator[pb.FollowResponse]:
        stub: Any = self._connection.stub(TrackingServiceStub)
        return self._connection.stream(stub.Follow, self._request, idle=self._idle)

    def take(self, answer: pb.FollowResponse) -> MetricUpdate | None:
        self._request.position = answer.position
        return series.update(answer) if answer.points or answer.caught_up else None
