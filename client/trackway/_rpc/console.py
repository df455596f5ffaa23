"""The console output of a run as it is read, through every break of the connection: no line lost, none twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from trackway import types
from trackway._rpc.connection import Connection
from trackway._rpc.resuming import Resuming
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

IDLE_SECONDS = 60.0
"""The server shows every 10 seconds that it is there."""
_STREAMS: Mapping[int, types.ConsoleStream] = {1: "stdout", 2: "stderr", 3: "both"}


class Console(Resuming[pb.ReadConsoleResponse, types.ConsoleBlock]):
    """Blocks of a run's console, from the position of each of its writers on."""

    def __init__(
        self, connection: Connection, run_id: str, *, labels: Mapping[str, str], last_lines: int, follow: bool
    ) -> None:
        super().__init__()
        self._connection = connection
        self._run_id = run_id
        self._labels = labels
        self._last_lines = last_lines
        self._follow = follow
        self.ended_by_server = not follow
        self._positions: dict[str, int] = {}
        self._writers: dict[str, Mapping[str, str]] = {}

    def open_stream(self) -> AsyncIterator[pb.ReadConsoleResponse]:
        stub: Any = self._connection.stub(TrackingServiceStub)
        return self._connection.stream(stub.ReadConsole, self._request(), idle=IDLE_SECONDS)

    def take(self, answer: pb.ReadConsoleResponse) -> types.ConsoleBlock | None:
        return self._block(answer) if answer.HasField("block") else None

    def _request(self) -> pb.ReadConsoleRequest:
        return pb.ReadConsoleRequest(
            run_id=self._run_id,
            labels=self._labels,
            last_lines=self._last_lines,
            follow=self._follow,
            after=[pb.ConsolePosition(writer_id=each, sequence=place) for each, place in self._positions.items()],
        )

    def _block(self, answer: pb.ReadConsoleResponse) -> types.ConsoleBlock:
        writer_id, block = answer.position.writer_id, answer.block
        self._positions[writer_id] = answer.position.sequence
        labels = self._writers.setdefault(writer_id, dict(answer.labels))
        return types.ConsoleBlock(
            writer_id=writer_id,
            labels=labels,
            stream=_STREAMS.get(block.stream, "both"),
            lines=tuple(block.text.split("\n")) if block.line_count else (),
            unfinished=block.unfinished,
            time_us=block.time_us,
            first_line=block.first_line,
            dropped_lines=block.dropped_lines,
            dropped_bytes=block.dropped_bytes,
        )
