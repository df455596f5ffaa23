"""Bodies of requests: read within a time and a size, and decompressed within the same size."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Receive

from trackway_server.core.errors import DomainError, Reason, TryLaterError

FREE_BYTES = 256 << 10
"""What anybody may send; more is read only of those that the services know."""
HELD_BYTES = 256 << 20
"""Of greater bodies in memory at once."""

Known = Callable[[], Awaitable[None]]
"""Raises where the services do not know the request's sender."""

_PASSED_OVER = 8
"""Times the limit: bodies that are announced as no larger are received, though not kept, before they are refused."""
_GZIP = 16 + zlib.MAX_WBITS


class ClientGoneError(Exception):
    """The other end has closed the connection."""


class BodyTooLargeError(DomainError):
    """A body that is larger than a body may be."""

    def __init__(self, limit: int) -> None:
        message = f"The body is larger than {limit} bytes; send less at once."
        super().__init__(Reason.LIMIT_EXCEEDED, message, limit="body_bytes", maximum=str(limit))


class SlowBodyError(DomainError):
    """A body that did not come to its end."""

    def __init__(self, seconds: float) -> None:
        super().__init__(Reason.DEADLINE_EXCEEDED, f"The body did not come within {seconds:g} seconds; send it again.")


class EncodingUnknownError(DomainError):
    """A body in an encoding that is not taken."""

    def __init__(self) -> None:
        message = "Only gzip and identity are taken as Content-Encoding."
        super().__init__(Reason.UNKNOWN_METHOD, message, method="Content-Encoding")


@dataclass(frozen=True, slots=True)
class Body:
    """What was read."""

    raw: bytes
    admit: Known
    """To be awaited before what is in it becomes greater than anybody may send."""


class Bodies:
    """Reads bodies of at most `limit` bytes, each within so many seconds."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._held = 0

    def carried(self, headers: Headers) -> int:
        """How many bytes of a body the connection is to carry: more than are taken where it is passed over."""
        announced = _announced(headers)
        return announced if self._limit < announced <= _PASSED_OVER * self._limit else self._limit

    @asynccontextmanager
    async def body(self, headers: Headers, receive: Receive, known: Known) -> AsyncIterator[Body]:
        """The body, decompressed, inside the block. `known` is awaited before more is read than anybody may send.

        Raises DomainError: BodyTooLargeError, SlowBodyError, EncodingUnknownError, MALFORMED_REQUEST, LIMIT_EXCEEDED
        while too many large ones are being read; and ClientGoneError.
        """
        encoding = headers.get("content-encoding", "identity").strip().lower() or "identity"
        if encoding not in {"identity", "gzip"}:
            raise EncodingUnknownError
        if _announced(headers) > self._limit:
            if self.carried(headers) > self._limit:
                await known()
                await self._pass_over(receive)
            raise BodyTooLargeError(self._limit)
        with ExitStack() as room:
            admitted = False

            async def admit() -> None:
                nonlocal admitted
                if not admitted:
                    admitted = True
                    await known()
                    room.enter_context(self._room())

            try:
                async with asyncio.timeout(self._seconds):
                    raw = await self._received(receive, admit)
            except TimeoutError:
                raise SlowBodyError(self._seconds) from None
            yield Body(await self.unzipped(raw, admit) if encoding == "gzip" else raw, admit)

    async def unzipped(self, raw: bytes, admit: Known) -> bytes:
        """What is compressed in `raw`. Raises as `body` does."""
        inflating = zlib.decompressobj(_GZIP)
        try:
            found = await asyncio.to_thread(inflating.decompress, raw, FREE_BYTES)
            if inflating.unconsumed_tail:
                await admit()
                found += await asyncio.to_thread(
                    inflating.decompress, inflating.unconsumed_tail, self._limit + 1 - len(found)
                )
        except zlib.error:
            raise _no_gzip() from None
        if inflating.unconsumed_tail or len(found) > self._limit:
            raise BodyTooLargeError(self._limit)
        if not inflating.eof or inflating.unused_data:
            raise _no_gzip()
        return found

    async def _pass_over(self, receive: Receive) -> None:
        """Have a body sent to its end: many clients only read an answer then, and see a broken connection before."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                while (message := await receive())["type"] != "http.disconnect" and message.get("more_body", False):
                    pass

    async def _received(self, receive: Receive, admit: Known) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            body += message.get("body", b"")
            if len(body) > self._limit:
                raise BodyTooLargeError(self._limit)
            if len(body) > FREE_BYTES:
                await admit()
            if not message.get("more_body", False):
                return bytes(body)

    @contextmanager
    def _room(self) -> Iterator[None]:
        if self._held + self._limit > max(HELD_BYTES, self._limit):
            message = "Too many large requests are being read; try again in a moment."
            raise TryLaterError(message, 1, limit="held_bytes", maximum=str(HELD_BYTES))
        self._held += self._limit
        try:
            yield
        finally:
            self._held -= self._limit


def _announced(headers: Headers) -> int:
    """How long the body is, where the header says it; else 0."""
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _no_gzip() -> DomainError:
    return DomainError(Reason.MALFORMED_REQUEST, "The body is not one whole gzip stream.", method="Content-Encoding")
