"""The body of a request, piece by piece as it comes: nothing of it is read before the piece before it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.types import Message, Receive

from trackway_server.gateway.bodies import ClientGoneError, SlowBodyError
from trackway_server.gateway.mlflow.errors import MlflowError, invalid

PIECE_BYTES = 256 << 10
"""About as much is handed on at once."""
MOST_PIECE_BYTES = 1 << 20
"""What a message of an upload may hold."""
SLOWEST = 1 << 10
"""Bytes a second, beyond the patience: who sends less holds a place for nothing."""


class IncomingBody:
    """At most `most_bytes` bytes. The client may be silent for `patience_s` at a time, and take no longer in all than
    that and what comes needs at the slowest pace. Time in which nothing was asked of it is not counted.
    """

    def __init__(self, receive: Receive, most_bytes: int, patience_s: float) -> None:
        self._receive = receive
        self._most_bytes = most_bytes
        self._patience_s = patience_s
        self._received = 0
        self._waited_s = 0.0

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes. Raises ClientGoneError where they break off, DomainError (SlowBodyError), and MlflowError where
        there are too many."""
        gathered, more = bytearray(), True
        while more:
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            gathered += message.get("body", b"")
            self._received += len(message.get("body", b""))
            if self._received > self._most_bytes:
                raise too_large(self._most_bytes)
            more = message.get("more_body", False)
            if len(gathered) >= PIECE_BYTES or not more:
                for start in range(0, len(gathered), MOST_PIECE_BYTES):
                    yield bytes(gathered[start : start + MOST_PIECE_BYTES])
                gathered.clear()

    async def _next(self) -> Message:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        allowed_s = self._patience_s + self._received / SLOWEST - self._waited_s
        try:
            async with asyncio.timeout(min(self._patience_s, allowed_s)):
                return await self._receive()
        except TimeoutError:
            raise SlowBodyError(self._patience_s) from None
        finally:
            self._waited_s += loop.time() - asked_at


def too_large(most_bytes: int) -> MlflowError:
    """The refusal of a body with more bytes."""
    return invalid(f"The file is too large: at most {most_bytes} bytes are taken.")
