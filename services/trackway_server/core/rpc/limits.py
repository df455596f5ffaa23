"""The innermost layer: turns bytes into messages and refuses those that are none, or break a limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError, Message

from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.dispatch import Handler
from trackway_server.core.rpc.exchange import Exchange, Streams
from trackway_server.core.rpc.method import Method
from trackway_server.core.rpc.validation import validate


@dataclass(frozen=True, slots=True)
class Limits:
    """Parses and validates every message that comes in; on a stream, as the servicer asks for it, and in time."""

    first_message_s: float
    stream_idle_s: float
    name: str = "limits"
    after: Sequence[str] = ("status", "authorization")

    def wrap(self, method: Method, proceed: Handler) -> Handler:
        """See Interceptor."""
        parse = _parser(method)
        patience = self.first_message_s, self.stream_idle_s

        async def handle_one(exchange: Exchange) -> None:
            exchange.message = parse(exchange.raw)
            await proceed(exchange)

        async def handle_stream(exchange: Exchange) -> None:
            assert exchange.streams is not None
            exchange.message = Requests(exchange.streams, parse, *patience)
            await proceed(exchange)

        return handle_stream if method.streams_requests else handle_one


class Requests(AsyncIterator[Message]):
    """The requests of a stream, parsed and validated one by one. A broken one raises, and can be passed over."""

    def __init__(
        self, streams: Streams, parse: Callable[[bytes], Message], first_message_s: float, idle_s: float
    ) -> None:
        self._streams = streams
        self._parse = parse
        self._patience_s = first_message_s
        self._idle_s = idle_s

    async def __anext__(self) -> Message:
        try:
            async with asyncio.timeout(self._patience_s):
                raw = await self._streams.read()
        except TimeoutError:
            text = f"The stream sent nothing for {self._patience_s:g} seconds; open it again when there is something."
            raise DomainError(Reason.DEADLINE_EXCEEDED, text) from None
        self._patience_s = self._idle_s
        if raw is None:
            raise StopAsyncIteration
        return self._parse(raw)


def _parser(method: Method) -> Callable[[bytes], Message]:
    from_string = method.request_type.FromString
    type_name = method.request_type.DESCRIPTOR.name

    def parse(raw: bytes) -> Message:
        try:
            message = from_string(raw)
        except DecodeError:
            text = f"The bytes sent are no {type_name}."
            raise DomainError(Reason.MALFORMED_REQUEST, text, method=method.path) from None
        validate(message)
        return message

    return parse
