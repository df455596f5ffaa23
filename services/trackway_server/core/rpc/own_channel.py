"""A channel to the services of the same process. A unary call passes the server's chain of interceptors as any other
does, as bytes both ways, and is spared the socket, which costs more than the chain.

What gRPC's transport would refuse or end is refused and ended here in the same way: messages that are too large, and
calls that take longer than they may. Streams go over the socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

import grpc

Metadata = tuple[tuple[str, str | bytes], ...]
Answers = Callable[[bytes, Any], Awaitable[bytes]]
"""Answers a serialised request, given a context."""

MOST_ANSWER_BYTES = 64 << 20
ATTEMPTS = 3
FIRST_PAUSE_S = 0.05
"""As `rpc/peers.py` has gRPC repeat calls."""
_NOTHING = grpc.aio.Metadata()


class OwnChannel(grpc.aio.Channel):
    """`over` is a channel to the same services, which the caller closes."""

    def __init__(self, over: grpc.aio.Channel) -> None:
        self._over = over
        self._answers: Mapping[str, Answers] = {}
        self._most_bytes = 0

    def shorten(self, answers: Mapping[str, Answers], most_bytes: int) -> None:
        """From now on calls of these methods, by path, with requests of so many bytes at most, go to them directly."""
        self._answers, self._most_bytes = answers, most_bytes

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Any:
        """A call goes over the socket where the server does not answer it yet, or knows no such method."""
        answer = self._answers.get(method)
        if answer is None:
            return self._over.unary_unary(method, request_serializer, response_deserializer)
        most_bytes = self._most_bytes

        def call(request: Any, *, timeout: float | None = None, metadata: Any = None, **_: Any) -> Awaitable[Any]:
            raw = request if request_serializer is None else request_serializer(request)
            return _answered(answer, raw, most_bytes, tuple(metadata or ()), timeout, response_deserializer)

        return call

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        return self._over.unary_stream(*args, **kwargs)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        return self._over.stream_unary(*args, **kwargs)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        return self._over.stream_stream(*args, **kwargs)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._over.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._over.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._over.channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> OwnChannel:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _answered(
    answer: Answers,
    raw: bytes,
    most_bytes: int,
    metadata: Metadata,
    seconds: float | None,
    parse: Callable[[bytes], Any] | None,
) -> Any:
    if len(raw) > most_bytes:
        raise _refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "The message is too large.")
    try:
        async with asyncio.timeout(seconds) as limit:
            answered = await _repeated(answer, raw, metadata, limit.when())
    except TimeoutError:
        raise _refused(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from None
    return answered if parse is None else parse(answered)


async def _repeated(answer: Answers, raw: bytes, metadata: Metadata, until: float | None) -> bytes:
    attempt = 1
    while True:
        try:
            answered = await answer(raw, OwnContext(metadata, until))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or attempt == ATTEMPTS:
                raise
        else:
            if len(answered) > MOST_ANSWER_BYTES:
                raise _refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "The answer is too large.")
            return answered
        await asyncio.sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
        attempt += 1


class OwnContext:
    """What the chain asks of, and tells to, a grpc.aio.ServicerContext, of a call without a connection."""

    def __init__(self, metadata: Metadata, until: float | None) -> None:
        self._metadata = metadata
        self._until = until
        self._trailing: Metadata = ()
        self._details = ""

    def invocation_metadata(self) -> Metadata:
        """What came with the request."""
        return self._metadata

    def peer(self) -> str:
        """As over the socket of the process itself."""
        return "unix:"

    def auth_context(self) -> Mapping[str, Any]:
        """Nobody has shown a certificate."""
        return {}

    def time_remaining(self) -> float | None:
        """Seconds until the call is ended; None: it may take as long as it likes."""
        return None if self._until is None else self._until - asyncio.get_running_loop().time()

    def set_trailing_metadata(self, trailing: Metadata) -> None:
        """What goes with the status."""
        self._trailing = trailing

    def trailing_metadata(self) -> Metadata:
        """The same."""
        return self._trailing

    def set_code(self, code: grpc.StatusCode) -> None:
        """`abort` says it again."""

    def set_details(self, details: str) -> None:
        """What people read of the status."""
        self._details = details

    def details(self) -> str:
        """The same."""
        return self._details

    async def abort(self, code: grpc.StatusCode, details: str, trailing: Metadata) -> NoReturn:
        """End the call."""
        raise _refused(code, details, trailing)


def _refused(code: grpc.StatusCode, details: str, trailing: Metadata = ()) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, _NOTHING, grpc.aio.Metadata(*trailing), details)
