"""Places for what takes much memory: so many of it at once, whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trackway_server.core.errors import TryLaterError


class Places:
    """`most` places. Those who find none wait their turn, for `wait_s` seconds at most."""

    def __init__(self, most: int, wait_s: float, limit: str) -> None:
        self._most = most
        self._wait_s = wait_s
        self._limit = limit
        self._free = asyncio.Semaphore(most)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A place, as soon as there is one. Raises TryLaterError, which names the `limit`, after a while."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            message = f"Too many {self._limit} are under way; try again later."
            raise TryLaterError(message, 5, limit=self._limit, maximum=str(self._most)) from None
        try:
            yield
        finally:
            self._free.release()
