"""One connection to one server: every call of the facade goes through here and gets its key, request id, deadline and
errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.aio

from trackway import errors
from trackway._ids import new_id
from trackway._rpc.auth import Metadata, call_metadata
from trackway._rpc.channel import open_channel
from trackway._rpc.status import CallSite, error_of, too_late
from trackway.config import ServerAddress

UNARY_SECONDS = 30.0
"""The deadline of a unary call."""
IDLE_SECONDS = 60.0
"""How long a stream may go without a message."""


class Connection:
    """A channel that is opened at the first call, in the event loop of that call, and after `disconnect` again."""

    def __init__(self, address: ServerAddress, *, workspace: str, timeout: float = UNARY_SECONDS) -> None:
        self.address = address
        self.workspace = workspace
        self.timeout = timeout
        self._channel: grpc.aio.Channel | None = None
        self._stubs: dict[Any, Any] = {}
        self._closed = False

    def stub(self, factory: Callable[[grpc.aio.Channel], Any]) -> Any:
        """The generated stub of a service on this connection."""
        if self._closed:
            raise errors.FailedPrecondition("this client is closed: make a new one")
        if self._channel is None:
            self._channel = open_channel(self.address)
        if factory not in self._stubs:
            self._stubs[factory] = factory(self._channel)
        return self._stubs[factory]

    async def unary(self, method: Any, request: Any, *, seconds: float | None = None) -> Any:
        """The answer to one request. Raises TrackwayError."""
        with self._translated(method) as metadata:
            return await method(request, metadata=metadata, timeout=seconds or self.timeout)

    async def upload(self, method: Any, requests: AsyncIterator[Any], *, idle: float = IDLE_SECONDS) -> Any:
        """The answer to a stream of requests. Raises TrackwayError, DeadlineExceeded where the server stops reading."""
        with self._translated(method, idle) as metadata:
            call = method(metadata=metadata)
            try:
                return await _send(call, requests, idle)
            finally:
                call.cancel()

    async def stream(self, method: Any, request: Any, *, idle: float = IDLE_SECONDS) -> AsyncIterator[Any]:
        """The answers to one request. Raises TrackwayError, DeadlineExceeded where none comes for `idle` seconds."""
        with self._translated(method, idle) as metadata:
            call = method(request, metadata=metadata)
            try:
                while (answer := await _read(call, idle)) is not grpc.aio.EOF:
                    yield answer
            finally:
                call.cancel()

    async def disconnect(self) -> None:
        """Give up the channel. The next call opens a new one, in whichever loop it then runs."""
        channel, self._channel = self._channel, None
        self._stubs.clear()
        if channel is not None:
            await channel.close()

    async def close(self) -> None:
        """Give up the channel for good."""
        self._closed = True
        await self.disconnect()

    @contextmanager
    def _translated(self, method: Any, idle: float | None = None) -> Iterator[Metadata]:
        site = CallSite(self.address, _name_of(method), new_id())
        try:
            yield call_metadata(self.address, site.request_id)
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure, site) from None
        except TimeoutError:
            raise too_late(site, idle or self.timeout) from None


async def _send(call: Any, requests: AsyncIterator[Any], idle: float) -> Any:
    try:
        async for request in requests:
            async with asyncio.timeout(idle):
                await call.write(request)
        await call.done_writing()
    except asyncio.InvalidStateError:
        pass  # the server has answered already: awaiting the call tells what
    async with asyncio.timeout(idle):
        return await call


async def _read(call: Any, idle: float) -> Any:
    async with asyncio.timeout(idle):
        return await call.read()


def _name_of(method: Any) -> str:
    """`Service.Method` of a stub's callable, for messages."""
    path = method._method
    name = path.decode() if isinstance(path, bytes) else str(path)
    service, _, rpc = name.strip("/").partition("/")
    return f"{service.rpartition('.')[2]}.{rpc}"
