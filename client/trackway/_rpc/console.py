"""The console output of a run as it is read, through every break of the connection: no line lost, none twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from trackway import errors, types
from trackway._rpc.connection import Connection
from trackway._rpc.retry import Backoff
from trackway._rpc.status import has_expired
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

IDLE_SECONDS = 60.0
"""The server shows every 10 seconds that it is there."""
_PASSING = (errors.Unavailable, errors.DeadlineExceeded, errors.Cancelled)
_STREAMS: Mapping[int, types.ConsoleStream] = {1: "stdout", 2: "stderr", 3: "both"}


class Console(AsyncIterator[types.ConsoleBlock]):
    """Blocks of a run's console. It holds the position of each writer, not a stream: a stream that breaks is opened
    again from there."""

    def __init__(
        self, connection: Connection, run_id: str, *, labels: Mapping[str, str], last_lines: int, follow: bool
    ) -> None:
        self._connection = connection
        self._run_id = run_id
        self._labels = labels
        self._last_lines = last_lines
        self._follow = follow
        self._positions: dict[str, int] = {}
        self._writers: dict[str, Mapping[str, str]] = {}
        self._backoff = Backoff()
        self._answers: Any = None
        self._begun = False

    async def __anext__(self) -> types.ConsoleBlock:
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
            if answer.HasField("block"):
                return self._block(answer)

    async def aclose(self) -> None:
        """End the stream. Asking for a block opens it again."""
        answers, self._answers = self._answers, None
        if answers is not None:
            await answers.aclose()

    async def _answer(self) -> pb.ReadConsoleResponse:
        if self._answers is None:
            stub: Any = self._connection.stub(TrackingServiceStub)
            self._answers = self._connection.stream(stub.ReadConsole, self._request(), idle=IDLE_SECONDS)
        try:
            return cast(pb.ReadConsoleResponse, await anext(self._answers))
        except BaseException as error:
            self._answers = None  # its stream has ended with the error
            if self._follow and isinstance(error, StopAsyncIteration):
                raise errors.Unavailable("the server ended the stream") from None
            raise

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
