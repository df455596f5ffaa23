"""One connection to one server: every call of the facade goes through here and gets its key, request id, deadline and
errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio

from trackway import errors
from trackway._ids import new_id
from trackway._rpc.auth import Credentials, Metadata
from trackway._rpc.channel import MAX_RECONNECT_MS, files_signature, open_channel
from trackway._rpc.status import CallSite, error_of, has_expired, too_late
from trackway.config import ServerAddress

UNARY_SECONDS = 30.0
"""The deadline of a unary call."""
IDLE_SECONDS = 60.0
"""How long a stream may go without a message."""
RECONNECT_SECONDS = 1.5 * MAX_RECONNECT_MS / 1000
"""Long enough for one more attempt to connect."""


_FAILURES = (grpc.aio.AioRpcError, TimeoutError)


class Connection:
    """A channel that is opened at the first call, in the event loop of that call, and after `disconnect` again.

    What it raises holds on to nothing of gRPC, neither as context nor in a frame (hence the `del`s): gRPC survives a
    fork only when its channels are gone, and users keep exceptions.
    """

    def __init__(self, address: ServerAddress, *, workspace: str, timeout: float = UNARY_SECONDS) -> None:
        self.address = address
        self.workspace = workspace
        self.timeout = timeout
        self._channel: grpc.aio.Channel | None = None
        self._files: tuple[int, ...] = ()
        self._replaced: list[grpc.aio.Channel] = []
        self._stubs: dict[Any, Any] = {}
        self._closed = False
        self._credentials = Credentials(address, workspace)

    def stub(self, factory: Callable[[grpc.aio.Channel], Any]) -> Any:
        """The generated stub of a service on this connection."""
        if self._closed:
            raise errors.FailedPrecondition("this client is closed: make a new one")
        if self._channel is not None and self._certificates_renewed(self._channel):
            self._replaced.append(self._channel)
            self._channel = None
            self._stubs.clear()
        if self._channel is None:
            self._files = files_signature(self.address)
            self._channel = open_channel(self.address, longest_call=self.timeout)
        if factory not in self._stubs:
            self._stubs[factory] = factory(self._channel)
        return self._stubs[factory]

    async def unary(self, method: Any, request: Any, *, seconds: float | None = None) -> Any:
        """The answer to one request. Raises TrackwayError."""
        site, limit = self._site(method), seconds or self.timeout
        try:
            began = time.monotonic()
            await self._reconnected(limit)
            metadata = await self._metadata(site)
            left = max(limit - (time.monotonic() - began), 0.001)
            return await method(request, metadata=metadata, timeout=left)
        except _FAILURES as failure:
            error = self._failed(failure, site, limit)
        del method
        raise error

    async def upload(self, method: Any, requests: AsyncIterator[Any], *, idle: float = IDLE_SECONDS) -> Any:
        """The answer to a stream of requests. Raises TrackwayError, DeadlineExceeded where the server stops reading."""
        site, call = self._site(method), None
        try:
            await self._reconnected()
            call = method(metadata=await self._metadata(site))
            return await _send(call, requests, idle)
        except _FAILURES as failure:
            error = self._failed(failure, site, idle)
        finally:
            if call is not None:
                call.cancel()
        del method, call
        raise error

    async def stream(self, method: Any, request: Any, *, idle: float = IDLE_SECONDS) -> AsyncGenerator[Any, None]:
        """The answers to one request. Raises TrackwayError, DeadlineExceeded where none comes for `idle` seconds."""
        site, call, began = self._site(method), None, 0.0
        try:
            await self._reconnected()
            metadata, began = await self._metadata(site), time.monotonic()
            call = method(request, metadata=metadata)
            while (answer := await _read(call, idle)) is not grpc.aio.EOF:
                yield answer
            return
        except _FAILURES as failure:
            error = self._failed(failure, site, idle, began)
        finally:
            if call is not None:
                call.cancel()
        del method, call
        raise error

    async def disconnect(self) -> None:
        """Give up the channel. The next call opens a new one, in whichever loop it then runs."""
        channel, self._channel = self._channel, None
        replaced, self._replaced = self._replaced, []
        self._stubs.clear()
        self._credentials.detach()
        for each in (*replaced, channel):
            if each is not None:
                await each.close()

    async def close(self) -> None:
        """Give up the channel for good."""
        self._closed = True
        await self.disconnect()

    def _certificates_renewed(self, channel: grpc.aio.Channel) -> bool:
        """Whether the connection is lost, and files of TLS have changed since it was opened."""
        lost = channel.get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE
        return lost and files_signature(self.address) != self._files

    def _site(self, method: Any) -> CallSite:
        return CallSite(self.address, _name_of(method), new_id())

    async def _metadata(self, site: CallSite) -> Metadata:
        assert self._channel is not None
        return await self._credentials.metadata(self._channel, site.request_id)

    def _failed(
        self, failure: BaseException, site: CallSite, seconds: float, began: float = 0.0
    ) -> errors.TrackwayError:
        """The error to raise; a token that is refused, or has expired under a stream, is asked for anew at the next
        call."""
        error = _translated(failure, site, seconds)
        if has_expired(error):
            self._credentials.renew(began)
        elif isinstance(error, errors.Unauthenticated):
            self._credentials.forget()
        return error

    async def _reconnected(self, limit: float = RECONNECT_SECONDS) -> None:
        """After a lost connection, wait for another attempt to connect, so that no call is answered by a failure of the
        past. A call that cannot be repeated would otherwise fail though the server is back."""
        channel = self._channel
        assert channel is not None
        state = channel.get_state(try_to_connect=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(limit, RECONNECT_SECONDS)):
                while state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                    await channel.wait_for_state_change(state)
                    state = channel.get_state()


def _translated(failure: BaseException, site: CallSite, seconds: float) -> errors.TrackwayError:
    return error_of(failure, site) if isinstance(failure, grpc.aio.AioRpcError) else too_late(site, seconds)


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
