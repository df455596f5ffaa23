"""One call as it passes through the chain: what came in, what goes out, and how it ended."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import grpc

from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call
from trackway_server.core.rpc.method import Method

# A status that is set while a client still writes can be lost on its way (it becomes INTERNAL). So what the client
# sends is read on until it half-closes, falls silent, or has sent too much.
SILENCE_SECONDS = 0.2
SILENCE_AFTER_ANSWER_SECONDS = 1.0
DRAIN_SECONDS = 10.0
DRAIN_BYTES = 256 << 20
EXPIRED_SECONDS = 30.0
"""So long a stream of requests whose token has expired may take to store and acknowledge what it has read."""


class Exchange:
    """One call. Each interceptor reads and sets what is its own; the dispatch does the rest."""

    __slots__ = ("call", "code", "context", "message", "method", "principal_name", "raw", "reason", "streams")

    def __init__(self, method: Method, raw: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self.method = method
        self.context = context
        metadata = _plain(context.invocation_metadata())
        self.call = Call(method.path, metadata, peer=context.peer() or "", certificate=partial(_certificate, context))
        self.raw = raw
        """The serialised request, and on the way back the serialised response; of shapes without streams."""
        self.message: Any = None
        """What the servicer gets: the request, or the iterator of requests."""
        self.principal_name = ""
        """Who calls, once that is known."""
        self.code = grpc.StatusCode.OK
        self.reason: Reason | None = None
        """Why it was refused, where it was."""
        self.streams: Streams | None = None
        """The streams of the call; None for a unary one."""


def _plain(metadata: Any) -> dict[str, str]:
    """The textual metadata by key; of a key that is there twice, the last."""
    return {key: value for key, value in metadata or () if isinstance(value, str)}


def _certificate(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """See Call.certificate."""
    return b"".join(context.auth_context().get("x509_pem_cert", ())).decode("ascii", "replace")


class Streams:
    """The raw streams of one call, and what stopping needs to know of them."""

    def __init__(self, context: grpc.aio.ServicerContext[Any, Any], *, half_closed: bool) -> None:
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._half_closed = half_closed
        self._answered = False
        self._task = asyncio.current_task()
        self._touched_at = self._loop.time()
        self._stopping = False
        self._expires_at: float | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self.ended_by: DomainError | None = None
        """Why the server has cancelled the call, where it has: it stops, or the caller's token has expired."""

    async def read(self) -> bytes | None:
        """The next serialised request; None after the last. Raises DomainError: SHUTTING_DOWN, CREDENTIALS_EXPIRED."""
        if self._half_closed:
            return None
        try:
            async with asyncio.timeout_at(self._expires_at):
                raw = await self._context.read()
        except TimeoutError:
            raise expired() from None
        self._touched_at = self._loop.time()
        if raw is grpc.aio.EOF:
            self._half_closed = True
            return None
        if self._stopping:
            raise shutting_down()
        assert isinstance(raw, bytes)
        return raw

    async def write(self, raw: bytes) -> None:
        """Send one serialised response; returns when the transport has room for more."""
        await self._context.write(raw)
        self._answered = True
        self._touched_at = self._loop.time()

    async def drain(self) -> None:
        """Read on, discarding, until the client half-closes or is silent, within bounds."""
        self._task = None  # the call is about to end by itself
        silence = SILENCE_AFTER_ANSWER_SECONDS if self._answered else SILENCE_SECONDS
        left = DRAIN_BYTES
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self._half_closed and left > 0:
                    raw = await asyncio.wait_for(self._context.read(), silence)
                    self._half_closed = raw is grpc.aio.EOF
                    left -= len(raw) if isinstance(raw, bytes) else 0
        except TimeoutError:
            return

    def stop(self, *, idle_for: float) -> None:
        """Take no more requests, and end the call if neither side has sent anything for so many seconds."""
        self._stopping = True
        if self._loop.time() - self._touched_at >= idle_for:
            self._end(shutting_down())

    def expire_in(self, seconds: float) -> None:
        """End the call so long from now. One that reads requests reads no more, and may finish with those it has."""
        self._expires_at = self._loop.time() + seconds
        patience = 0.0 if self._half_closed else EXPIRED_SECONDS
        self._expiry = self._loop.call_at(self._expires_at + patience, self._end, expired())

    def close(self) -> None:
        """The call has ended."""
        self._task = None
        if self._expiry is not None:
            self._expiry.cancel()

    def _end(self, why: DomainError) -> None:
        if self._task is not None:
            self.ended_by = why
            self._task.cancel()
            self._task = None


def expired() -> DomainError:
    """The refusal of a stream that outlives its caller's token."""
    message = "The token of this stream has expired; get a new one and open the stream again from where it was."
    return DomainError(Reason.CREDENTIALS_EXPIRED, message)


def shutting_down() -> DomainError:
    """The refusal of everything while the server stops."""
    return DomainError(Reason.SHUTTING_DOWN, "The server is shutting down; try again.")
