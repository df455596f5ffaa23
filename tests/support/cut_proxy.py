"""A TCP proxy in front of a server that loses its connections when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class CutProxy:
    """Carries bytes both ways. `cut_after` bytes from the server, a connection is reset; None: never."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self.port = 0
        self.cut_after: int | None = None
        self.cuts = 0

    @property
    def uri(self) -> str:
        return f"trackway://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, upstream_writer, counted=False))
                group.create_task(self._carry(upstream_reader, writer, counted=True))
        except* (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for each in (writer, upstream_writer):
                each.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool) -> None:
        carried = 0
        while data := await reader.read(1 << 16):
            carried += len(data)
            if counted and self.cut_after is not None and carried > self.cut_after:
                self.cuts += 1
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError


@asynccontextmanager
async def cut_proxy(port: int) -> AsyncIterator[CutProxy]:
    """A proxy to that port of this machine."""
    proxy = CutProxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 1)
