"""Work for a client that may go away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.types import Receive

from trackway_server.gateway.bodies import ClientGoneError

T = TypeVar("T")


class Presence:
    """Whether the client of one request, whose body has been read, is still there."""

    def __init__(self, gone: asyncio.Task[None]) -> None:
        self._gone = gone

    async def wait_for(self, task: asyncio.Task[T], timeout_s: float | None = None) -> bool:
        """Whether the task is done within the time. Raises ClientGoneError where the client has gone."""
        await asyncio.wait({task, self._gone}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if self._gone.done():
            raise ClientGoneError
        return task.done()

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` answers. It is cancelled where the client goes first: ClientGoneError."""
        async with running(work) as task:
            await self.wait_for(task)
            return task.result()


@asynccontextmanager
async def presence(receive: Receive) -> AsyncIterator[Presence]:
    """Look, inside the block, whether the client is there."""
    async with running(_departure(receive)) as gone:
        yield Presence(gone)


@asynccontextmanager
async def running(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """A task inside the block, which has ended after it."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
